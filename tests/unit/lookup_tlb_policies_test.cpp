// TlbHierarchy against lists searched in order, over every policy and small random shapes: the same
// hits, the same entries in every TLB after each operation.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/lookup/tlb_hierarchy.h"
#include "tests/support/test_random.h"
#include "tests/unit/lookup_naive_tlbs.h"

namespace nestwalk {
namespace {

using lookup_test::NaiveEntry;
using lookup_test::NaiveHierarchy;
using lookup_test::NaivePage;
using lookup_test::NaiveTlb;

constexpr MappingKind kKind = MappingKind::kCombined;
constexpr std::array<std::string_view, 5> kNames = {"l1_itlb", "l1_dtlb", "store_tlb", "l2_itlb",
                                                    "l2_tlb"};
constexpr unsigned kSizes[] = {12, 21, 30};
// Above the address bits: a walk's number, so that what was found can be told apart.
constexpr unsigned kContentShift = 34;

ArrayParams random_array(SplitMix64& random, unsigned most_sets) {
  const auto ways = static_cast<std::uint32_t>(1 + random.below(3));
  const auto sets = static_cast<std::uint32_t>(1 + random.below(most_sets));
  ArrayParams p{ways * sets, sets == 1 && random.percent(50) ? 0 : ways};
  p.index =
      std::has_single_bit(sets) && random.percent(30) ? SetIndex::kXorFold : SetIndex::kLowBits;
  return p;
}

TlbParams random_tlb(SplitMix64& random, unsigned most_sets) {
  TlbParams p;
  p.page_4k = random_array(random, most_sets);
  p.page_2m = random.percent(60) ? random_array(random, most_sets) : ArrayParams{};
  p.page_1g = random.percent(60) ? random_array(random, most_sets) : ArrayParams{};
  p.unified_2m = random.percent(30);
  p.unified_1g = random.percent(30);
  p.beside = random.percent(30) ? random_array(random, most_sets) : ArrayParams{};
  p.beside_1g = p.beside.entries != 0 && random.percent(50);
  p.keep_pieces = random.percent(80);
  return p;
}

MmuParams random_mmu(SplitMix64& random) {
  MmuParams p;
  p.l1_itlb = random_tlb(random, 2);
  p.l1_dtlb = random_tlb(random, 2);
  p.l2_tlb = random_tlb(random, 4);
  if (random.percent(30)) {
    p.store_tlb = random_tlb(random, 2);
  }
  if (random.percent(30)) {
    p.l2_itlb = random_tlb(random, 4);
  }
  p.inclusion = static_cast<TlbInclusion>(random.below(kTlbInclusionNames.size()));
  p.splintering = static_cast<Splintering>(random.below(kSplinteringNames.size()));
  p.splinter_hints = random_array(random, 2);
  p.invalidate = random.percent(20) ? InvalidateExtent::kBroad : InvalidateExtent::kExact;
  return p;
}

// Few pages of every size: they meet often.
std::uint64_t random_address(SplitMix64& random) {
  return (random.below(2) << 30) + (random.below(3) << 21) + (random.below(4) << 12) +
         random.below(0x1000);
}

NaivePage random_page(SplitMix64& random, std::uint64_t content) {
  return {kSizes[random.below(3)], kSizes[random.below(3)], static_cast<unsigned>(random.below(2)),
          random.percent(10), content};
}

Translation translation_of(const NaivePage& page, std::uint64_t address) {
  Translation t;
  t.gpa = Gpa(address);
  t.hpa = Hpa((page.content << kContentShift) + address);
  t.guest_page_bits = static_cast<std::uint8_t>(page.guest_bits);
  t.host_page_bits = static_cast<std::uint8_t>(page.host_bits);
  t.global = page.global;
  return t;
}

std::vector<NaiveEntry> entries_of(const Tlb& tlb) {
  std::vector<NaiveEntry> entries;
  tlb.for_each([&](const TlbEntry& e) {
    NaiveEntry n;
    n.first = e.key.address;
    n.last = e.key.address + (bit(e.key.span_bits) - 1);
    n.page = {e.key.guest_page_bits, e.key.host_page_bits, static_cast<unsigned>(e.key.tags.pcid),
              e.key.global, e.payload.hpa.value() >> kContentShift};
    entries.push_back(n);
  });
  std::sort(entries.begin(), entries.end());
  return entries;
}

class Pair {
 public:
  Pair(const MmuParams& params, SplitMix64& random)
      : params_(params), random_(random), tlbs_(params), naive_(params) {}

