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
constexpr std::uint64_t kBufferSeed = 17;

// One array for pages of every size.
TlbParams buffer_params(const TlbPrefetchParams& params) {
  TlbParams p{params.buffer, {}, {}, true, true, 0};
  if (params.kind == PrefetchKind::kNone || params.target != PrefetchTarget::kBuffer) {
    p.page_4k = {};
  }
  return p;
}

constexpr unsigned size_index(unsigned page_bits) {
  return (page_bits - kSmallPageBits) / 9;
}

}  // namespace

TlbHierarchy::TlbHierarchy(const MmuParams& params)
    : inclusion_(params.inclusion),
      splintering_(params.splintering),
      extent_(params.invalidate),
      prefetch_(params.prefetch.kind),
      has_buffer_(buffer_params(params.prefetch).is_present()),
      first_of_{kL1d, params.store_tlb.is_present() ? kStore : kL1d, kL1i},
      second_of_{kL2, kL2, params.l2_itlb.is_present() ? kL2i : kL2},
      levels_{{make_level(params.l1_itlb, kL1iSeed), make_level(params.l1_dtlb, kL1dSeed),
               make_level(params.store_tlb, kStoreSeed), make_level(params.l2_itlb, kL2iSeed),
               make_level(params.l2_tlb, kL2Seed),
               make_level(buffer_params(params.prefetch), kBufferSeed)}},
      hints_(splintering_ == Splintering::kBoth ? params.splinter_hints : ArrayParams{}, kHintSeed),
      prefetcher_(params.prefetch) {
  // A TLB of the platform that is configured away is still shown, with its misses.
  levels_[kStore].is_shown = first_of(AccessType::kWrite) == kStore;
  levels_[kL2i].is_shown = second_of(AccessType::kFetch) == kL2i;
  levels_[kBuffer].is_shown = has_buffer_;
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
  if (has_buffer_) {  // it did not serve, or would have been found
    levels_[kBuffer].tlb.drop_overlapping(
        entry_key(access.address, translation, kind, tags, either));
  }
  enter(access, translation, kind, tags);
  look_ahead(access, translation, kind, tags);
}

void TlbHierarchy::enter(const Access& access, const Translation& translation, MappingKind kind,
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
  if (prefetch_ != PrefetchKind::kNone &&
      second(access).take_prefetched_mark(access.address, kind, tags)) {
    use_prefetched(access, found, kind, tags);
  }
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
  if (inclusion_ != TlbInclusion::kInclusive) {
    second(access).fill(access.address, translation, kind, tags);
    return;
  }
  Tlb::Losses losses;
  second(access).fill(access.address, translation, kind, tags, &losses);
  keep_inclusion(access, losses);
}

void TlbHierarchy::keep_inclusion(const Access& access, const Tlb::Losses& losses) {
  if (inclusion_ != TlbInclusion::kInclusive) {
    return;
  }
  if (losses.evicted) {
    drop_in_first_level(access, losses.evicted->key);
  }
  if (losses.replaced) {
    drop_in_first_level(access, *losses.replaced);
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
  Tlb::Losses losses;
  first(access).tlb.fill(access.address, translation, kind, tags, &losses);
  if (losses.evicted && !second_refuses(losses.evicted->payload)) {
    second(access).take_victim(*losses.evicted);
  }
}

void TlbHierarchy::drop_in_first_level(const Access& access, const EntryKey& key) {
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    if (second_of(type) == second_of(access.type)) {
      levels_[first_of(type)].tlb.drop_overlapping(key);
    }
  }
}

void TlbHierarchy::leave_buffer(const Access& access, const Translation& found, MappingKind kind,
                                const Tags& tags) {
  Tlb& buffer = levels_[kBuffer].tlb;
  buffer.take_prefetched_mark(access.address, kind, tags);
  buffer.move_out(access.address, kind, tags, found.page_bits());
  enter(access, found, kind, tags);
  use_prefetched(access, found, kind, tags);
}

