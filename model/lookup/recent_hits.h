// Hits of a first-level TLB that were made lately, by page: a short cut of the simulator past the
// search and the check of rights. What it says is what both would say again.
//
//   if (const RecentHit* hit = recent.find(access, context_version, tlb)) {
//     tlb.repeat(hit->hit);
//   } else if (tlb.lookup(...)) { recent.remember(access, context_version, tlb, translation); }
//
// Not a structure of the machine: it changes no statistic and no replacement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/lookup/tlb.h"

namespace nestwalk {

struct RecentHit {
  std::uint64_t page = ~std::uint64_t{0};  // no address has this page
  std::uint64_t context_version = 0;
  std::uint8_t permitted = 0;  // a bit for each privilege that it has served
  Tlb::Hit hit;
  Translation first;  // of the page's first byte

  void put_at(std::uint64_t offset, Translation& translation) const {
    translation = first;
    translation.gpa = first.gpa + offset;
    translation.hpa = first.hpa + offset;
  }
};

// Of accesses of one type: what permits a read may not permit a write.
class RecentHits {
 public:
  // The context version stands for all registers that decide about rights.
  [[nodiscard]] const RecentHit* find(const Access& access, std::uint64_t context_version,
                                      const Tlb& tlb) const {
    const std::uint64_t page = access.address.value() >> kSmallPageBits;
    const RecentHit& hit = hits_[page % kNumHits];
    return hit.page == page && hit.context_version == context_version &&
                   (hit.permitted & bit_of(access)) != 0 && tlb.can_repeat(hit.hit)
               ? &hit
               : nullptr;
  }

  // `translation` is what the TLB's last lookup found for the access.
  void remember(const Access& access, std::uint64_t context_version, const Tlb& tlb,
                const Translation& translation) {
    const std::uint64_t page = access.address.value() >> kSmallPageBits;
    const std::uint64_t offset = access.address.offset(kSmallPageBits);
    RecentHit& hit = hits_[page % kNumHits];
    const bool is_same =
        hit.page == page && hit.context_version == context_version && tlb.can_repeat(hit.hit);
    hit.permitted = static_cast<std::uint8_t>((is_same ? hit.permitted : 0) | bit_of(access));
    hit.page = page;
    hit.context_version = context_version;
    hit.hit = tlb.last_hit();
    hit.first = translation;
    hit.first.gpa = Gpa(translation.gpa.value() - offset);
    hit.first.hpa = Hpa(translation.hpa.value() - offset);
  }

 private:
  static constexpr std::size_t kNumHits = 64;

  static std::uint8_t bit_of(const Access& access) {
    const unsigned who = static_cast<unsigned>(access.privilege) | (access.implicit ? 2U : 0U);
    return static_cast<std::uint8_t>(1U << who);
  }

  std::array<RecentHit, kNumHits> hits_{};
};

}  // namespace nestwalk
