// What is asked for ahead, and what becomes of it in the TLBs.

#include "model/lookup/translation_prefetcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/lookup/tlb_hierarchy.h"
#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

constexpr MappingKind kKind = MappingKind::kCombined;
constexpr auto kAny = [](const Translation&) { return true; };

std::vector<std::uint64_t> pages(const PrefetchList& list) {
  std::vector<std::uint64_t> result;
  for (const Gva gva : list) {
    result.push_back(gva.value());
  }
  return result;
}
using Pages = std::vector<std::uint64_t>;

TEST(TranslationPrefetcher, NextPageFollowsTheSizeOfThePage) {
  TranslationPrefetcher p({.kind = PrefetchKind::kNextPage, .degree = 2});
  EXPECT_EQ(pages(p.observe(Gva(0x1234), 12, {})), (Pages{0x2000, 0x3000}));
  EXPECT_EQ(pages(p.observe(Gva(0x1234), 21, {})), (Pages{0x20'1000, 0x40'1000}));
  EXPECT_EQ(pages(p.observe(Gva(0x7fff'ffff'e000), 12, {})), (Pages{0x7fff'ffff'f000}));
  EXPECT_EQ(pages(p.observe(Gva(0xffff'ffff'ffff'f000), 12, {})), Pages{});
  EXPECT_EQ(TranslationPrefetcher({}).observe(Gva(0x1000), 12, {}).size(), 0U);
}

TEST(TranslationPrefetcher, AStrideCountsOnceItCameTwice) {
  for (const std::int64_t stride : {1, 3, -2, 40}) {
    TranslationPrefetcher p({.kind = PrefetchKind::kStride, .degree = 2});
    const auto at = [&](std::int64_t i) {
      return Gva(0x4800'0000 + static_cast<std::uint64_t>(i * stride) * 0x1000);
    };
    EXPECT_EQ(p.observe(at(0), 12, {}).size(), 0U);
    EXPECT_EQ(p.observe(at(1), 12, {}).size(), 0U);
    EXPECT_EQ(pages(p.observe(at(2), 12, {})), (Pages{at(3).value(), at(4).value()}));
    EXPECT_EQ(p.observe(at(2), 12, {}).size(), 0U) << "the same page again says nothing";
    EXPECT_EQ(p.observe(at(70), 12, {}).size(), 0U) << "one stray event";
    EXPECT_EQ(p.observe(at(71), 12, {}).size(), 2U) << "and the stream goes on";
  }
}

TEST(TranslationPrefetcher, StreamsAreKeptApartByRegionAndAddressSpaceAndTheOldestGoes) {
  TranslationPrefetcher p({.kind = PrefetchKind::kStride, .degree = 1, .streams = 2});
  const Tags other{.pcid = Pcid{1}};
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(p.observe(Gva(i << 12), 12, {}).size(), i == 2 ? 1U : 0U);
    EXPECT_EQ(p.observe(Gva(i << 13), 12, other).size(), i == 2 ? 1U : 0U);
  }
  EXPECT_EQ(p.observe(Gva(0x4000'0000), 12, {}).size(), 0U);
  EXPECT_EQ(p.observe(Gva(3U << 12), 12, {}).size(), 0U) << "gave way to the third";
}

Translation translation(std::uint64_t page) {
  Translation t;
  t.gpa = Gpa(page << 12);
  t.hpa = Hpa(page << 12);
  t.guest_page_bits = t.host_page_bits = 12;
  return t;
}
Access access(std::uint64_t page) {
  return {Gva(page << 12)};
}

MmuParams params_for(PrefetchTarget target) {
  MmuParams p;
  p.l1_itlb = {{2, 0}, {}, {}, false, false, 1};
  p.l1_dtlb = {{2, 0}, {}, {}, false, false, 1};
  p.l2_tlb = {{4, 0}, {}, {}, false, false, 7};
  p.prefetch = {PrefetchKind::kNextPage, 1, target, {2, 0}};
  return p;
}

class Prefetching : public testing::TestWithParam<PrefetchTarget> {};

TEST_P(Prefetching, AUsedPageIsUsefulAndLooksFurtherAhead) {
  TlbHierarchy tlbs(params_for(GetParam()));
  tlbs.fill(access(1), translation(1), kKind, {});
  EXPECT_EQ(pages(tlbs.take_candidates()), Pages{0x2000});
  EXPECT_EQ(tlbs.take_candidates().size(), 0U);
  tlbs.fill_prefetched(access(2), translation(2), kKind, {});
  EXPECT_FALSE(tlbs.lookup_first(access(2), kKind, {}, kAny)) << "not in the first level";
  EXPECT_TRUE(tlbs.lookup_second(access(2), kKind, {}, kAny));
  EXPECT_EQ(tlbs.second_level().misses, 0U);
  EXPECT_EQ(pages(tlbs.take_candidates()), Pages{0x3000});
  EXPECT_TRUE(tlbs.lookup_first(access(2), kKind, {}, kAny));
  EXPECT_TRUE(tlbs.l2_tlb().probe(access(2).address, kKind, {}));
  EXPECT_TRUE(tlbs.lookup_second(access(2), kKind, {}, kAny));
  EXPECT_EQ(tlbs.prefetch_stats().useful, 1U) << "only the first use counts";
}

TEST_P(Prefetching, NothingThatIsCachedIsAskedFor) {
  TlbHierarchy tlbs(params_for(GetParam()));
  tlbs.fill(access(2), translation(2), kKind, {});
  tlbs.take_candidates();
  tlbs.fill(access(1), translation(1), kKind, {});
  EXPECT_EQ(tlbs.take_candidates().size(), 0U);
  tlbs.fill_prefetched(access(3), translation(3), kKind, {});
  tlbs.fill(access(2), translation(2), kKind, {});
  EXPECT_EQ(tlbs.take_candidates().size(), 0U);
  EXPECT_EQ(tlbs.prefetch_stats().covered, 2U);
}

// Accesses, invalidations and walks ahead that end in every way: what is found is always the page
// asked for, and every page fetched ahead is accounted for.
TEST_P(Prefetching, LawsHoldOverRandomSequences) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    MmuParams params = params_for(GetParam());
    params.inclusion = static_cast<TlbInclusion>(random.below(3));
    params.prefetch.kind = random.percent(50) ? PrefetchKind::kNextPage : PrefetchKind::kStride;
    params.prefetch.degree = static_cast<std::uint32_t>(1 + random.below(3));
    TlbHierarchy tlbs(params);
    std::uint64_t walks = 0;
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t page =
          random.percent(70) ? static_cast<unsigned>(i) % 32U : random.below(32);
      if (random.percent(3)) {
        tlbs.invalidate({.op = InvalidateOp::kInvlpg, .address = access(page).address});
        continue;
      }
      auto found = tlbs.lookup_first(access(page), kKind, {}, kAny);
      found = found ? found : tlbs.lookup_second(access(page), kKind, {}, kAny);
      if (!found) {
        ++walks;
        tlbs.fill(access(page), translation(page), kKind, {});
      } else {
        ASSERT_EQ(found->hpa, Hpa(page << 12));
      }
      for (const Gva gva : tlbs.take_candidates()) {
        if (random.percent(70)) {
          tlbs.fill_prefetched({gva}, translation(gva.value() >> 12), kKind, {});
        } else {
          tlbs.end_prefetch(static_cast<PrefetchEnd>(random.below(3)));
        }
      }
      const TlbPrefetchStats& s = tlbs.prefetch_stats();
      ASSERT_EQ(s.issued, s.filled + s.late + s.abandoned + s.dropped);
      std::uint64_t unused = 0;
      std::uint64_t waiting = 0;
      tlbs.for_each_tlb([&](std::string_view name, const Tlb& tlb) {
        unused += tlb.num_unused();
        tlb.for_each([&](const TlbEntry& e) { waiting += e.key.is_prefetched ? 1 : 0; });
        ASSERT_EQ(tlb.stats().fills, tlb.stats().entries_gone() + tlb.size()) << name;
      });
      ASSERT_EQ(s.filled, s.useful + unused + waiting);
      ASSERT_EQ(tlbs.second_level().misses, walks);
    }
    EXPECT_GT(tlbs.prefetch_stats().useful, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Prefetching,
                         testing::Values(PrefetchTarget::kL2, PrefetchTarget::kBuffer),
                         [](const auto& test) {
                           return std::string(
                               kPrefetchTargetNames[static_cast<unsigned>(test.param)]);
                         });

}  // namespace
}  // namespace nestwalk
