#include "model/lookup/tlb.h"

#include "model/arch/check.h"

namespace nestwalk {
namespace {

constexpr std::uint8_t kArray4k = 0;
constexpr std::uint8_t kArray2m = 1;
constexpr std::uint8_t kArray1g = 2;

PageArrays<Translation> make_pages(const TlbParams& params, std::uint64_t seed) {
  return {{params.page_4k, params.unified_2m ? ArrayParams{} : params.page_2m,
           params.unified_1g ? ArrayParams{} : params.page_1g},
          {{12, kArray4k},
           {21, params.unified_2m ? kArray4k : kArray2m},
           {30, params.unified_1g ? kArray4k : kArray1g}},
          seed};
}

}  // namespace

Tlb::Tlb(const TlbParams& params, std::uint64_t seed) : pages_(make_pages(params, seed)) {}

std::optional<Translation> Tlb::probe(Gva gva, MappingKind kind, const Tags& tags) const {
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (!found) {
    return std::nullopt;
  }
  return at(pages_.entry(found).payload, gva.offset(pages_.span_bits(found)));
}

Tlb::FillResult Tlb::fill(Gva gva, const Translation& translation, MappingKind kind,
                          const Tags& tags) {
  fatal_unless(kind != MappingKind::kGuestPhysical, "a TLB keeps translations of linear addresses");
  FillResult result;
  result.span_bits = pages_.span_bits_for(translation.page_bits());
  if (result.span_bits == 0) {
    return result;
  }
  TlbEntry entry;
  entry.key.address = gva.page(result.span_bits).value();
  entry.key.tags = tags_for(kind, tags);
  entry.key.kind = kind;
  entry.key.global = translation.global;
  entry.key.span_bits = static_cast<std::uint8_t>(result.span_bits);
  entry.key.guest_page_bits = translation.guest_page_bits;
  entry.key.host_page_bits = translation.host_page_bits;
  entry.payload = translation;
  entry.payload.gpa = translation.gpa.page(result.span_bits);
  entry.payload.hpa = translation.hpa.page(result.span_bits);

  auto filled = pages_.fill(entry);
  ++stats_.fills;
  ++stats_.fills_by_size[size_index(result.span_bits)];
  stats_.evictions += filled.evicted ? 1 : 0;
  stats_.replaced += filled.num_replaced;
  result.evicted = filled.evicted;
  return result;
}

std::size_t Tlb::invalidate(const Invalidation& invalidation) {
  const InvalidationScope scope(invalidation);
  const std::size_t dropped = pages_.invalidate(scope, invalidation.address.value());
  stats_.invalidated += dropped;
  return dropped;
}

std::size_t Tlb::drop_overlapping(const EntryKey& key) {
  const std::size_t dropped = pages_.drop_overlapping(key);
  stats_.invalidated += dropped;
  return dropped;
}

std::size_t Tlb::flush() {
  const std::size_t dropped = pages_.flush();
  stats_.invalidated += dropped;
  return dropped;
}

}  // namespace nestwalk