void TlbHierarchy::use_prefetched(const Access& access, const Translation& found, MappingKind kind,
                                  const Tags& tags) {
  ++prefetch_stats_.useful;
  look_ahead(access, found, kind, tags);
}

void TlbHierarchy::look_ahead(const Access& access, const Translation& translation,
                              MappingKind kind, const Tags& tags) {
  candidates_ = {};
  if (prefetch_ == PrefetchKind::kNone) {
    return;
  }
  for (const Gva gva :
       prefetcher_.observe(access.address, translation.page_bits(), tags_for(kind, tags))) {
    const bool is_covered = first(access).tlb.probe(gva, kind, tags) ||
                            second(access).probe(gva, kind, tags) ||
                            (has_buffer_ && levels_[kBuffer].tlb.probe(gva, kind, tags));
    if (is_covered) {
      ++prefetch_stats_.covered;
    } else {
      candidates_.add(gva);
    }
  }
}

PrefetchList TlbHierarchy::take_candidates() {
  const PrefetchList list = candidates_;
  candidates_ = {};
  prefetch_stats_.issued += list.size();
  return list;
}

void TlbHierarchy::fill_prefetched(const Access& access, const Translation& translation,
                                   MappingKind kind, const Tags& tags) {
  unsigned span_bits = 0;
  if (has_buffer_) {
    Tlb& buffer = levels_[kBuffer].tlb;
    span_bits = buffer.fill_prefetched(access.address, translation, kind, tags, nullptr);
  } else if (!second_refuses(translation)) {
    Tlb::Losses losses;
    span_bits = second(access).fill_prefetched(access.address, translation, kind, tags, &losses);
    keep_inclusion(access, losses);
  }
  if (span_bits == 0) {
    end_prefetch(PrefetchEnd::kDropped);
  } else {
    ++prefetch_stats_.filled;
  }
}

void TlbHierarchy::end_prefetch(PrefetchEnd end) {
  prefetch_stats_.late += end == PrefetchEnd::kLate ? 1 : 0;
  prefetch_stats_.abandoned += end == PrefetchEnd::kAbandoned ? 1 : 0;
  prefetch_stats_.dropped += end == PrefetchEnd::kDropped ? 1 : 0;
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
  LevelSums sums = sums_of(kL2i, kL2);
  sums.misses -= levels_[kBuffer].tlb.stats().hits;
  return sums;
}

void TlbHierarchy::for_each_counter(const CounterVisitor& visit) const {
  for_each_tlb([&](std::string_view tlb_name, const Tlb& tlb) {
    nestwalk::for_each_counter(
        tlb.stats(), [&](std::string_view name, const std::uint64_t* value, std::string_view unit,
                         std::string_view text) { visit(tlb_name, name, value, unit, text); });
    visit(tlb_name, "pieces", &tlb.num_pieces(), "entries",
          "Entries present that cover less than the guest's page.");
    if (prefetch_ != PrefetchKind::kNone) {
      visit(tlb_name, "unused_prefetches", &tlb.num_unused(), "count",
            "Entries fetched ahead that were gone before any use.");
    }
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
  if (prefetch_ != PrefetchKind::kNone) {
    const TlbPrefetchStats& s = prefetch_stats_;
    visit("prefetch", "covered", &s.covered, "count", "Candidates that a TLB had already.");
    visit("prefetch", "issued", &s.issued, "count", "Candidates given out to be walked.");
    visit("prefetch", "filled", &s.filled, "count", "Translations fetched ahead.");
    visit("prefetch", "useful", &s.useful, "count", "Of those, used by an access.");
    visit("prefetch", "late", &s.late, "count", "Wanted by an access before the walk was done.");
    visit("prefetch", "abandoned", &s.abandoned, "count",
          "Walks that would have faulted or set an accessed or dirty bit.");
    visit("prefetch", "dropped", &s.dropped, "count",
          "For want of room, or killed by an invalidation.");
  }
}

}  // namespace nestwalk
