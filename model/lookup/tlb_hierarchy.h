// The TLBs of one MMU and what passes between their levels: which TLB an access asks, what a hit in
// the second level and a finished walk put where.
//
//   TlbHierarchy tlbs(params.mmu);
//   auto t = tlbs.lookup_first(access, kind, tags, serves);         // costs first_cycles(access)
//   if (!t) { t = tlbs.lookup_second(access, kind, tags, serves); }  // and second_cycles(access)
//   if (!t) { walk; tlbs.fill(access, translation, kind, tags); }
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
    const auto found = levels_[kL2].tlb.lookup(access.address, kind, tags, serves);
    if (found) {
      first(access).tlb.fill(access.address, *found, kind, tags);
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
  [[nodiscard]] Level& first(const Access& access) { return levels_[first_of(access)]; }
  [[nodiscard]] LevelSums sums_of(Index from, Index to) const;

  std::array<Level, kNumTlbs> levels_;
};

}  // namespace nestwalk
