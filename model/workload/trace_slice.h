// A part of a trace as a trace of its own: some accesses, the events among them, and before them
// what every process had mapped at that place.
//
//   slice_trace({.input_path = "cc1.nwt", .output_path = "s.nwt", .from = 1000, .count = 500});
//
// Process 0 has its regions as initial regions. Any other process that is alive is forked from it,
// executes its program and maps its regions; then the stream switches to the process whose turn it
// is. If process 0 has ended before, it exits there.
#pragma once

#include <cstdint>
#include <string>

namespace nestwalk {

struct SliceOptions {
  std::string input_path;
  std::string output_path;
  std::uint64_t from = 0;   // accesses before the slice
  std::uint64_t count = 0;  // accesses of the slice; fewer if the trace ends
  int compression_level = 12;
};

struct SliceResult {
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  std::uint64_t num_regions = 0;  // of process 0 at the start
  std::uint64_t file_bytes = 0;
};

// Throws TraceError; then there is no output. A slice that begins behind the last access is one.
SliceResult slice_trace(const SliceOptions& options);

}  // namespace nestwalk
