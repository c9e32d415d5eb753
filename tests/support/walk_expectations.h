// Warm equals cold: an access through hardware that has cached what it pleases must end as the
// second witness ends it, which knows no caches, and leave the same memory behind.
//
//   EXPECT_EQ(difference_from_oracle(bench, access), "");
//
// The tables must not have changed since the hardware was last told so. Faults are compared whole:
// kind, code, address, GPA, position.
#pragma once

#include <ostream>
#include <string>

#include "model/arch/access.h"
#include "tests/support/mmu_bench.h"
#include "tests/support/oracle.h"

namespace nestwalk {

// What a walker may be made of. `small_machine()` is the rest.
struct CachingMachine {
  const char* name = "";
  PwcOrganisation organisation = PwcOrganisation::kNone;
  PwcContent content = PwcContent::kCombined;
  PwcSharing sharing = PwcSharing::kSplit;
  bool has_ntlb = false;
};
inline constexpr CachingMachine kCachingMachines[] = {
    {"combined", PwcOrganisation::kPerLevel, PwcContent::kCombined, PwcSharing::kSplit, false},
    {"combined_ntlb", PwcOrganisation::kPerLevel, PwcContent::kCombined, PwcSharing::kSplit, true},
    {"combined_unified", PwcOrganisation::kUnified, PwcContent::kCombined, PwcSharing::kShared,
     true},
    {"guest_address", PwcOrganisation::kPerLevel, PwcContent::kGuestAddress, PwcSharing::kShared,
     false},
    {"guest_address_unified", PwcOrganisation::kUnified, PwcContent::kGuestAddress,
     PwcSharing::kSplit, true},
    {"words", PwcOrganisation::kPhysical, PwcContent::kCombined, PwcSharing::kSplit, true},
    {"words_2d", PwcOrganisation::kPhysical2d, PwcContent::kCombined, PwcSharing::kSplit, false},
    {"words_2d_shared", PwcOrganisation::kPhysical2d, PwcContent::kCombined, PwcSharing::kShared,
     true},
    {"ntlb", PwcOrganisation::kNone, PwcContent::kCombined, PwcSharing::kSplit, true},
    {"no_walk_caches", PwcOrganisation::kNone, PwcContent::kCombined, PwcSharing::kSplit, false},
};

MachineParams machine_of(const CachingMachine& machine);
void PrintTo(const CachingMachine& machine, std::ostream* out);

// How an access ended on hardware.
struct HardwareOutcome {
  bool is_translation = false;
  Translation translation;
  Fault fault;
};

// Empty when both are the same, but for what a warm answer may not know.
[[nodiscard]] std::string difference_of(const HardwareOutcome& warm, const OracleResult& cold);

// Makes the access on the bench; empty when outcome and memory are those of the witness.
[[nodiscard]] std::string difference_from_oracle(MmuBench& bench, const Access& access);

}  // namespace nestwalk
