// Writes a trace file (.nwt, described in trace_format.h) as a stream: memory stays constant
// whatever the length. The file is complete only after finish(); without it a reader says so.
//
//   TraceWriter writer("out.nwt", {.command = "cc1 hello.c", .source = "valgrind lackey"});
//   writer.append(record);
//   writer.finish(regions);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "model/workload/stream.h"

namespace nestwalk {

struct TraceWriterOptions {
  std::string command;         // what was recorded, as typed
  std::string source;          // what recorded it
  int compression_level = 12;  // of zstd, 1 to 19
};

class TraceWriter {
 public:
  // Creates the file. Throws TraceError if it exists already or cannot be written.
  TraceWriter(const std::string& path, const TraceWriterOptions& options);
  ~TraceWriter();
  TraceWriter(TraceWriter&&) noexcept;
  TraceWriter& operator=(TraceWriter&&) noexcept;

  void append(const TraceRecord& record);
  // The regions that exist before the first record; a reader delivers them as map events. Given at
  // the end because a recorder learns of them while the program runs.
  void finish(std::span<const Region> initial_regions);

  [[nodiscard]] std::uint64_t num_accesses() const;
  // Bytes written so far; the records still in the open frame are not in it.
  [[nodiscard]] std::uint64_t file_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nestwalk
