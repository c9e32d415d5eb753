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
// one lost to another; sizes that the second level does not keep are exempt. exclusive: an entry of
// which the first level takes all lives there alone until it gives way, and then moves to the
// second; where the first level takes only a piece of what the second can keep, the whole lives in
// the second. A victim that the second level cannot keep whole, or that something larger covers
// there, is lost. Nobody asks whether another first-level TLB holds a copy as well.
//
// Not for time, walks or what a fault drops: those are the MMU's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/invalidation.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"
#include "model/lookup/tlb.h"
#include "model/params/machine.h"

namespace nestwalk {

class TlbHierarchy {
 public:
  // Of all TLBs of one level.
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
    const auto found = second().lookup(access.address, kind, tags, serves);
    if (found) {
      bring_up(access, *found, kind, tags);
    }
    return found;
  }
  // After a walk; `translation` is that of the access.
  void fill(const Access& access, const Translation& translation, MappingKind kind,
            const Tags& tags);

  [[nodiscard]] std::uint32_t first_cycles(const Access& access) const {
    return levels_[first_of(access)].latency_cycles;
  }
  [[nodiscard]] std::uint32_t second_cycles(const Access& /*access*/) const {
    return levels_[kL2].latency_cycles;
  }

  // Drops what the operation covers from all TLBs. Returns the number of entries.
  std::size_t invalidate(const Invalidation& invalidation);
  std::size_t flush();

  [[nodiscard]] const Tlb& l1_itlb() const { return levels_[kL1i].tlb; }
  [[nodiscard]] const Tlb& l1_dtlb() const { return levels_[kL1d].tlb; }
  [[nodiscard]] const Tlb& l2_tlb() const { return levels_[kL2].tlb; }
  [[nodiscard]] LevelSums first_level() const;
  [[nodiscard]] LevelSums second_level() const;

  // visit(name, const Tlb&)
  template <class Visit>
  void for_each_tlb(Visit visit) const {
    for (unsigned i = 0; i < kNumTlbs; ++i) {
      visit(kNames[i], levels_[i].tlb);
    }
  }

  // What a user is shown: visit(name of the TLB or empty, name, const std::uint64_t*, unit, text).
  template <class Visit>
  void for_each_counter(Visit visit) const {
    for_each_tlb([&](std::string_view tlb_name, const Tlb& tlb) {
      nestwalk::for_each_counter(
          tlb.stats(), [&](std::string_view name, const std::uint64_t* value, std::string_view unit,
                           std::string_view text) { visit(tlb_name, name, value, unit, text); });
    });
  }

  friend bool operator==(const TlbHierarchy&, const TlbHierarchy&) = default;

 private:
  enum Index : std::uint8_t { kL1i, kL1d, kL2 };
  static constexpr unsigned kNumTlbs = 3;
  static constexpr std::array<std::string_view, kNumTlbs> kNames = {"l1_itlb", "l1_dtlb", "l2_tlb"};

  struct Level {
    Tlb tlb;
    std::uint32_t latency_cycles;
    friend bool operator==(const Level&, const Level&) = default;
  };

  [[nodiscard]] static Index first_of(const Access& access) {
    return access.is_fetch() ? kL1i : kL1d;
  }
  // A hit in the second level goes to the first.
  void bring_up(const Access& access, const Translation& found, MappingKind kind, const Tags& tags);
  void fill_second(const Access& access, const Translation& translation, MappingKind kind,
                   const Tags& tags);
  void fill_exclusive(const Access& access, const Translation& translation, MappingKind kind,
                      const Tags& tags);
  void fill_first_exclusive(const Access& access, const Translation& translation, MappingKind kind,
                            const Tags& tags);
  void drop_in_first_level(const EntryKey& key);

  [[nodiscard]] Tlb& second() { return levels_[kL2].tlb; }
  [[nodiscard]] Level& first(const Access& access) { return levels_[first_of(access)]; }
  [[nodiscard]] LevelSums sums_of(Index from, Index to) const;

  TlbInclusion inclusion_;
  std::array<Level, kNumTlbs> levels_;
};

}  // namespace nestwalk
