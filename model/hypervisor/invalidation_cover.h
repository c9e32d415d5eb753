// What one invalidation makes unusable of one translation, by the rules of the manual. The second
// witness of what model/lookup/invalidate.h says of cached entries: written from the manual's
// sentences, by operation, and sharing nothing with it.
//
//   const Cover cover = cover_of(invlpg, use);
//   cover.translation;  // no core may go on using a cached translation of this page
//
// Sources: Intel SDM vol. 3, "Operations that invalidate TLBs and paging-structure caches" and
// "Operations that invalidate cached mappings"; AMD APM vol. 2, "TLB control" and INVLPGA.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"

namespace nestwalk {

// A translation as a core may have cached it, and a paging-structure entry on the way to it.
struct CachedUse {
  Tags tags;
  bool has_host = false;  // made from both stages: combined; else linear
  bool is_global = false;
  Gva address;
  Gpa gpa;  // that the host stage translates
  std::uint8_t guest_page_bits = kNoPageBits;
  std::uint8_t host_page_bits = kNoPageBits;
  // log2 of the bytes that share the paging-structure entry.
  std::uint8_t structure_bits = 12;
};

struct Cover {
  bool translation = false;     // of the page, linear or combined
  bool structures = false;      // paging-structure entries of the guest stage, linear or combined
  bool guest_physical = false;  // whatever is cached of the host stage alone
  friend constexpr bool operator==(const Cover&, const Cover&) = default;
};

[[nodiscard]] Cover cover_of(const Invalidation& invalidation, const CachedUse& use);

// The operation names an address, and drops no translation of another page.
[[nodiscard]] bool names_an_address(InvalidateOp op);

}  // namespace nestwalk
