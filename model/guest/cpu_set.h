// A set of the virtual CPUs of one VM, at most 64.
//
//   CpuSet told = CpuSet::of(1);
//   told.insert(3);
//   told.for_each([&](unsigned cpu) { ... });
//
// Says nothing about which CPUs there are: a set may hold numbers that no CPU has.
#pragma once

#include <bit>
#include <cstdint>

#include "model/arch/bits.h"
#include "model/arch/check.h"

namespace nestwalk {

class CpuSet {
 public:
  static constexpr unsigned kMaxCpus = 64;

  constexpr CpuSet() = default;
  static constexpr CpuSet of(unsigned cpu) {
    CpuSet set;
    set.insert(cpu);
    return set;
  }
  static constexpr CpuSet all() { return CpuSet(~std::uint64_t{0}); }

  constexpr void insert(unsigned cpu) { bits_ |= bit_of(cpu); }
  constexpr void erase(unsigned cpu) { bits_ &= ~bit_of(cpu); }
  [[nodiscard]] constexpr bool contains(unsigned cpu) const { return (bits_ & bit_of(cpu)) != 0; }
  [[nodiscard]] constexpr bool is_empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr unsigned size() const {
    return static_cast<unsigned>(std::popcount(bits_));
  }

  constexpr CpuSet& operator|=(CpuSet other) {
    bits_ |= other.bits_;
    return *this;
  }
  friend constexpr CpuSet operator-(CpuSet a, CpuSet b) { return CpuSet(a.bits_ & ~b.bits_); }
  friend constexpr bool operator==(CpuSet, CpuSet) = default;

  // Calls visit(unsigned cpu) for each, the lowest first.
  template <class Visit>
  constexpr void for_each(Visit&& visit) const {
    for (std::uint64_t left = bits_; left != 0; left &= left - 1) {
      visit(static_cast<unsigned>(std::countr_zero(left)));
    }
  }

 private:
  explicit constexpr CpuSet(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t bit_of(unsigned cpu) {
    fatal_unless(cpu < kMaxCpus, "a VM has at most 64 virtual CPUs");
    return bit(cpu);
  }

  std::uint64_t bits_ = 0;
};

}  // namespace nestwalk
