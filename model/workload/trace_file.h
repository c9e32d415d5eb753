// A trace file opened for reading at any place, and the judgement of what a file is that is not a
// trace. Shared by the copies of a reader: it holds no position.
//
//   TraceFile file(path);
//   file.read_at(24, bytes);    // all of them, or a TraceError that says the file is cut off
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/workload/trace_error.h"
#include "model/workload/trace_format.h"
#include "model/workload/unique_fd.h"

namespace nestwalk {

class TraceFile {
 public:
  explicit TraceFile(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  // Fewer bytes than asked for only at the end of the file.
  [[nodiscard]] std::size_t read_some(std::uint64_t offset, std::span<std::uint8_t> out) const;
  void read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;

  [[noreturn]] void fail(std::uint64_t offset, std::string found, std::string expected) const;

 private:
  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_bytes_ = 0;
};

// What the first bytes of a file that is not a trace look like, and what to do about it; `found`
// and `expected` of a TraceProblem.
[[nodiscard]] TraceProblem describe_foreign_file(std::span<const std::uint8_t> head);

// Header, index and trailer, checked.
[[nodiscard]] TraceIndex read_trace_index(const TraceFile& file);

}  // namespace nestwalk
