// The TLBs of one MMU and what passes between their levels: which TLB an access asks, what a hit in
// the second level and a finished walk put where.
//
//   TlbHierarchy tlbs(params.mmu);
//   auto t = tlbs.lookup_first(access, kind, tags, serves);         // costs first_cycles(access)
//   if (!t) { t = tlbs.lookup_second(access, kind, tags, serves); }  // and second_cycles(access)
//   if (!t) { walk; tlbs.fill(access, translation, kind, tags); }
//
// Inclusion. non_inclusive: a walk fills both levels, a second-level hit the first, and each
// forgets on its own. inclusive: the first level also loses what overlaps an entry that the second
// one lost to another; what the second level does not take is exempt. exclusive: an entry of
// which the first level takes all lives there alone until it gives way, and then moves to the
// second; where the first level takes only a piece of what the second can keep, the whole lives in
// the second. A victim that the second level cannot keep whole, or that something larger covers
// there, is lost. Nobody asks whether another first-level TLB holds a copy as well.
//
// Splintering: a guest page that the host backs in smaller pieces. smaller: pieces are entered as
// pages of their size are. both: besides, where the whole page would lie if the pieces lay side by
// side is kept as a guess (splinter_hints.h) that never serves an access. refuse: the second level
// takes no pieces, be it after a walk or as victims, so that they cannot crowd out other pages.
//
// Not for time, walks or what a fault drops: those are the MMU's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/invalidation.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"
#include "model/lookup/splinter_hints.h"
#include "model/lookup/tlb.h"
#include "model/lookup/translation_prefetcher.h"
#include "model/params/machine.h"

namespace nestwalk {

// How a walk ahead ended that filled nothing.
enum class PrefetchEnd : std::uint8_t {
  kLate,       // an access wanted the page before the walk was done, and took it over
  kAbandoned,  // it would have faulted, or had to set an accessed or dirty bit
  kDropped,    // there was no room for it, or an invalidation killed it
};

// Laws: issued = filled + late + abandoned + dropped + under way; filled = useful + gone unused
// (counted by the TLB that had it) + waiting for a use.
struct TlbPrefetchStats {
  std::uint64_t covered = 0;  // not issued, for a TLB had the page
  std::uint64_t issued = 0;
  std::uint64_t filled = 0;
  std::uint64_t useful = 0;
  std::uint64_t late = 0;
  std::uint64_t abandoned = 0;
  std::uint64_t dropped = 0;
  friend bool operator==(const TlbPrefetchStats&, const TlbPrefetchStats&) = default;
};

class TlbHierarchy {
 public:
  // Of all TLBs of one level; a miss that the prefetch buffer served is none.
  struct LevelSums {
    std::uint64_t lookups = 0;
    std::uint64_t misses = 0;
  };

  explicit TlbHierarchy(const MmuParams& params);

  // `serves(const Translation&)`: see Tlb::lookup.
  template <class Serves>
  std::optional<Translation> lookup_first(const Access& access, MappingKind kind, const Tags& tags,
                                          Serves serves) {
    return first(access).tlb.lookup(access.address, kind, tags, serves);
  }
  // After a miss in the first level, which a hit fills.
  template <class Serves>
  std::optional<Translation> lookup_second(const Access& access, MappingKind kind, const Tags& tags,
                                           Serves serves) {
    auto found = second(access).lookup(access.address, kind, tags, serves);
    if (found) {
      bring_up(access, *found, kind, tags);
    } else if (has_buffer_) {
      found = levels_[kBuffer].tlb.lookup(access.address, kind, tags, serves);
      if (found) {
        leave_buffer(access, *found, kind, tags);
      }
    }
    return found;
  }
  // After a walk; `translation` is that of the access.
  void fill(const Access& access, const Translation& translation, MappingKind kind,
            const Tags& tags);

  // What is to be fetched ahead after the last lookup_second() or fill(), each page not cached yet;
  // asking empties the list. The caller walks each for the same kind of access with low priority,
  // and reports how that ended: by fill_prefetched() or end_prefetch(), once each. Such a walk
  // delivers no fault and drops nothing for one; it is abandoned where it would have to set an
  // accessed or dirty bit, so that it never changes memory.
  PrefetchList take_candidates();
  void fill_prefetched(const Access& access, const Translation& translation, MappingKind kind,
                       const Tags& tags);
  void end_prefetch(PrefetchEnd end);
  [[nodiscard]] const TlbPrefetchStats& prefetch_stats() const { return prefetch_stats_; }

  [[nodiscard]] std::uint32_t first_cycles(const Access& access) const {
    return levels_[first_of(access.type)].latency_cycles;
  }
  [[nodiscard]] std::uint32_t second_cycles(const Access& access) const {
    return levels_[second_of(access.type)].latency_cycles;
  }

  // The TLB that lookup_first() asks.
  [[nodiscard]] Tlb& first_tlb(const Access& access) { return first(access).tlb; }

