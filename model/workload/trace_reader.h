// A trace file (.nwt) as a stream, and what it says about itself. Memory is one frame, whatever the
// length of the file.
//
//   TraceReader reader("configs/traces/cc1.nwt");   // throws TraceError on anything else
//   reader.next_batch(batch);
//   trace_info("configs/traces/cc1.nwt").num_accesses;
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/workload/stream.h"

namespace nestwalk {

struct TraceInfo {
  std::string path;
  unsigned version = 0;
  std::string command;  // what was recorded
  std::string source;   // what recorded it
  std::uint64_t file_bytes = 0;
  std::uint64_t num_reads = 0;
  std::uint64_t num_writes = 0;
  std::uint64_t num_fetches = 0;
  std::uint64_t num_events = 0;  // those in the stream; the initial regions are not counted
  std::uint64_t num_instructions = 0;
  std::uint64_t num_frames = 0;
  std::uint64_t checksum = 0;  // of the whole content: two traces with the same one are the same
  std::vector<std::uint64_t> page_sizes_bytes;  // that the recorded program had
  std::vector<Region> initial_regions;

  [[nodiscard]] std::uint64_t num_accesses() const { return num_reads + num_writes + num_fetches; }
};

// Reads the header and the index only, not the records. Throws TraceError.
[[nodiscard]] TraceInfo trace_info(const std::string& path);

class TraceReader : public Stream {
 public:
  explicit TraceReader(const std::string& path);
  ~TraceReader() override;
  TraceReader(const TraceReader& other);
  TraceReader& operator=(const TraceReader& other);

  [[nodiscard]] std::size_t next_batch(std::span<TraceRecord> out) override;
  void rewind() override;
  [[nodiscard]] std::unique_ptr<Stream> clone() const override;
  [[nodiscard]] std::optional<std::uint64_t> num_accesses() const override;

  [[nodiscard]] const TraceInfo& info() const;
  // Bytes held for records, tables and buffers: bounded by the frame size, not by the file.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nestwalk
