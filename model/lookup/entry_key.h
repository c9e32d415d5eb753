// What every cached entry carries besides its payload: where it came from, its tags, what it
// covers. Lookups and invalidations look at nothing else.
//
//   const Tags used = tags_for(MappingKind::kGuestPhysical, tags);  // EP4TA and ASID only
//   matches(key, MappingKind::kGuestPhysical, used);                // before the address is
//   compared
//
// Source: Intel SDM vol. 3, "Caching translation information" (paging; VMX).
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/arch/bits.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"

namespace nestwalk {

enum class EntryClass : std::uint8_t {
  kTranslation,  // of a page
  kStructure,    // of an address prefix, to the next paging structure
};

struct EntryKey {
  std::uint64_t address = 0;  // first address covered: GVA (linear, combined) or GPA
  Tags tags;                  // as tags_for() leaves them
  MappingKind kind = MappingKind::kLinear;
  EntryClass entry_class = EntryClass::kTranslation;
  bool is_prefetched = false;   // fetched ahead, and not used yet
  bool global = false;          // the PCID is not compared; translations of a GVA only
  std::uint8_t span_bits = 12;  // log2 of the bytes that this entry covers
  // The two sizes: log2 of the leaf of each stage. An entry may cover less (a guest's 2M page over
  // 4K host pages), and then an invalidation drops all pieces of the stage's page.
  std::uint8_t guest_page_bits = kNoPageBits;
  std::uint8_t host_page_bits = kNoPageBits;

  // log2 of the block whose addresses all name this entry in an invalidation by address. With guest
  // paging off there is no guest page and the host's stands in.
  [[nodiscard]] constexpr unsigned match_bits() const {
    if (entry_class == EntryClass::kStructure) {
      return span_bits;
    }
    const bool by_host = kind == MappingKind::kGuestPhysical || guest_page_bits == kNoPageBits;
    const unsigned bits = by_host ? host_page_bits : guest_page_bits;
    return bits == kNoPageBits ? span_bits : std::max<unsigned>(bits, span_bits);
  }
  // A piece of a larger page, whose other pieces an invalidation has to find.
  [[nodiscard]] constexpr bool is_piece() const { return match_bits() > span_bits; }
  // Compared as blocks, so that nothing overflows at the top of the address space.
  [[nodiscard]] constexpr bool is_named_by(std::uint64_t other) const {
    return ((address ^ other) >> match_bits()) == 0;
  }

  friend constexpr bool operator==(const EntryKey&, const EntryKey&) = default;
};

// The tags that an entry of this kind has, each cut to its architectural width; the others are
// zero.
constexpr Tags tags_for(MappingKind kind, const Tags& tags) {
  Tags used;
  used.asid = tags.asid;
  if (kind != MappingKind::kGuestPhysical) {
    used.vpid = tags.vpid;
    used.pcid = Pcid(static_cast<std::uint16_t>(static_cast<unsigned>(tags.pcid) & mask(11, 0)));
  }
  if (kind != MappingKind::kLinear) {
    used.ep4ta = Ep4ta(static_cast<std::uint64_t>(tags.ep4ta) & mask(51, 12));
  }
  return used;
}

// Of the entry that a translation of `address` is kept as when it covers 2^span_bits bytes.
constexpr EntryKey entry_key(Gva address, const Translation& translation, MappingKind kind,
                             const Tags& tags, unsigned span_bits) {
  EntryKey key;
  key.address = address.page(span_bits).value();
  key.tags = tags_for(kind, tags);
  key.kind = kind;
  key.global = translation.global;
  key.span_bits = static_cast<std::uint8_t>(span_bits);
  key.guest_page_bits = translation.guest_page_bits;
  key.host_page_bits = translation.host_page_bits;
  return key;
}

// The host backs the guest's page in smaller pieces.
constexpr bool is_splintered(const Translation& t) {
  return t.host_page_bits < t.guest_page_bits && t.guest_page_bits != kNoPageBits;
}

// Whether an entry may serve a lookup of this kind and tags_for(kind, ...) at an address it covers.
constexpr bool matches(const EntryKey& key, MappingKind kind, const Tags& used) {
  return key.kind == kind && key.tags.vpid == used.vpid && key.tags.asid == used.asid &&
         key.tags.ep4ta == used.ep4ta && (key.global || key.tags.pcid == used.pcid);
}

// Whether some lookup could match both entries, were their addresses to overlap.
constexpr bool collide(const EntryKey& a, const EntryKey& b) {
  return matches(a, b.kind, b.tags) || matches(b, a.kind, a.tags);
}

template <class Payload>
struct CachedEntry {
  EntryKey key;
  Payload payload;
  friend constexpr bool operator==(const CachedEntry&, const CachedEntry&) = default;
};

}  // namespace nestwalk
