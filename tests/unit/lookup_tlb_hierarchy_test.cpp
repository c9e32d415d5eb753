// Which TLB an access asks, and what moves between the levels.

#include "model/lookup/tlb_hierarchy.h"

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

constexpr auto kAny = [](const Translation&) { return true; };
constexpr MappingKind kKind = MappingKind::kCombined;

MmuParams small() {
  MmuParams p;
  p.l1_itlb = {{2, 0}, {}, {}, false, false, 1};
  p.l1_dtlb = {{2, 0}, {}, {}, false, false, 2};
  p.l2_tlb = {{4, 0}, {}, {}, false, false, 7};
  return p;
}

Access access(std::uint64_t page, AccessType type = AccessType::kRead) {
  return {Gva(page << 12), type};
}

Translation translation(std::uint64_t page) {
  Translation t;
  t.gpa = Gpa(page << 12);
  t.hpa = Hpa(page << 12);
  t.guest_page_bits = t.host_page_bits = 12;
  return t;
}

TEST(TlbHierarchy, AccessesAskTheFirstLevelOfTheirKindAndTheSharedSecond) {
  TlbHierarchy tlbs(small());
  const Access fetch = access(1, AccessType::kFetch);
  const Access read = access(1);
  const Access write = access(1, AccessType::kWrite);
  EXPECT_EQ(tlbs.first_cycles(fetch), 1U);
  EXPECT_EQ(tlbs.first_cycles(read), 2U);
  EXPECT_EQ(tlbs.first_cycles(write), 2U);
  EXPECT_EQ(tlbs.second_cycles(fetch), 7U);

  tlbs.fill(fetch, translation(1), kKind, {});
  EXPECT_TRUE(tlbs.lookup_first(fetch, kKind, {}, kAny));
  EXPECT_FALSE(tlbs.lookup_first(read, kKind, {}, kAny));
  const auto found = tlbs.lookup_second(read, kKind, {}, kAny);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hpa, Hpa(0x1000));
  EXPECT_TRUE(tlbs.lookup_first(write, kKind, {}, kAny)) << "a second-level hit fills the first";
  EXPECT_EQ(tlbs.l1_itlb().stats().lookups, 1U);
  EXPECT_EQ(tlbs.l1_dtlb().stats().lookups, 2U);
  EXPECT_EQ(tlbs.first_level().lookups, 3U);
  EXPECT_EQ(tlbs.first_level().misses, 1U);
  EXPECT_EQ(tlbs.second_level().lookups, 1U);
  EXPECT_EQ(tlbs.second_level().misses, 0U);
}

TEST(TlbHierarchy, StoresAndFetchesHaveTlbsOfTheirOwnWhereThereAreSome) {
  MmuParams p = small();
  p.store_tlb = {{2, 0}, {}, {}, false, false, 3};
  p.l2_itlb = {{4, 0}, {}, {}, false, false, 9};
  TlbHierarchy tlbs(p);
  const Access fetch = access(1, AccessType::kFetch);
  const Access write = access(1, AccessType::kWrite);
  EXPECT_EQ(tlbs.first_cycles(write), 3U);
  EXPECT_EQ(tlbs.first_cycles(access(1)), 2U);
  EXPECT_EQ(tlbs.second_cycles(fetch), 9U);
  EXPECT_EQ(tlbs.second_cycles(write), 7U);
  tlbs.fill(write, translation(1), kKind, {});
  EXPECT_FALSE(tlbs.lookup_first(access(1), kKind, {}, kAny)) << "loads do not ask it";
  EXPECT_TRUE(tlbs.lookup_second(access(1), kKind, {}, kAny)) << "both share the second level";
  EXPECT_FALSE(tlbs.lookup_first(fetch, kKind, {}, kAny));
  EXPECT_FALSE(tlbs.lookup_second(fetch, kKind, {}, kAny)) << "fetches have their own";
  EXPECT_EQ(tlbs.first_level().misses, 2U);
  EXPECT_EQ(tlbs.second_level().misses, 1U);
}

TEST(TlbHierarchy, AnEntryThatDoesNotServeFillsNothing) {
  TlbHierarchy tlbs(small());
  const auto none = [](const Translation&) { return false; };
  tlbs.fill(access(1, AccessType::kFetch), translation(1), kKind, {});
  EXPECT_FALSE(tlbs.lookup_second(access(1), kKind, {}, none));
  EXPECT_EQ(tlbs.l1_dtlb().size(), 0U);
  EXPECT_EQ(tlbs.l2_tlb().stats().rejected, 1U);
}

TEST(TlbHierarchy, InvalidationsAndFlushesReachEveryTlb) {
  TlbHierarchy tlbs(small());
  for (const AccessType type : {AccessType::kFetch, AccessType::kRead}) {
    tlbs.fill(access(1, type), translation(1), kKind, {});
    tlbs.fill(access(2, type), translation(2), kKind, {});
  }
  EXPECT_EQ(tlbs.invalidate({.op = InvalidateOp::kInvlpg, .address = Gva(0x1000)}), 3U);
  EXPECT_EQ(tlbs.flush(), 3U);
  tlbs.for_each_tlb([](std::string_view name, const Tlb& tlb) {
    EXPECT_EQ(tlb.size(), 0U) << name;
    EXPECT_EQ(tlb.stats().fills, tlb.stats().entries_gone()) << name;
  });
}

