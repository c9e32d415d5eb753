#include "model/lookup/splinter_hints.h"

namespace nestwalk {

SplinterHints::SplinterHints(const ArrayParams& shape, std::uint64_t seed)
    : pages_({shape}, {{21, 0}, {22, 0}, {30, 0}}, seed) {}

std::optional<Hpa> SplinterHints::predict(Gva gva, MappingKind kind, const Tags& tags) const {
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (!found) {
    return std::nullopt;
  }
  return pages_.entry(found).payload + gva.offset(pages_.span_bits(found));
}

void SplinterHints::learn(Gva gva, const Translation& translation, MappingKind kind,
                          const Tags& tags) {
  if (!is_splintered(translation)) {
    return;
  }
  const auto found = pages_.find(gva.value(), kind, tags_for(kind, tags));
  if (found) {
    const Hpa guess = pages_.entry(found).payload + gva.offset(pages_.span_bits(found));
    if (guess == translation.hpa) {
      ++stats_.right;
      pages_.use(found);
      return;
    }
    ++stats_.wrong;
  } else {
    ++stats_.none;
  }
  const unsigned page_bits = translation.guest_page_bits;
  if (pages_.span_bits_for(page_bits) == page_bits) {
    pages_.fill({entry_key(gva, translation, kind, tags, page_bits),
                 Hpa(translation.hpa.value() - gva.offset(page_bits))});
  }
}

std::size_t SplinterHints::invalidate(const InvalidationScope& scope) {
  return pages_.invalidate(scope, scope.address(MappingKind::kCombined)).dropped;
}

}  // namespace nestwalk
