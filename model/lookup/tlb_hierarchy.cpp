#include "model/lookup/tlb_hierarchy.h"

#include <string>

#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kL1iSeed = 11;
constexpr std::uint64_t kL1dSeed = 12;
constexpr std::uint64_t kL2Seed = 13;
constexpr std::uint64_t kHintSeed = 14;
constexpr std::uint64_t kL2iSeed = 15;
constexpr std::uint64_t kStoreSeed = 16;

constexpr unsigned size_index(unsigned page_bits) {
  return (page_bits - kSmallPageBits) / 9;
}

}  // namespace

TlbHierarchy::TlbHierarchy(const MmuParams& params)
    : inclusion_(params.inclusion),
      splintering_(params.splintering),
      extent_(params.invalidate),
      first_of_{kL1d, params.store_tlb.is_present() ? kStore : kL1d, kL1i},
      second_of_{kL2, kL2, params.l2_itlb.is_present() ? kL2i : kL2},
      levels_{{make_level(params.l1_itlb, kL1iSeed), make_level(params.l1_dtlb, kL1dSeed),
               make_level(params.store_tlb, kStoreSeed), make_level(params.l2_itlb, kL2iSeed),
               make_level(params.l2_tlb, kL2Seed)}},
      hints_(splintering_ == Splintering::kBoth ? params.splinter_hints : ArrayParams{},
             kHintSeed) {
  // A TLB of the platform that is configured away is still shown, with its misses.
  levels_[kStore].is_shown = first_of(AccessType::kWrite) == kStore;
  levels_[kL2i].is_shown = second_of(AccessType::kFetch) == kL2i;
}

TlbHierarchy::Level TlbHierarchy::make_level(const TlbParams& params, std::uint64_t seed) const {
  return {Tlb(params, seed, extent_), params.latency_cycles, true};
}

void TlbHierarchy::fill(const Access& access, const Translation& translation, MappingKind kind,
                        const Tags& tags) {
  const unsigned guest = translation.guest_page_bits;
  const unsigned host = translation.host_page_bits;
  const unsigned either = translation.page_bits();
  ++walked_[size_index(guest == kNoPageBits ? either : guest)]
           [size_index(host == kNoPageBits ? either : host)];
  hints_.learn(access.address, translation, kind, tags);
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
  second(access).move_out(access.address, kind, tags, first(access).tlb.span_bits_for(found));
  fill_first_exclusive(access, found, kind, tags);
}

void TlbHierarchy::fill_second(const Access& access, const Translation& translation,
                               MappingKind kind, const Tags& tags) {
  if (second_refuses(translation)) {
    return;
  }
  const Tlb::FillResult filled = second(access).fill(access.address, translation, kind, tags);
  if (inclusion_ != TlbInclusion::kInclusive) {
    return;
  }
  if (filled.evicted) {
    drop_in_first_level(access, filled.evicted->key);
  }
  if (filled.replaced) {
    drop_in_first_level(access, *filled.replaced);
  }
}

void TlbHierarchy::fill_exclusive(const Access& access, const Translation& translation,
                                  MappingKind kind, const Tags& tags) {
  const unsigned in_first = first(access).tlb.span_bits_for(translation);
  if (!second_refuses(translation) && second(access).span_bits_for(translation) > in_first) {
    second(access).fill(access.address, translation, kind, tags);
  } else if (in_first != 0) {
    second(access).drop_overlapping(entry_key(access.address, translation, kind, tags, in_first));
  }
  fill_first_exclusive(access, translation, kind, tags);
}

void TlbHierarchy::fill_first_exclusive(const Access& access, const Translation& translation,
                                        MappingKind kind, const Tags& tags) {
  const Tlb::FillResult filled = first(access).tlb.fill(access.address, translation, kind, tags);
  if (filled.evicted && !second_refuses(filled.evicted->payload)) {
    second(access).take_victim(*filled.evicted);
  }
}

void TlbHierarchy::drop_in_first_level(const Access& access, const EntryKey& key) {
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    if (second_of(type) == second_of(access.type)) {
      levels_[first_of(type)].tlb.drop_overlapping(key);
    }
  }
}

std::size_t TlbHierarchy::invalidate(const Invalidation& invalidation) {
  std::size_t dropped = 0;
  for (Level& level : levels_) {
    dropped += level.tlb.invalidate(invalidation);
  }
  hints_.invalidate(InvalidationScope(invalidation, extent_));
  return dropped;
}

std::size_t TlbHierarchy::flush() {
  std::size_t dropped = 0;
  for (Level& level : levels_) {
    dropped += level.tlb.flush();
  }
  hints_.flush();
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
  return sums_of(kL1i, kStore);
}

TlbHierarchy::LevelSums TlbHierarchy::second_level() const {
  return sums_of(kL2i, kL2);
}

void TlbHierarchy::for_each_counter(const CounterVisitor& visit) const {
  for_each_tlb([&](std::string_view tlb_name, const Tlb& tlb) {
    nestwalk::for_each_counter(
        tlb.stats(), [&](std::string_view name, const std::uint64_t* value, std::string_view unit,
                         std::string_view text) { visit(tlb_name, name, value, unit, text); });
    visit(tlb_name, "pieces", &tlb.num_pieces(), "entries",
          "Entries present that cover less than the guest's page.");
  });
  static constexpr std::array<std::string_view, 3> kSizes = {"4k", "2m", "1g"};
  for (unsigned guest = 0; guest < kSizes.size(); ++guest) {
    for (unsigned host = 0; host < kSizes.size(); ++host) {
      const std::string name =
          "walked_" + std::string(kSizes[guest]) + "_over_" + std::string(kSizes[host]);
      visit({}, name, &walked_[guest][host], "count",
            "Walks entered whose guest page and host page have these sizes.");
    }
  }
  if (splintering_ == Splintering::kBoth) {
    const SplinterHintStats& s = hints_.stats();
    visit({}, "guesses_right", &s.right, "count",
          "Splintered pages whose piece lay where guessed.");
    visit({}, "guesses_wrong", &s.wrong, "count", "Splintered pages whose piece lay elsewhere.");
    visit({}, "guesses_none", &s.none, "count", "Splintered pages without a guess.");
  }
}

}  // namespace nestwalk
