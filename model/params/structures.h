// Parameters of the caching structures of one MMU: TLBs, page-walk caches, nested TLB.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/params/descriptor.h"

namespace nestwalk {

enum class Replacement : std::uint8_t { kLru, kTreePlru, kRandom, kSrrip };
inline constexpr std::array<std::string_view, 4> kReplacementNames = {"lru", "tree_plru", "random",
                                                                      "srrip"};

// Which bits of a page number (of a physical-address word number, for caches of table words) choose
// the set.
enum class SetIndex : std::uint8_t {
  kLowBits,
  kXorFold,  // the low field XOR the one above it; the sets are a power of two
};
inline constexpr std::array<std::string_view, 2> kSetIndexNames = {"low_bits", "xor_fold"};

// What an invalidation drops of a structure.
enum class InvalidateExtent : std::uint8_t {
  kExact,  // what the manual requires
  kBroad,  // everything of the stage concerned
};
inline constexpr std::array<std::string_view, 2> kInvalidateExtentNames = {"exact", "broad"};
void describe(InvalidateExtent& p, ParameterVisitor& v);  // the parameter `invalidate`

// One set-associative array. entries == 0 removes it; ways == 0 means fully associative.
struct ArrayParams {
  std::uint32_t entries = 0;
  std::uint32_t ways = 0;
  Replacement replacement = Replacement::kLru;
  SetIndex index = SetIndex::kLowBits;

  [[nodiscard]] constexpr std::uint32_t sets() const { return ways == 0 ? 1 : entries / ways; }
};
void describe(ArrayParams& p, ParameterVisitor& v);

// Which page sizes share an array. A page whose size has no array is kept as pieces of the next
// smaller size that has one, or not at all.
struct TlbParams {
  ArrayParams page_4k{64, 4};
  ArrayParams page_2m{32, 4};  // also 4M pages
  ArrayParams page_1g{4, 4};
  bool unified_2m = false;  // 2M pages live in the 4K array, page_2m is not used
  bool unified_1g = false;  // 1G pages live in the 4K array, page_1g is not used
  std::uint32_t latency_cycles = 1;
  ArrayParams beside{0, 0};  // a second array for 4K pages: an entry goes where there is room
  bool beside_1g = false;    // 1G pages live in `beside`, page_1g is not used
  bool keep_pieces = true;   // false: a page whose size has no array is not kept

  [[nodiscard]] constexpr bool is_present() const {
    return page_4k.entries != 0 || beside.entries != 0 || (!unified_2m && page_2m.entries != 0) ||
           (!unified_1g && !beside_1g && page_1g.entries != 0);
  }
};
void describe(TlbParams& p, ParameterVisitor& v);

enum class PrefetchKind : std::uint8_t { kNone, kNextPage, kStride };
inline constexpr std::array<std::string_view, 3> kPrefetchKindNames = {"none", "next_page",
                                                                       "stride"};
enum class PrefetchTarget : std::uint8_t {
  kL2,      // the second-level TLB
  kBuffer,  // a buffer that is searched together with it; a hit moves the entry into the TLBs
};
inline constexpr std::array<std::string_view, 2> kPrefetchTargetNames = {"l2", "buffer"};
inline constexpr unsigned kMaxPrefetchDegree = 8;

// Translations that are fetched ahead of any access to their page.
struct TlbPrefetchParams {
  PrefetchKind kind = PrefetchKind::kNone;
  std::uint32_t degree = 1;  // pages at a time
  PrefetchTarget target = PrefetchTarget::kBuffer;
  ArrayParams buffer{16, 0};
  std::uint32_t streams = 16;  // stride
};
void describe(TlbPrefetchParams& p, ParameterVisitor& v);

enum class PwcOrganisation : std::uint8_t {
  kNone,
  kPerLevel,    // translation caches split by level, tagged by address prefix (Intel style)
  kUnified,     // one translation cache for all levels, tagged by address prefix
  kPhysical,    // page-table words tagged by their own physical address (AMD style, 1D: guest
                // entries)
  kPhysical2d,  // the same for guest and host entries
};
inline constexpr std::array<std::string_view, 5> kPwcOrganisationNames = {
    "none", "per_level", "unified", "physical", "physical_2d"};

enum class PwcContent : std::uint8_t {
  kCombined,      // a guest entry holds the HPA of the next table (Intel SDM vol. 3, 29.4.1)
  kGuestAddress,  // a guest entry holds the GPA of the next table, translated again on use
};
inline constexpr std::array<std::string_view, 2> kPwcContentNames = {"combined", "guest_address"};

enum class PwcSharing : std::uint8_t { kSplit, kShared };
inline constexpr std::array<std::string_view, 2> kPwcSharingNames = {"split", "shared"};

// Page-walk caches. `level_N` caches the entries of level N, that is, it skips the levels 5 to N.
struct PwcParams {
  PwcOrganisation organisation = PwcOrganisation::kPerLevel;
  PwcContent content = PwcContent::kCombined;
  PwcSharing sharing = PwcSharing::kSplit;  // whether both stages use one capacity
  ArrayParams level_2{32, 4};               // PDE
  ArrayParams level_3{4, 4};                // PDPTE
  ArrayParams level_4{2, 2};                // PML4E
  ArrayParams level_5{2, 2};                // PML5E
  ArrayParams unified{24, 24};              // kUnified, kPhysical, kPhysical2d
  bool host_stage = true;  // per_level, unified: the host stage has walk caches too
  std::uint32_t latency_cycles = 1;
  InvalidateExtent invalidate = InvalidateExtent::kExact;
};
void describe(PwcParams& p, ParameterVisitor& v);

// Nested TLB: GPA page to HPA page.
struct NtlbParams {
  ArrayParams array{32, 4};
  bool serve_final_walk = true;  // false: only pages that hold guest tables, as AMD describes
  std::uint32_t latency_cycles = 1;
  InvalidateExtent invalidate = InvalidateExtent::kExact;
};
void describe(NtlbParams& p, ParameterVisitor& v);

}  // namespace nestwalk
