// A set of 4 KiB pages of guest memory: a bit for each page, kept only where there is one set.
//
//   PageSet pages;
//   pages.insert(Gpa{0x5000});
//   pages.insert(Gpa{0x200000}, 21);  // a page of 2^21 bytes
//   pages.for_each([](Gpa page) { ... });
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <map>

#include "model/arch/address.h"
#include "model/arch/bits.h"
#include "model/arch/paging_format.h"

namespace nestwalk {

class PageSet {
 public:
  // The page of 2^bits bytes that holds the address. Returns how many small pages are new.
  std::uint64_t insert(Gpa address, unsigned bits = kSmallPageBits) {
    std::uint64_t added = 0;
    for_each_word(address, bits, [&](std::uint64_t word, std::uint64_t ones) {
      std::uint64_t& slot = chunks_[word / kWords][word % kWords];
      added += static_cast<unsigned>(std::popcount(ones & ~slot));
      slot |= ones;
    });
    size_ += added;
    return added;
  }
  // Returns how many small pages were in the set.
  std::uint64_t erase(Gpa address, unsigned bits = kSmallPageBits) {
    std::uint64_t removed = 0;
    for_each_word(address, bits, [&](std::uint64_t word, std::uint64_t ones) {
      const auto chunk = chunks_.find(word / kWords);
      if (chunk != chunks_.end()) {
        std::uint64_t& slot = chunk->second[word % kWords];
        removed += static_cast<unsigned>(std::popcount(ones & slot));
        slot &= ~ones;
      }
    });
    size_ -= removed;
    return removed;
  }
  // Whether any small page of the page of 2^bits bytes is in the set.
  [[nodiscard]] bool contains(Gpa address, unsigned bits = kSmallPageBits) const {
    bool found = false;
    for_each_word(address, bits, [&](std::uint64_t word, std::uint64_t ones) {
      const auto chunk = chunks_.find(word / kWords);
      found = found || (chunk != chunks_.end() && (chunk->second[word % kWords] & ones) != 0);
    });
    return found;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool is_empty() const { return size_ == 0; }

  // Calls visit(Gpa page) for each, the lowest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [number, words] : chunks_) {
      for (unsigned w = 0; w < kWords; ++w) {
        for (std::uint64_t left = words[w]; left != 0; left &= left - 1) {
          const std::uint64_t page =
              (number * kWords + w) * 64 + static_cast<unsigned>(std::countr_zero(left));
          visit(Gpa(page << kSmallPageBits));
        }
      }
    }
  }

 private:
  static constexpr std::uint64_t kWords = 8;  // of a chunk: 2 MiB

  template <class Visit>
  static void for_each_word(Gpa address, unsigned bits, Visit&& visit) {
    const std::uint64_t first = address.page(bits).value() >> kSmallPageBits;
    const std::uint64_t num_pages = bit(bits - kSmallPageBits);
    if (num_pages < 64) {
      visit(first / 64, (bit(static_cast<unsigned>(num_pages)) - 1) << (first % 64));
      return;
    }
    for (std::uint64_t word = first / 64; word < (first + num_pages) / 64; ++word) {
      visit(word, ~std::uint64_t{0});
    }
  }

  std::map<std::uint64_t, std::array<std::uint64_t, kWords>> chunks_;
  std::uint64_t size_ = 0;
};

}  // namespace nestwalk
