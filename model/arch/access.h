// An access as the MMU sees it, and the control bits that decide what it may do.
#pragma once

#include <cstdint>

#include "model/arch/address.h"

namespace nestwalk {

enum class AccessType : std::uint8_t { kRead, kWrite, kFetch };
enum class Privilege : std::uint8_t { kUser, kSupervisor };

struct Access {
  Gva address;  // with guest paging off: the guest-physical address
  AccessType type = AccessType::kRead;
  Privilege privilege = Privilege::kUser;
  // Made by the processor on its own behalf (descriptor tables, task state): a supervisor access
  // whatever the privilege, and one that EFLAGS.AC does not excuse from SMAP.
  bool implicit = false;

  [[nodiscard]] constexpr bool is_user() const {
    return privilege == Privilege::kUser && !implicit;
  }
  [[nodiscard]] constexpr bool is_write() const { return type == AccessType::kWrite; }
  [[nodiscard]] constexpr bool is_fetch() const { return type == AccessType::kFetch; }
};

// CR0, CR4, EFER, EFLAGS and PKRU bits that matter for translation, plus what CPUID says.
struct Control {
  bool wp = true;                   // CR0.WP
  bool nxe = true;                  // EFER.NXE of the guest; the host side of NPT always has it
  bool smep = false;                // CR4.SMEP
  bool smap = false;                // CR4.SMAP
  bool ac = false;                  // EFLAGS.AC
  bool pke = false;                 // CR4.PKE
  bool pse = true;                  // CR4.PSE of a 2-level guest; an NPT 2-level host always has it
  bool page_1g = true;              // 1G pages exist, in both stages
  bool accessed_dirty = false;      // EPTP bit 6
  bool execute_only = true;         // EPT execute-only translations are supported
  bool mode_based_execute = false;  // EPT mode-based execute control
  std::uint8_t maxphyaddr = 52;     // physical width of the machine, 36 to 52
  std::uint8_t guest_maxphyaddr = 52;  // what the guest is told
  std::uint32_t pkru = 0;
  friend constexpr bool operator==(const Control&, const Control&) = default;
};

inline constexpr unsigned kMinPhysicalBits = 36;
inline constexpr unsigned kMaxPhysicalBits = 52;

}  // namespace nestwalk
