// One packed stream, unpacked piece by piece: xz, gzip or zstd. Several streams one after another
// are one.
//
//   auto unpacker = make_unpacker(Compression::kXz);
//   UnpackStep step = unpacker->unpack(packed, out, InputEnd::kMore);
//
// Not for telling what a file is: byte_source.h does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/workload/byte_source.h"

namespace nestwalk {

enum class InputEnd : std::uint8_t { kMore, kEnd };  // whether the packed bytes given are the last

struct UnpackStep {
  std::size_t num_used = 0;  // of the packed bytes
  std::size_t num_made = 0;  // unpacked
  bool is_damaged = false;
  bool is_between_streams = false;  // all that was begun is complete
};

class Unpacker {
 public:
  virtual ~Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  [[nodiscard]] virtual UnpackStep unpack(std::span<const std::uint8_t> packed,
                                          std::span<std::uint8_t> out, InputEnd end) = 0;

 protected:
  Unpacker() = default;
};

// Not for kNone.
[[nodiscard]] std::unique_ptr<Unpacker> make_unpacker(Compression compression);

}  // namespace nestwalk
