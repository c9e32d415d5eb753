// Bytes as trace files hold them: little-endian words, variable-length numbers (seven bits a byte,
// lowest first, the top bit says that more follow), and the checksum over them.
//
//   put_varint(out, 300);                 // 0xac 0x02
//   ByteCursor in(out);  in.varint();     // 300
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk {

using Bytes = std::vector<std::uint8_t>;

inline void put_varint(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put_text(Bytes& out, std::string_view text) {
  put_varint(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

template <class Word>
void put_word(Bytes& out, Word value) {
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

template <class Word>
[[nodiscard]] Word get_word(const std::uint8_t* bytes) {
  Word value = 0;
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    value = static_cast<Word>(value | static_cast<Word>(static_cast<Word>(bytes[i]) << (8 * i)));
  }
  return value;
}

// A signed distance as a small unsigned number: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
constexpr std::uint64_t fold_sign(std::uint64_t distance) {
  return (distance << 1) ^ (0 - (distance >> 63));
}
constexpr std::uint64_t unfold_sign(std::uint64_t folded) {
  return (folded >> 1) ^ (0 - (folded & 1));
}

// Reads forward. Past the end, or on a number of more than 64 bits, it returns zeros and failed().
class ByteCursor {
 public:
  ByteCursor() = default;
  explicit ByteCursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }

  std::uint8_t byte() {
    if (at_end()) {
      failed_ = true;
      return 0;
    }
    return bytes_[position_++];
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    failed_ = true;
    return 0;
  }

  std::string text() {
    const std::uint64_t length = varint();
    if (length > bytes_.size() - position_) {
      failed_ = true;
      return {};
    }
    const auto part = bytes_.subspan(position_, length);
    position_ += part.size();
    return {part.begin(), part.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

// A checksum against damage, not against malice. `seed` chains parts.
[[nodiscard]] inline std::uint64_t checksum(std::span<const std::uint8_t> bytes,
                                            std::uint64_t seed = 0) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  std::uint64_t sum = seed ^ (bytes.size() * kMultiplier);
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    sum = std::rotl(sum ^ get_word<std::uint64_t>(&bytes[i]), 29) * kMultiplier;
  }
  for (; i < bytes.size(); ++i) {
    sum = std::rotl(sum ^ bytes[i], 29) * kMultiplier;
  }
  return sum ^ (sum >> 32);
}

}  // namespace nestwalk
