#include "model/lookup/translation_prefetcher.h"

#include <algorithm>

#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

constexpr unsigned kRegionBits = 28;
constexpr unsigned kHalfBits = 47;  // addresses that agree above them are canonical or not alike
constexpr unsigned kMaxConfidence = 3;

}  // namespace

PrefetchList TranslationPrefetcher::observe(Gva gva, unsigned page_bits, const Tags& used) {
  PrefetchList list;
  std::uint64_t distance = 0;
  switch (params_.kind) {
    case PrefetchKind::kNone:
      return list;
    case PrefetchKind::kNextPage:
      distance = bit(page_bits);
      break;
    case PrefetchKind::kStride:
      distance = train(gva, used) << kSmallPageBits;
      break;
  }
  std::uint64_t next = gva.page(kSmallPageBits).value();
  for (unsigned i = 0; i < params_.degree && distance != 0; ++i) {
    next += distance;
    if (((next ^ gva.value()) >> kHalfBits) != 0) {
      break;
    }
    list.add(Gva(next));
  }
  return list;
}

std::uint64_t TranslationPrefetcher::train(Gva gva, const Tags& used) {
  const std::uint64_t page = gva.value() >> kSmallPageBits;
  const std::uint64_t region = gva.value() >> kRegionBits;
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const Stream& s) {
    return s.region == region && s.tags == used;
  });
  if (found == streams_.end()) {
    const Stream fresh{region, used, page, 0, 0, ++clock_};
    if (streams_.size() < params_.streams) {
      streams_.push_back(fresh);
    } else {
      *std::min_element(streams_.begin(), streams_.end(), [](const Stream& a, const Stream& b) {
        return a.last_use < b.last_use;
      }) = fresh;
    }
    return 0;
  }
  Stream& s = *found;
  s.last_use = ++clock_;
  const std::uint64_t step = page - s.last_page;
  s.last_page = page;
  if (step == 0) {
    return 0;
  }
  if (step == s.stride) {
    s.confidence = std::min(s.confidence + 1, kMaxConfidence);
    return s.stride;
  }
  if (s.confidence > 0) {
    --s.confidence;  // one stray event does not end a stream
  } else {
    s.stride = step;
  }
  return 0;
}

}  // namespace nestwalk
