// One TLB level: translations of GVA pages (linear and combined), every entry with its tags and the
// page sizes of both stages.
//
//   Tlb tlb(TlbParams{});
//   tlb.fill(gva, translation, MappingKind::kCombined, tags);     // after a walk
//   if (const auto t = tlb.lookup(gva, MappingKind::kCombined, tags)) { use(t->hpa); }
//   tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = tags, .address = gva});
//
// A page whose size has no array is entered piece by piece as it is used, unless keep_pieces is off
// (4M pages always: as 2M pieces); a piece knows the size of its page. A fill for an address that
// is already covered replaces what covered it, so at most one entry ever matches. Guest-physical
// mappings: see nested_tlb.h. Not for judging rights: give lookup() a predicate; an entry that does
// not serve is a miss.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"
#include "model/lookup/page_arrays.h"
#include "model/params/structures.h"

namespace nestwalk {

// Laws: lookups = hits + misses; fills = entries_gone() + entries present.
struct TlbStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;    // rejected ones included
  std::uint64_t rejected = 0;  // an entry matched but did not serve the access
  std::uint64_t fills = 0;
  std::uint64_t evictions = 0;  // of a valid entry, for want of room
  std::uint64_t replaced = 0;   // by a fill for the same addresses
  std::uint64_t invalidated = 0;
  std::uint64_t collateral = 0;        // of those, what extent exact would have kept
  std::uint64_t back_invalidated = 0;  // for another level's sake
  std::uint64_t moved = 0;             // to another level
  std::uint64_t piece_fills = 0;       // that cover less than the guest's page
  std::uint64_t lost_reach_bytes =
      0;  // over all fills: the larger of both pages less what is covered
  std::array<std::uint64_t, 3> hits_by_size{};  // entries that cover 4K, 2M, 1G
  std::array<std::uint64_t, 3> fills_by_size{};

  // Entries that were made and are not there any more.
  [[nodiscard]] std::uint64_t entries_gone() const {
    return evictions + replaced + invalidated + back_invalidated + moved;
  }
  friend bool operator==(const TlbStats&, const TlbStats&) = default;
};

// What a user is shown: visit(name, const std::uint64_t*, unit, text).
template <class Visit>
void for_each_counter(const TlbStats& s, Visit visit) {
  visit("lookups", &s.lookups, "count", "Lookups.");
  visit("hits", &s.hits, "count", "Lookups that were served.");
  visit("misses", &s.misses, "count", "Lookups that were not.");
  visit("rejected", &s.rejected, "count",
        "Misses although an entry matched: it did not permit the access.");
  visit("fills", &s.fills, "count", "Entries made.");
  visit("evictions", &s.evictions, "count", "Entries that gave way to another.");
  visit("invalidated", &s.invalidated, "count", "Entries dropped by an invalidation.");
  visit("collateral", &s.collateral, "count",
        "Of those, entries that the manual did not require to be dropped.");
  visit("back_invalidated", &s.back_invalidated, "count",
        "Entries dropped to keep the levels inclusive or exclusive.");
  visit("moved", &s.moved, "count", "Entries that moved up to the first level (exclusive).");
  visit("hits_4k", &s.hits_by_size[0], "count", "Hits in entries that cover 4K.");
  visit("hits_2m", &s.hits_by_size[1], "count", "Hits in entries that cover 2M.");
  visit("hits_1g", &s.hits_by_size[2], "count", "Hits in entries that cover 1G.");
  visit("piece_fills", &s.piece_fills, "count",
        "Entries made that cover less than the guest's page.");
  visit("lost_reach_bytes", &s.lost_reach_bytes, "bytes",
        "Over all entries made: the larger of guest and host page less what the entry covers.");
}

// payload: of the first byte that the entry covers.
using TlbEntry = CachedEntry<Translation>;

class Tlb {
 public:
  // What a fill cost, for levels that depend on each other.
  struct Losses {
    std::optional<TlbEntry> evicted;
    std::optional<EntryKey> replaced;  // a block that holds all that gave way to this entry
  };

  explicit Tlb(const TlbParams& params, std::uint64_t seed = 0,
               InvalidateExtent extent = InvalidateExtent::kExact);

