// Tags of cached translations. Intel: VPID, PCID, EP4TA; AMD: one space, the ASID.
// Source: Intel SDM vol. 3, "Caching translation information" (VMX); AMD APM vol. 2, "TLB control".
#pragma once

#include <compare>
#include <cstdint>

namespace nestwalk {

enum class Vpid : std::uint16_t {};
enum class Pcid : std::uint16_t {};
enum class Ep4ta : std::uint64_t {};  // EPTP bits 51:12, in place; 0 may be a table at HPA 0
enum class Asid : std::uint32_t {};   // 0: the host

// Who decides what a tag is and what an invalidation covers.
enum class TagRules : std::uint8_t { kIntel, kAmd };

// The tags in force for one access. All of them are always compared; a machine without a tag keeps
// it at zero (AMD: vpid and ep4ta; Intel: asid).
struct Tags {
  Vpid vpid{};
  Pcid pcid{};
  Ep4ta ep4ta{};
  Asid asid{};
  friend constexpr auto operator<=>(const Tags&, const Tags&) = default;
};

// What a cached entry was made from; decides its tags and what drops it (SDM vol. 3, 29.4.1).
enum class MappingKind : std::uint8_t {
  kLinear,         // guest stage alone (EPT off, native, shadow)
  kGuestPhysical,  // host stage alone; tagged by EP4TA (AMD: ASID) only
  kCombined,       // both stages
};

}  // namespace nestwalk
