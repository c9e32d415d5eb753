// What a walk is given: a copy of everything that decides its meaning.
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/arch/tags.h"

namespace nestwalk {

// The four PAE PDPTEs, loaded together with CR3 natively and over EPT (SDM vol. 3, "PDPTE
// registers"). Over NPT they are not registers and are read on use (AMD APM vol. 2).
struct PdpteRegisters {
  bool loaded = false;
  std::array<std::uint64_t, 4> entry{};
  friend constexpr bool operator==(const PdpteRegisters&, const PdpteRegisters&) = default;
};

struct WalkContext {
  // Guest stage; absent while guest paging is off: addresses are then guest-physical.
  bool has_guest = false;
  FormatId guest_format = FormatId::kX86FourLevel;
  std::uint64_t guest_root = 0;  // CR3; a GPA when there is a host stage
  PdpteRegisters pdptes;

  // Host stage; absent on a machine without a VM (native) and under shadow paging.
  bool has_host = false;
  FormatId host_format = FormatId::kEptFourLevel;  // an x86 format means NPT
  std::uint64_t host_root = 0;                     // EPTP bits 51:12 or nCR3; an HPA

  Control control;
  Tags tags;

  // Which structures the driver has. The engine asks for and fills only these.
  bool has_guest_cache = false;      // guest page-walk cache
  bool has_host_cache = false;       // host page-walk cache and nested TLB, asked together
  bool combined_guest_cache = true;  // guest entries hold the HPA of the next table (Intel), or
                                     // its GPA, which must be translated again on use

  [[nodiscard]] bool is_npt() const {
    return has_host && format_of(host_format).rules == RuleSet::kX86;
  }
  // PAE PDPTEs are registers: the guest stage starts at level 2.
  [[nodiscard]] bool uses_pdpte_registers() const {
    return has_guest && guest_format == FormatId::kX86Pae && !is_npt();
  }
  friend constexpr bool operator==(const WalkContext&, const WalkContext&) = default;
};

}  // namespace nestwalk
