// The nested TLB: GPA page to HPA page, used during a nested walk. Entries are guest-physical
// mappings: EP4TA (AMD: ASID) is their only tag and the host leaf their only size.
//
//   NestedTlb ntlb(NtlbParams{});
//   if (ntlb.serves(step.position)) { ntlb.fill(gpa, step.resume, tags); }
//   if (const auto resume = ntlb.lookup(gpa, tags)) { hpa = resume->base + gpa.offset(...); }
//
// Pages of all sizes share one array. Rights and D are the reader's to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/position.h"
#include "model/arch/resume.h"
#include "model/arch/tags.h"
#include "model/lookup/page_arrays.h"
#include "model/params/structures.h"

namespace nestwalk {

// Laws as in TlbStats.
struct NtlbStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t fills = 0;
  std::uint64_t evictions = 0;
  std::uint64_t replaced = 0;
  std::uint64_t invalidated = 0;
  std::uint64_t collateral = 0;  // of those, what extent exact would have kept
  friend bool operator==(const NtlbStats&, const NtlbStats&) = default;
};

using NtlbEntry = CachedEntry<Resume>;

class NestedTlb {
 public:
  explicit NestedTlb(const NtlbParams& params, std::uint64_t seed = 0);

  [[nodiscard]] bool is_present() const { return present_; }
  // Whether host walks at this position ask and fill the nested TLB.
  [[nodiscard]] bool serves(Position position) const {
    return present_ && (serves_final_walk_ || position.g != 0);
  }

  // A hit has next_level 0, the page's base and its page_bits.
  std::optional<Resume> lookup(Gpa gpa, const Tags& tags);
  [[nodiscard]] std::optional<Resume> probe(Gpa gpa, const Tags& tags) const;
  void fill(Gpa gpa, const Resume& resume, const Tags& tags);

  std::size_t invalidate(const Invalidation& invalidation);
  std::size_t flush();

  // visit(const NtlbEntry&)
  template <class Visit>
  void for_each(Visit visit) const {
    pages_.for_each(visit);
  }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  [[nodiscard]] const NtlbStats& stats() const { return stats_; }
  void reset_stats() { stats_ = {}; }

  friend bool operator==(const NestedTlb&, const NestedTlb&) = default;

 private:
  bool present_ = false;
  bool serves_final_walk_ = true;
  InvalidateExtent extent_;
  PageArrays<Resume> pages_;
  NtlbStats stats_;
};

}  // namespace nestwalk
