// Turns a trace of another tool into one of Nestwalk's (.nwt), as a stream: memory grows with the
// pages that the trace touches, not with its length.
//
//   ImportResult r = import_trace({.input_path = "mcf.xz", .output_path = "mcf.nwt"}, {});
//
// Foreign traces know no mappings: the regions of the result are the pages that were touched,
// neighbours together, all mapped from the start, with the rights that were used.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace nestwalk {

struct ImportOptions {
  std::string input_path;
  std::string output_path;
  std::uint64_t max_accesses = 0;  // stop there; 0: no limit
  int compression_level = 12;      // of zstd, 1 to 19
};

// Called every million accesses with their number; false ends the import there, with a complete
// trace.
using ImportCallback = std::function<bool(std::uint64_t)>;

struct ImportResult {
  std::string format;
  std::string compression;
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  std::uint64_t num_pages = 0;
  std::uint64_t num_regions = 0;
  std::uint64_t file_bytes = 0;
};

// Throws TraceError; then there is no output.
ImportResult import_trace(const ImportOptions& options, const ImportCallback& callback);

}  // namespace nestwalk