  // Drops what the operation covers from all TLBs. Returns the number of entries.
  std::size_t invalidate(const Invalidation& invalidation);
  std::size_t flush();

  [[nodiscard]] const Tlb& l1_itlb() const { return levels_[kL1i].tlb; }
  [[nodiscard]] const Tlb& l1_dtlb() const { return levels_[kL1d].tlb; }
  [[nodiscard]] const Tlb& l2_tlb() const { return levels_[kL2].tlb; }
  [[nodiscard]] LevelSums first_level() const;
  [[nodiscard]] LevelSums second_level() const;

  // Those that are present: visit(name, const Tlb&)
  template <class Visit>
  void for_each_tlb(Visit visit) const {
    for (unsigned i = 0; i < kNumTlbs; ++i) {
      if (levels_[i].is_shown) {
        visit(kNames[i], levels_[i].tlb);
      }
    }
  }

  // splintering both: where the page of an access that missed probably is. The caller walks all the
  // same, and only the walk's answer counts.
  [[nodiscard]] std::optional<Hpa> predict(const Access& access, MappingKind kind,
                                           const Tags& tags) const {
    return hints_.predict(access.address, kind, tags);
  }
  [[nodiscard]] const SplinterHintStats& hint_stats() const { return hints_.stats(); }
  // Walks entered with this guest page and this host page (index 0 to 2: 4K, 2M, 1G); an absent
  // stage counts as the other one's size.
  [[nodiscard]] std::uint64_t walked(unsigned guest, unsigned host) const {
    return walked_[guest][host];
  }

  // What a user is shown; `group` is a TLB, or empty for what belongs to none.
  using CounterVisitor =
      std::function<void(std::string_view group, std::string_view name, const std::uint64_t* value,
                         std::string_view unit, std::string_view text)>;
  void for_each_counter(const CounterVisitor& visit) const;

  friend bool operator==(const TlbHierarchy&, const TlbHierarchy&) = default;

 private:
  enum Index : std::uint8_t { kL1i, kL1d, kStore, kL2i, kL2, kBuffer };
  static constexpr unsigned kNumTlbs = 6;
  static constexpr std::array<std::string_view, kNumTlbs> kNames = {
      "l1_itlb", "l1_dtlb", "store_tlb", "l2_itlb", "l2_tlb", "prefetch_buffer"};

  struct Level {
    Tlb tlb;
    std::uint32_t latency_cycles;
    bool is_shown;
    friend bool operator==(const Level&, const Level&) = default;
  };

  [[nodiscard]] Level make_level(const TlbParams& params, std::uint64_t seed) const;
  // A hit in the second level goes to the first.
  void bring_up(const Access& access, const Translation& found, MappingKind kind, const Tags& tags);
  // A first use of what was fetched ahead.
  void leave_buffer(const Access& access, const Translation& found, MappingKind kind,
                    const Tags& tags);
  void use_prefetched(const Access& access, const Translation& found, MappingKind kind,
                      const Tags& tags);
  void look_ahead(const Access& access, const Translation& translation, MappingKind kind,
                  const Tags& tags);
  void enter(const Access& access, const Translation& translation, MappingKind kind,
             const Tags& tags);
  void fill_second(const Access& access, const Translation& translation, MappingKind kind,
                   const Tags& tags);
  void keep_inclusion(const Access& access, const Tlb::Losses& losses);
  void fill_exclusive(const Access& access, const Translation& translation, MappingKind kind,
                      const Tags& tags);
  void fill_first_exclusive(const Access& access, const Translation& translation, MappingKind kind,
                            const Tags& tags);
  // In the TLBs that ask the same second-level TLB as this access.
  void drop_in_first_level(const Access& access, const EntryKey& key);
  [[nodiscard]] bool second_refuses(const Translation& translation) const {
    return splintering_ == Splintering::kRefuse && is_splintered(translation);
  }

  [[nodiscard]] Index first_of(AccessType type) const {
    return first_of_[static_cast<unsigned>(type)];
  }
  [[nodiscard]] Index second_of(AccessType type) const {
    return second_of_[static_cast<unsigned>(type)];
  }
  [[nodiscard]] Tlb& second(const Access& access) { return levels_[second_of(access.type)].tlb; }
  [[nodiscard]] Level& first(const Access& access) { return levels_[first_of(access.type)]; }
  [[nodiscard]] LevelSums sums_of(Index from, Index to) const;

  TlbInclusion inclusion_;
  Splintering splintering_;
  InvalidateExtent extent_;
  PrefetchKind prefetch_;
  bool has_buffer_;
  std::array<Index, 3> first_of_;  // by type of access
  std::array<Index, 3> second_of_;
  std::array<Level, kNumTlbs> levels_;
  SplinterHints hints_;  // absent unless splintering is both
  std::array<std::array<std::uint64_t, 3>, 3> walked_{};
  TranslationPrefetcher prefetcher_;
  PrefetchList candidates_;
  TlbPrefetchStats prefetch_stats_;
};

}  // namespace nestwalk
