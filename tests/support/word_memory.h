// A sparse memory of 64-bit words for tests: what was never written reads as zero.
//
//   WordMemory memory;
//   memory.write(Hpa{0x1000}, 8, 0x2003);
//   memory.read(Hpa{0x1004}, 4);                          // 0
//   memory.compare_and_swap(Hpa{0x1000}, 8, 0x2003, 0x2023);
//
// Not for timing or for large images: every word is a hash-table node.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "model/arch/address.h"

namespace nestwalk {

class WordMemory {
 public:
  // `bytes` is 4 or 8, `hpa` a multiple of it. Empty: the memory refuses this page.
  [[nodiscard]] std::optional<std::uint64_t> read(Hpa hpa, unsigned bytes) const {
    if (refused_.count(hpa.value() >> 12) != 0) {
      return std::nullopt;
    }
    const auto found = words_.find(hpa.value() >> 3);
    const std::uint64_t word = found == words_.end() ? 0 : found->second;
    if (bytes == 8) {
      return word;
    }
    return (word >> shift(hpa)) & 0xffffffff;
  }

  void write(Hpa hpa, unsigned bytes, std::uint64_t value) {
    std::uint64_t& word = words_[hpa.value() >> 3];
    if (bytes == 8) {
      word = value;
    } else {
      const std::uint64_t half = std::uint64_t{0xffffffff} << shift(hpa);
      word = (word & ~half) | ((value << shift(hpa)) & half);
    }
  }

  // False: the word is no longer `expected` and stays as it is.
  bool compare_and_swap(Hpa hpa, unsigned bytes, std::uint64_t expected, std::uint64_t desired) {
    if (read(hpa, bytes) != expected) {
      return false;
    }
    write(hpa, bytes, desired);
    return true;
  }

  // From now on reads of this 4K page are answered by an error.
  void refuse_page(Hpa hpa) { refused_.insert(hpa.value() >> 12); }
  // From now on this 4K page is read-only for those who ask is_writable().
  void refuse_writes(Hpa hpa) { read_only_.insert(hpa.value() >> 12); }
  [[nodiscard]] bool is_writable(Hpa hpa) const { return read_only_.count(hpa.value() >> 12) == 0; }

  // visit(Hpa, word) for every aligned word that was written, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [number, word] : words_) {
      visit(Hpa(number << 3), word);
    }
  }

  [[nodiscard]] bool contains(Hpa hpa) const { return words_.count(hpa.value() >> 3) != 0; }

  // visit(Hpa, word) for every word that was written, in no order.
  template <class Visit>
  void for_each_word(Visit visit) const {
    for (const auto& [index, word] : words_) {
      visit(Hpa(index << 3), word);
    }
  }

  friend bool operator==(const WordMemory& a, const WordMemory& b) {
    return a.words_ == b.words_ && a.refused_ == b.refused_ && a.read_only_ == b.read_only_;
  }

 private:
  static unsigned shift(Hpa hpa) { return (hpa.value() & 4) != 0 ? 32 : 0; }

  std::unordered_map<std::uint64_t, std::uint64_t> words_;  // by hpa / 8
  std::set<std::uint64_t> refused_;                         // by hpa / 4096
  std::set<std::uint64_t> read_only_;                       // by hpa / 4096
};

}  // namespace nestwalk
