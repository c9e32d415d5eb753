// The host stages that tests of the nested pager run on: each format, EPT with and without A/D.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/unit/hypervisor_sticky_guest.h"

namespace nestwalk::test {

struct Dressing {
  HostFormat format = HostFormat::kEptFourLevel;
  bool accessed_dirty = false;  // EPT only
};

inline constexpr std::array<Dressing, 7> kDressings = {
    Dressing{HostFormat::kEptFourLevel, false}, Dressing{HostFormat::kEptFourLevel, true},
    Dressing{HostFormat::kEptFiveLevel, true},  Dressing{HostFormat::kNptTwoLevel, false},
    Dressing{HostFormat::kNptPae, false},       Dressing{HostFormat::kNptFourLevel, false},
    Dressing{HostFormat::kNptFiveLevel, false}};

inline std::string dressing_label(const ::testing::TestParamInfo<Dressing>& info) {
  const TableShape shape = shape_of(info.param.format);
  return (shape.is_ept ? "ept_" : "npt_") + shape.name + (info.param.accessed_dirty ? "_ad" : "");
}

// Bits of the pages that level-2 leaves map.
inline unsigned large_bits(HostFormat format) {
  return format == HostFormat::kNptTwoLevel ? 22 : 21;
}

inline VmParams vm_of(const Dressing& dressing, std::uint64_t memory_bytes = 64 * kMiB,
                      PageSize backing = PageSize::k4K) {
  VmParams vm = vm_of(dressing.format, memory_bytes, backing);
  vm.accessed_dirty = dressing.accessed_dirty;
  return vm;
}

class NestedPagerOf : public ::testing::TestWithParam<Dressing> {
 protected:
  [[nodiscard]] unsigned bits() const { return large_bits(GetParam().format); }
  [[nodiscard]] std::uint64_t size() const { return bit(bits()); }
  [[nodiscard]] std::uint64_t pieces() const { return size() >> 12; }
};

}  // namespace nestwalk::test
