#include "model/lookup/tlb_hierarchy.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kL1iSeed = 11;
constexpr std::uint64_t kL1dSeed = 12;
constexpr std::uint64_t kL2Seed = 13;

}  // namespace

TlbHierarchy::TlbHierarchy(const MmuParams& params)
    : levels_{{{Tlb(params.l1_itlb, kL1iSeed), params.l1_itlb.latency_cycles},
               {Tlb(params.l1_dtlb, kL1dSeed), params.l1_dtlb.latency_cycles},
               {Tlb(params.l2_tlb, kL2Seed), params.l2_tlb.latency_cycles}}} {}

void TlbHierarchy::fill(const Access& access, const Translation& translation, MappingKind kind,
                        const Tags& tags) {
  levels_[kL2].tlb.fill(access.address, translation, kind, tags);
  first(access).tlb.fill(access.address, translation, kind, tags);
}

std::size_t TlbHierarchy::invalidate(const Invalidation& invalidation) {
  std::size_t dropped = 0;
  for (Level& level : levels_) {
    dropped += level.tlb.invalidate(invalidation);
  }
  return dropped;
}

std::size_t TlbHierarchy::flush() {
  std::size_t dropped = 0;
  for (Level& level : levels_) {
    dropped += level.tlb.flush();
  }
  return dropped;
}

TlbHierarchy::LevelSums TlbHierarchy::sums_of(Index from, Index to) const {
  LevelSums sums;
  for (unsigned i = from; i <= to; ++i) {
    sums.lookups += levels_[i].tlb.stats().lookups;
    sums.misses += levels_[i].tlb.stats().misses;
  }
  return sums;
}

TlbHierarchy::LevelSums TlbHierarchy::first_level() const {
  return sums_of(kL1i, kL1d);
}

TlbHierarchy::LevelSums TlbHierarchy::second_level() const {
  return sums_of(kL2, kL2);
}

}  // namespace nestwalk
