// Which pages will probably be wanted next: said after a miss in the second-level TLB, or after the
// first use of a translation that was fetched ahead.
//
//   TranslationPrefetcher prefetcher({.kind = PrefetchKind::kStride, .degree = 2});
//   for (const Gva gva : prefetcher.observe(access.address, translation.page_bits(), used_tags)) {
//     walk(gva);
//   }
//
// next_page: the pages that follow, by the size of the page that missed. stride: for each region of
// 256M and address space, the distance of the last two events in 4K pages; once it came twice in a
// row, the pages at its multiples. Program counters are not known here. No candidate lies beyond
// the half of the address space that the page is in. Not for what is cached already, nor for walks:
// see tlb_hierarchy.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/tags.h"
#include "model/params/structures.h"

namespace nestwalk {

class PrefetchList {
 public:
  void add(Gva gva) { pages_[size_++] = gva; }
  [[nodiscard]] const Gva* begin() const { return pages_.data(); }
  [[nodiscard]] const Gva* end() const { return pages_.data() + size_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  friend bool operator==(const PrefetchList& a, const PrefetchList& b) = default;

 private:
  std::array<Gva, kMaxPrefetchDegree> pages_{};
  std::size_t size_ = 0;
};

class TranslationPrefetcher {
 public:
  explicit TranslationPrefetcher(const TlbPrefetchParams& params) : params_(params) {}

  // `used` is tags_for(kind, tags).
  PrefetchList observe(Gva gva, unsigned page_bits, const Tags& used);

  friend bool operator==(const TranslationPrefetcher&, const TranslationPrefetcher&) = default;

 private:
  struct Stream {
    std::uint64_t region = 0;
    Tags tags;
    std::uint64_t last_page = 0;
    std::uint64_t stride = 0;  // modulo 2^64: a step down is a large number
    unsigned confidence = 0;
    std::uint64_t last_use = 0;
    friend bool operator==(const Stream&, const Stream&) = default;
  };

  // The distance to prefetch at; 0: none is known.
  [[nodiscard]] std::uint64_t train(Gva gva, const Tags& used);

  TlbPrefetchParams params_;
  std::vector<Stream> streams_;  // at most params_.streams
  std::uint64_t clock_ = 0;
};

}  // namespace nestwalk