  // The translation of this very address. `serves(const Translation&)` says whether the entry may
  // be used for the access; if not, this is a miss and the entry stays as it is.
  template <class Serves>
  std::optional<Translation> lookup(Gva gva, MappingKind kind, const Tags& tags, Serves serves);
  std::optional<Translation> lookup(Gva gva, MappingKind kind, const Tags& tags) {
    return lookup(gva, kind, tags, [](const Translation&) { return true; });
  }
  // A hit that can be made again without a search, for as long as no entry comes or goes.
  struct Hit {
    PageArrays<Translation>::Found found;
    std::uint8_t size_index = 0;
    std::uint64_t version = 0;
  };
  // Of the last lookup, which was a hit.
  [[nodiscard]] Hit last_hit() const {
    return {last_found_.found,
            static_cast<std::uint8_t>(size_index(pages_.span_bits(last_found_.found))),
            pages_.version()};
  }
  [[nodiscard]] bool can_repeat(const Hit& hit) const { return hit.version == pages_.version(); }
  // Counted and seen by replacement as a lookup is. can_repeat() said yes.
  void repeat(const Hit& hit) {
    ++stats_.lookups;
    ++stats_.hits;
    ++stats_.hits_by_size[hit.size_index];
    pages_.use(hit.found);
  }
  // The same without a trace: neither counted nor seen by replacement.
  [[nodiscard]] std::optional<Translation> probe(Gva gva, MappingKind kind, const Tags& tags) const;

  // `translation` is that of `gva`. Returns log2 of the bytes that are covered now; 0: not cached.
  unsigned fill(Gva gva, const Translation& translation, MappingKind kind, const Tags& tags,
                Losses* losses = nullptr) {
    return enter(gva, translation, kind, tags, FirstUse::kNow, losses);
  }
  // The same ahead of any access. The entry is marked until take_prefetched_mark(): whether the
  // entry that matches was fetched ahead and this is its first use.
  unsigned fill_prefetched(Gva gva, const Translation& translation, MappingKind kind,
                           const Tags& tags, Losses* losses) {
    return enter(gva, translation, kind, tags, FirstUse::kLater, losses);
  }
  bool take_prefetched_mark(Gva gva, MappingKind kind, const Tags& tags);
  // log2 of the bytes that an entry for this translation would cover; 0: it would not be cached.
  [[nodiscard]] unsigned span_bits_for(const Translation& translation) const;
  // An entry that another level gave up: kept if it fits whole and nothing larger covers it.
  void take_victim(const TlbEntry& victim);
  // The entry that matches leaves for another level, if it covers no more than this.
  void move_out(Gva gva, MappingKind kind, const Tags& tags, unsigned max_span_bits);

  // Returns the number of entries dropped.
  std::size_t invalidate(const Invalidation& invalidation);
  // Drops what overlaps an entry of another level (back-invalidation, exclusion).
  std::size_t drop_overlapping(const EntryKey& key);
  std::size_t flush();

  // visit(const TlbEntry&)
  template <class Visit>
  void for_each(Visit visit) const {
    pages_.for_each(visit);
  }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  // Of the entries that cover less than the guest's page.
  [[nodiscard]] const std::uint64_t& num_pieces() const { return pages_.num_pieces(); }
  // Entries that were fetched ahead and are gone without a use.
  [[nodiscard]] const std::uint64_t& num_unused() const { return pages_.num_unused(); }
  [[nodiscard]] const TlbStats& stats() const { return stats_; }
  void reset_stats() { stats_ = {}; }

  friend bool operator==(const Tlb&, const Tlb&) = default;

 private:
  enum class FirstUse : std::uint8_t { kNow, kLater };
  unsigned enter(Gva gva, const Translation& translation, MappingKind kind, const Tags& tags,
                 FirstUse first_use, Losses* losses);
  void enter(const TlbEntry& entry, Losses* losses);

  static constexpr unsigned size_index(unsigned span_bits) { return (span_bits - 12) / 9; }
  static Translation at(const Translation& first, std::uint64_t offset) {
    Translation t = first;
    t.gpa = t.gpa + offset;
    t.hpa = t.hpa + offset;
    return t;
  }

  InvalidateExtent extent_;
  // Not part of the state.
  struct LastFound {
    PageArrays<Translation>::Found found;
    friend bool operator==(const LastFound&, const LastFound&) { return true; }
  };

  bool keeps_pieces_;
  PageArrays<Translation> pages_;
  LastFound last_found_;
  TlbStats stats_;
};

template <class Serves>
std::optional<Translation> Tlb::lookup(Gva gva, MappingKind kind, const Tags& tags, Serves serves) {
  ++stats_.lookups;
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (found) {
    const unsigned span_bits = pages_.span_bits(found);
    const Translation t = at(pages_.entry(found).payload, gva.offset(span_bits));
    if (serves(t)) {
      ++stats_.hits;
      ++stats_.hits_by_size[size_index(span_bits)];
      pages_.use(found);
      last_found_.found = found;
      return t;
    }
    ++stats_.rejected;
  }
  ++stats_.misses;
  return std::nullopt;
}

}  // namespace nestwalk