  void step() {
    const std::uint64_t address = random_address(random_);
    if (random_.percent(5)) {
      const auto pcid = static_cast<unsigned>(random_.below(2));
      tlbs_.invalidate({.op = InvalidateOp::kInvlpg, .tags = tags(pcid), .address = Gva(address)});
      naive_.invlpg(address, pcid);
    } else {
      access(address);
    }
    tlbs_.for_each_tlb([&](std::string_view name, const Tlb& tlb) {
      const auto index = std::find(kNames.begin(), kNames.end(), name) - kNames.begin();
      ASSERT_EQ(entries_of(tlb), naive_.tlb(static_cast<unsigned>(index)).sorted()) << name;
      ASSERT_EQ(tlb.stats().fills, tlb.stats().entries_gone() + tlb.size()) << name;
    });
    if (params_.inclusion == TlbInclusion::kInclusive) {
      for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
        expect_included(naive_.tlb(naive_.first_of(type)), naive_.tlb(naive_.second_of(type)));
      }
    }
  }

 private:
  static Tags tags(unsigned pcid) { return {.pcid = Pcid{static_cast<std::uint16_t>(pcid)}}; }

  void access(std::uint64_t address) {
    const NaivePage page = random_page(random_, ++walks_);
    const Access access{Gva(address), static_cast<AccessType>(random_.below(3))};
    const auto any = [](const Translation&) { return true; };
    unsigned level = 1;
    auto found = tlbs_.lookup_first(access, kKind, tags(page.pcid), any);
    if (!found) {
      level = 2;
      found = tlbs_.lookup_second(access, kKind, tags(page.pcid), any);
    }
    if (!found) {
      level = 0;
      found = translation_of(page, address);
      tlbs_.fill(access, *found, kKind, tags(page.pcid));
    }
    std::uint64_t content = 0;
    ASSERT_EQ(level, naive_.access(address, access.type, page, &content));
    ASSERT_EQ(found->hpa, Hpa((content << kContentShift) + address));
  }

  // An entry of the first level meets one of the second, unless that does not keep its size.
  void expect_included(const NaiveTlb& l1, const NaiveTlb& l2) const {
    const std::vector<NaiveEntry> second = l2.sorted();
    for (const NaiveEntry& e : l1.sorted()) {
      const bool met = std::any_of(second.begin(), second.end(),
                                   [&](const NaiveEntry& s) { return s.meets(e); });
      const bool is_refused = params_.splintering == Splintering::kRefuse && e.page.is_splintered();
      ASSERT_TRUE(met || is_refused || l2.kept_size(e.page.bits()) == 0) << std::hex << e.first;
    }
  }

  MmuParams params_;
  SplitMix64& random_;
  TlbHierarchy tlbs_;
  NaiveHierarchy naive_;
  std::uint64_t walks_ = 0;
};

TEST(TlbPolicies, AgreeWithListsSearchedInOrder) {
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const MmuParams params = random_mmu(random);
    SCOPED_TRACE(kTlbInclusionNames[static_cast<unsigned>(params.inclusion)]);
    Pair pair(params, random);
    for (int i = 0; i < 400 && !testing::Test::HasFatalFailure(); ++i) {
      pair.step();
    }
    if (HasFatalFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace nestwalk
