// Where the rest of a splintered guest page probably lies: for each such page, the host-physical
// address that it would begin at if the pieces lay side by side (GLUE: Pham, Vesely, Loh,
// Bhattacharjee, MICRO 2015).
//
//   SplinterHints hints({.entries = 32, .ways = 4}, /*seed=*/1);
//   const auto guess = hints.predict(gva, kind, tags);  // std::optional<Hpa>; then walk all the
//   same hints.learn(gva, translation, kind, tags);          // the walk's result; counts right and
//   wrong
//
// A guess proves nothing: no rights are kept, and nothing may be delivered, filled or written on it
// before the walk has said the same. Not for pages that are cached whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"
#include "model/lookup/invalidate.h"
#include "model/lookup/page_arrays.h"
#include "model/params/structures.h"

namespace nestwalk {

// Of walks that ended in a splintered page: right + wrong + none are all of them.
struct SplinterHintStats {
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  std::uint64_t none = 0;  // nothing was known about the page
  friend bool operator==(const SplinterHintStats&, const SplinterHintStats&) = default;
};

class SplinterHints {
 public:
  explicit SplinterHints(const ArrayParams& shape, std::uint64_t seed = 0);

  [[nodiscard]] std::optional<Hpa> predict(Gva gva, MappingKind kind, const Tags& tags) const;
  void learn(Gva gva, const Translation& translation, MappingKind kind, const Tags& tags);

  std::size_t invalidate(const InvalidationScope& scope);
  std::size_t flush() { return pages_.flush(); }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  [[nodiscard]] const SplinterHintStats& stats() const { return stats_; }

  friend bool operator==(const SplinterHints&, const SplinterHints&) = default;

 private:
  PageArrays<Hpa> pages_;  // payload: where the guest page would begin, modulo 2^64
  SplinterHintStats stats_;
};

}  // namespace nestwalk