Translation splintered(std::uint64_t page) {  // a guest's 2M page over 4K host pages
  Translation t = translation(page);
  t.guest_page_bits = 21;
  return t;
}

// INV-01: pieces all go when any address of their page is invalidated.
TEST(TlbHierarchy, EveryPolicyDropsAllPiecesOfASplinteredPage) {
  for (const Splintering splintering :
       {Splintering::kSmaller, Splintering::kBoth, Splintering::kRefuse}) {
    MmuParams p = small();
    p.splintering = splintering;
    TlbHierarchy tlbs(p);
    tlbs.fill(access(0), splintered(0), kKind, {});
    tlbs.fill(access(5), splintered(5), kKind, {});
    EXPECT_EQ(tlbs.l1_dtlb().num_pieces(), 2U);
    EXPECT_EQ(tlbs.l2_tlb().size(), splintering == Splintering::kRefuse ? 0U : 2U);
    EXPECT_EQ(tlbs.walked(1, 0), 2U);
    tlbs.invalidate({.op = InvalidateOp::kInvlpg, .address = Gva(0x1f'f000)});
    EXPECT_EQ(tlbs.l1_dtlb().size() + tlbs.l2_tlb().size(), 0U);
    EXPECT_FALSE(tlbs.predict(access(7), kKind, {}));
  }
}

TEST(TlbHierarchy, GuessesFollowTheLastPieceAndAreHeldAgainstTheWalk) {
  MmuParams p = small();
  p.splintering = Splintering::kBoth;
  TlbHierarchy tlbs(p);
  EXPECT_FALSE(tlbs.predict(access(1), kKind, {}));
  tlbs.fill(access(1), splintered(0x101), kKind, {});
  EXPECT_EQ(tlbs.predict(access(2), kKind, {}), Hpa(0x10'2000));
  EXPECT_FALSE(tlbs.predict(access(0x200), kKind, {})) << "another guest page";
  EXPECT_FALSE(tlbs.predict(access(2), kKind, {.pcid = Pcid{1}}));
  EXPECT_FALSE(tlbs.lookup_first(access(2), kKind, {}, kAny)) << "a guess serves nothing";
  EXPECT_FALSE(tlbs.lookup_second(access(2), kKind, {}, kAny));
  tlbs.fill(access(2), splintered(0x102), kKind, {});
  tlbs.fill(access(3), splintered(0x203), kKind, {});
  EXPECT_EQ(tlbs.predict(access(4), kKind, {}), Hpa(0x20'4000));
  EXPECT_EQ(tlbs.hint_stats(), (SplinterHintStats{.right = 1, .wrong = 1, .none = 1}));
  tlbs.fill(access(0x300), translation(0x300), kKind, {});
  EXPECT_EQ(tlbs.hint_stats().none, 1U) << "a whole page is not guessed";
}

// One entry a level: page 2 takes page 1's place in the second level.
TEST(TlbHierarchy, InclusiveDropsInTheFirstLevelWhatTheSecondLost) {
  MmuParams p = small();
  p.l2_tlb.page_4k = {1, 1};
  for (const TlbInclusion inclusion : {TlbInclusion::kNonInclusive, TlbInclusion::kInclusive}) {
    p.inclusion = inclusion;
    TlbHierarchy tlbs(p);
    tlbs.fill(access(1), translation(1), kKind, {});
    tlbs.fill(access(2, AccessType::kFetch), translation(2), kKind, {});
    const bool is_kept = inclusion == TlbInclusion::kNonInclusive;
    EXPECT_EQ(tlbs.lookup_first(access(1), kKind, {}, kAny).has_value(), is_kept);
    EXPECT_EQ(tlbs.l1_dtlb().stats().back_invalidated, is_kept ? 0U : 1U);
  }
}

TEST(TlbHierarchy, ExclusiveKeepsAnEntryInOneLevelAndSwapsOnAHit) {
  MmuParams p = small();
  p.l1_dtlb.page_4k = {1, 1};
  p.inclusion = TlbInclusion::kExclusive;
  TlbHierarchy tlbs(p);
  tlbs.fill(access(1), translation(1), kKind, {});
  EXPECT_EQ(tlbs.l2_tlb().size(), 0U) << "a walk fills the first level alone";
  tlbs.fill(access(2), translation(2), kKind, {});
  EXPECT_TRUE(tlbs.l2_tlb().probe(access(1).address, kKind, {})) << "the victim moves down";
  EXPECT_TRUE(tlbs.lookup_second(access(1), kKind, {}, kAny));
  EXPECT_TRUE(tlbs.l1_dtlb().probe(access(1).address, kKind, {}));
  EXPECT_FALSE(tlbs.l2_tlb().probe(access(1).address, kKind, {}));
  EXPECT_TRUE(tlbs.l2_tlb().probe(access(2).address, kKind, {}));
  EXPECT_EQ(tlbs.l2_tlb().stats().moved, 1U);
}

}  // namespace
}  // namespace nestwalk
