#include "model/lookup/tlb.h"

#include <algorithm>

#include "model/arch/bits.h"
#include "model/arch/check.h"

namespace nestwalk {
namespace {

constexpr std::uint8_t kArray4k = 0;
constexpr std::uint8_t kArray2m = 1;
constexpr std::uint8_t kArray1g = 2;
constexpr std::uint8_t kArrayBeside = 3;

PageArrays<Translation> make_pages(const TlbParams& params, std::uint64_t seed) {
  const std::uint8_t home_2m = params.unified_2m ? kArray4k : kArray2m;
  const std::uint8_t home_1g = params.unified_1g  ? kArray4k
                               : params.beside_1g ? kArrayBeside
                                                  : kArray1g;
  return {{params.page_4k, home_2m == kArray2m ? params.page_2m : ArrayParams{},
           home_1g == kArray1g ? params.page_1g : ArrayParams{}, params.beside},
          {{12, kArray4k}, {12, kArrayBeside}, {21, home_2m}, {30, home_1g}},
          seed};
}

// What the larger of both pages has and the entry does not cover.
std::uint64_t lost_reach(const EntryKey& key) {
  std::uint64_t largest = bit(key.span_bits);
  for (const unsigned page_bits : {key.guest_page_bits, key.host_page_bits}) {
    largest = page_bits == kNoPageBits ? largest : std::max(largest, bit(page_bits));
  }
  return largest - bit(key.span_bits);
}

}  // namespace

Tlb::Tlb(const TlbParams& params, std::uint64_t seed, InvalidateExtent extent)
    : extent_(extent), keeps_pieces_(params.keep_pieces), pages_(make_pages(params, seed)) {}

std::optional<Translation> Tlb::probe(Gva gva, MappingKind kind, const Tags& tags) const {
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (!found) {
    return std::nullopt;
  }
  return at(pages_.entry(found).payload, gva.offset(pages_.span_bits(found)));
}

unsigned Tlb::span_bits_for(const Translation& translation) const {
  constexpr unsigned k4m = 22;
  const unsigned page_bits = translation.page_bits();
  const unsigned span_bits = pages_.span_bits_for(page_bits);
  const bool is_whole = span_bits == page_bits || (page_bits == k4m && span_bits == k4m - 1);
  return is_whole || keeps_pieces_ ? span_bits : 0;
}

bool Tlb::take_prefetched_mark(Gva gva, MappingKind kind, const Tags& tags) {
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  return found && pages_.take_prefetched_mark(found);
}

unsigned Tlb::enter(Gva gva, const Translation& translation, MappingKind kind, const Tags& tags,
                    FirstUse first_use, Losses* losses) {
  fatal_unless(kind != MappingKind::kGuestPhysical, "a TLB keeps translations of linear addresses");
  const unsigned span_bits = span_bits_for(translation);
  if (span_bits == 0) {
    return 0;
  }
  TlbEntry entry{entry_key(gva, translation, kind, tags, span_bits), translation};
  entry.key.is_prefetched = first_use == FirstUse::kLater;
  entry.payload.gpa = translation.gpa.page(span_bits);
  entry.payload.hpa = translation.hpa.page(span_bits);
  enter(entry, losses);
  return span_bits;
}

void Tlb::take_victim(const TlbEntry& victim) {
  const unsigned span_bits = victim.key.span_bits;
  if (pages_.span_bits_for(span_bits) != span_bits) {
    return;
  }
  const auto found = pages_.find(victim.key.address, victim.key.kind, victim.key.tags);
  if (!found || pages_.span_bits(found) <= span_bits) {
    enter(victim, nullptr);
  }
}

void Tlb::enter(const TlbEntry& entry, Losses* losses) {
  const auto filled = pages_.fill(entry, losses != nullptr ? &losses->evicted : nullptr);
  ++stats_.fills;
  ++stats_.fills_by_size[size_index(entry.key.span_bits)];
  stats_.evictions += filled.has_evicted ? 1 : 0;
  stats_.replaced += filled.num_replaced;
  if (const std::uint64_t lost = lost_reach(entry.key); lost != 0) {
    stats_.piece_fills += entry.key.is_piece() ? 1 : 0;
    stats_.lost_reach_bytes += lost;
  }
  if (losses != nullptr && filled.num_replaced != 0) {
    EntryKey& block = losses->replaced.emplace(entry.key);
    block.span_bits =
        std::max(block.span_bits, static_cast<std::uint8_t>(filled.replaced_span_bits));
    block.address &= ~mask(block.span_bits - 1U, 0);
  }
}

void Tlb::move_out(Gva gva, MappingKind kind, const Tags& tags, unsigned max_span_bits) {
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (found && pages_.span_bits(found) <= max_span_bits) {
    pages_.erase(found);
    ++stats_.moved;
  }
}

std::size_t Tlb::invalidate(const Invalidation& invalidation) {
  const InvalidationScope scope(invalidation, extent_);
  const InvalidationCount count = pages_.invalidate(scope, invalidation.address.value());
  stats_.invalidated += count.dropped;
  stats_.collateral += count.collateral;
  return count.dropped;
}

std::size_t Tlb::drop_overlapping(const EntryKey& key) {
  const std::size_t dropped = pages_.drop_overlapping(key);
  stats_.back_invalidated += dropped;
  return dropped;
}

std::size_t Tlb::flush() {
  const std::size_t dropped = pages_.flush();
  stats_.invalidated += dropped;
  return dropped;
}

}  // namespace nestwalk
