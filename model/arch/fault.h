// A fault is a value that says what, where and why.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/address.h"
#include "model/arch/position.h"

namespace nestwalk {

enum class FaultKind : std::uint8_t {
  kGuestPageFault,
  kEptViolation,
  kEptMisconfiguration,
  kNestedPageFault,
  kNonCanonical,   // #GP(0): not sign-extended from the format's width
  kPdpteReserved,  // #GP(0) at the load of CR3: a present PAE PDPTE with a reserved bit
  kMemoryError,    // the memory answered a table access with an error
};
inline constexpr unsigned kNumFaultKinds = 7;

inline constexpr std::array<std::string_view, kNumFaultKinds> kFaultKindNames = {
    "guest_page_fault", "ept_violation",  "ept_misconfiguration", "nested_page_fault",
    "non_canonical",    "pdpte_reserved", "memory_error"};

constexpr std::string_view name_of(FaultKind kind) {
  return kFaultKindNames[static_cast<unsigned>(kind)];
}

struct Fault {
  FaultKind kind = FaultKind::kGuestPageFault;
  std::uint64_t code = 0;  // #PF and #NPF: error code; EPT violation: exit qualification; else 0
  Gva address;             // the access that faulted
  Gpa gpa;                 // the guest-physical address that did not translate, if has_gpa
  bool has_gpa = false;
  Position position;
  bool in_shadow =
      false;  // agile: a page fault of the shadow's entries, which the guest must not see

  friend constexpr bool operator==(const Fault&, const Fault&) = default;
};

// Faults that the guest kernel handles; all others leave the guest.
constexpr bool is_guest_fault(FaultKind kind) {
  return kind == FaultKind::kGuestPageFault || kind == FaultKind::kNonCanonical ||
         kind == FaultKind::kPdpteReserved;
}

}  // namespace nestwalk
