// The bytes of a file, unpacked while they are read if the file is packed with xz, gzip or zstd.
// How it is packed is told by its first bytes, never by its name. Memory does not grow with the
// file.
//
//   ByteSource source("401.trace.xz");          // throws TraceError
//   while (const std::size_t count = source.read(buffer)) ...
//
// Not for archives of several files (tar, zip).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/workload/unique_fd.h"

namespace nestwalk {

enum class Compression : std::uint8_t { kNone, kXz, kGzip, kZstd };
[[nodiscard]] std::string_view name_of(Compression compression);

class Unpacker;

class ByteSource {
 public:
  explicit ByteSource(const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Compression compression() const { return compression_; }
  // Bytes of the file read so far, packed as they are.
  [[nodiscard]] std::uint64_t num_read() const { return num_read_; }
  // Fills the buffer; less only at the end.
  [[nodiscard]] std::size_t read(std::span<std::uint8_t> out);

 private:
  std::size_t read_file(std::span<std::uint8_t> out);
  void refill();
  [[noreturn]] void fail(std::string found, std::string expected) const;

  std::string path_;
  UniqueFd fd_;
  Compression compression_ = Compression::kNone;
  std::unique_ptr<Unpacker> unpacker_;  // none: the file is not packed
  std::vector<std::uint8_t> packed_;
  std::size_t packed_begin_ = 0;
  std::size_t packed_end_ = 0;
  bool file_ended_ = false;
  std::uint64_t num_read_ = 0;
};

}  // namespace nestwalk
