// Parameters of a virtual machine and of the hypervisor's costs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/paging_format.h"
#include "model/params/descriptor.h"
#include "model/params/guest.h"

namespace nestwalk {

// A host format is a paging format and whose rules it is used under: an x86 format means NPT.
enum class HostFormat : std::uint8_t {
  kEptFourLevel,
  kEptFiveLevel,
  kNptTwoLevel,
  kNptPae,
  kNptFourLevel,
  kNptFiveLevel,
};
inline constexpr std::array<std::string_view, 6> kHostFormatNames = {
    "ept-4level", "ept-5level", "npt-2level", "npt-pae", "npt-4level", "npt-5level"};

inline constexpr std::array<FormatId, 6> kHostFormatIds = {
    FormatId::kEptFourLevel, FormatId::kEptFiveLevel, FormatId::kX86TwoLevel,
    FormatId::kX86Pae,       FormatId::kX86FourLevel, FormatId::kX86FiveLevel};

constexpr FormatId format_id(HostFormat format) {
  return kHostFormatIds[static_cast<unsigned>(format)];
}

struct VmParams {
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
  HostFormat format = HostFormat::kEptFourLevel;
  PageSize backing = PageSize::k4K;
  bool accessed_dirty = false;  // EPT A/D bits
  bool vpid = true;
  std::uint32_t vcpus = 1;
};
void describe(VmParams& p, ParameterVisitor& v);

// Software times by cause. Table accesses of a service take their time through memory on top.
struct HypervisorParams {
  std::uint32_t exit_cycles = 1100;
  std::uint32_t violation_cycles = 2500;
  std::uint32_t frame_allocation_cycles = 400;
  std::uint32_t table_allocation_cycles = 300;
  std::uint32_t clear_4k_cycles = 250;
};
void describe(HypervisorParams& p, ParameterVisitor& v);

}  // namespace nestwalk
