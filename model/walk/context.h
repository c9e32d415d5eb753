// What a walk is given: a copy of everything that decides its meaning.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/bits.h"
#include "model/arch/entry.h"
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

  // Agile paging: the guest stage starts in a shadow table, which maps GVAs to HPAs and has the
  // guest's format, and goes on in the guest's own tables below a switching bit. Needs both stages.
  bool has_shadow = false;
  std::uint64_t shadow_root = 0;  // HPA; with the switching bit, of the guest's own root table

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

constexpr bool is_switching(std::uint64_t shadow_entry) {
  return (shadow_entry & bit(agile::kSwitch)) != 0;
}

// Why a context cannot be walked as it is; empty if it can.
constexpr std::string_view agile_problem(const WalkContext& context) {
  if (!context.has_shadow) {
    return "";
  }
  if (!context.has_guest) {
    return "agile paging needs a guest with paging: without tables there is nothing to hand over "
           "to";
  }
  if (!context.has_host) {
    return "agile paging needs a host stage for what lies below a switching bit";
  }
  if (!format_of(context.guest_format).sign_extended) {
    return "agile paging needs a guest of 4 or 5 levels: the tables of a 2-level or PAE guest do "
           "not "
           "match those of their shadow level by level";
  }
  return "";
}

}  // namespace nestwalk
