#include "model/lookup/tlb_hierarchy.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kL1iSeed = 11;
constexpr std::uint64_t kL1dSeed = 12;
constexpr std::uint64_t kL2Seed = 13;

}  // namespace

TlbHierarchy::TlbHierarchy(const MmuParams& params)
    : inclusion_(params.inclusion),
      levels_{{{Tlb(params.l1_itlb, kL1iSeed), params.l1_itlb.latency_cycles},
               {Tlb(params.l1_dtlb, kL1dSeed), params.l1_dtlb.latency_cycles},
               {Tlb(params.l2_tlb, kL2Seed), params.l2_tlb.latency_cycles}}} {}

void TlbHierarchy::fill(const Access& access, const Translation& translation, MappingKind kind,
                        const Tags& tags) {
  if (inclusion_ == TlbInclusion::kExclusive) {
    fill_exclusive(access, translation, kind, tags);
    return;
  }
  fill_second(access, translation, kind, tags);
  first(access).tlb.fill(access.address, translation, kind, tags);
}

void TlbHierarchy::bring_up(const Access& access, const Translation& found, MappingKind kind,
                            const Tags& tags) {
  if (inclusion_ != TlbInclusion::kExclusive) {
    first(access).tlb.fill(access.address, found, kind, tags);
    return;
  }
  // First out, then in: the entry and the first level's victim change places.
  second().move_out(access.address, kind, tags, first(access).tlb.span_bits_for(found));
  fill_first_exclusive(access, found, kind, tags);
}

void TlbHierarchy::fill_second(const Access& access, const Translation& translation,
                               MappingKind kind, const Tags& tags) {
  const Tlb::FillResult filled = second().fill(access.address, translation, kind, tags);
  if (inclusion_ != TlbInclusion::kInclusive) {
    return;
  }
  if (filled.evicted) {
    drop_in_first_level(filled.evicted->key);
  }
  if (filled.replaced) {
    drop_in_first_level(*filled.replaced);
  }
}

void TlbHierarchy::fill_exclusive(const Access& access, const Translation& translation,
                                  MappingKind kind, const Tags& tags) {
  const unsigned in_first = first(access).tlb.span_bits_for(translation);
  if (second().span_bits_for(translation) > in_first) {
    second().fill(access.address, translation, kind, tags);
  } else if (in_first != 0) {
    second().drop_overlapping(Tlb::key_of(access.address, translation, kind, tags, in_first));
  }
  fill_first_exclusive(access, translation, kind, tags);
}

void TlbHierarchy::fill_first_exclusive(const Access& access, const Translation& translation,
                                        MappingKind kind, const Tags& tags) {
  const Tlb::FillResult filled = first(access).tlb.fill(access.address, translation, kind, tags);
  if (filled.evicted) {
    second().take_victim(*filled.evicted);
  }
}

void TlbHierarchy::drop_in_first_level(const EntryKey& key) {
  for (const Index index : {kL1i, kL1d}) {
    levels_[index].tlb.drop_overlapping(key);
  }
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
