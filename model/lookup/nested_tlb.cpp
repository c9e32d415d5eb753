#include "model/lookup/nested_tlb.h"

#include "model/arch/check.h"

namespace nestwalk {

NestedTlb::NestedTlb(const NtlbParams& params, std::uint64_t seed)
    : present_(params.array.entries != 0),
      serves_final_walk_(params.serve_final_walk),
      extent_(params.invalidate),
      pages_({params.array}, {{12, 0}, {21, 0}, {22, 0}, {30, 0}}, seed) {}

std::optional<Resume> NestedTlb::lookup(Gpa gpa, const Tags& tags) {
  ++stats_.lookups;
  const auto found = pages_.find(gpa.value(), MappingKind::kGuestPhysical,
                                 tags_for(MappingKind::kGuestPhysical, tags));
  if (!found) {
    ++stats_.misses;
    return std::nullopt;
  }
  ++stats_.hits;
  pages_.use(found);
  return pages_.entry(found).payload;
}

std::optional<Resume> NestedTlb::probe(Gpa gpa, const Tags& tags) const {
  const auto found = pages_.find(gpa.value(), MappingKind::kGuestPhysical,
                                 tags_for(MappingKind::kGuestPhysical, tags));
  if (!found) {
    return std::nullopt;
  }
  return pages_.entry(found).payload;
}

void NestedTlb::fill(Gpa gpa, const Resume& resume, const Tags& tags) {
  fatal_unless(resume.next_level == 0, "a nested TLB keeps pages, not structures");
  if (!present_) {
    return;
  }
  fatal_unless(pages_.span_bits_for(resume.page_bits) == resume.page_bits,
               "a host page has 4K, 2M, 4M or 1G");
  NtlbEntry entry;
  entry.key.address = gpa.page(resume.page_bits).value();
  entry.key.tags = tags_for(MappingKind::kGuestPhysical, tags);
  entry.key.kind = MappingKind::kGuestPhysical;
  entry.key.span_bits = resume.page_bits;
  entry.key.host_page_bits = resume.page_bits;
  entry.payload = resume;
  const auto filled = pages_.fill(entry);
  ++stats_.fills;
  stats_.evictions += filled.has_evicted ? 1 : 0;
  stats_.replaced += filled.num_replaced;
}

std::size_t NestedTlb::invalidate(const Invalidation& invalidation) {
  const InvalidationScope scope(invalidation, extent_);
  const InvalidationCount count = pages_.invalidate(scope, invalidation.gpa.value());
  stats_.invalidated += count.dropped;
  stats_.collateral += count.collateral;
  return count.dropped;
}

std::size_t NestedTlb::flush() {
  const std::size_t dropped = pages_.flush();
  stats_.invalidated += dropped;
  return dropped;
}

}  // namespace nestwalk
