// A TLB with nothing around it: the yardstick of the lines that hit. 1,024 entries, 8 ways, least
// recently used, all ways compared without a branch. No tags but the page number, no rights, no
// counters, one page size.
//
//   BareTlb tlb;
//   tlb.translate(gva);  // a miss makes the entry: the page maps to itself
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace nestwalk {

class BareTlb {
 public:
  [[nodiscard]] std::uint64_t translate(std::uint64_t gva) {
    const std::uint64_t page = gva >> 12;
    Set& set = sets_[page % kSets];
    unsigned matches = 0;
    for (unsigned way = 0; way < kWays; ++way) {
      matches |= static_cast<unsigned>(set.page[way] == page) << way;
    }
    const std::size_t way =
        matches != 0 ? static_cast<std::size_t>(std::countr_zero(matches)) : replace(set, page);
    set.used[way] = ++clock_;
    return (set.frame[way] << 12) | (gva & 4095);
  }

 private:
  static constexpr std::size_t kSets = 128;
  static constexpr unsigned kWays = 8;
  struct Set {
    std::array<std::uint64_t, kWays> page{};
    std::array<std::uint64_t, kWays> frame{};
    std::array<std::uint64_t, kWays> used{};
  };

  static std::size_t replace(Set& set, std::uint64_t page) {
    const auto oldest = std::min_element(set.used.begin(), set.used.end());
    const auto way = static_cast<std::size_t>(oldest - set.used.begin());
    set.page[way] = page;
    set.frame[way] = page;
    return way;
  }

  std::array<Set, kSets> sets_{};
  std::uint64_t clock_ = 0;
};

}  // namespace nestwalk
