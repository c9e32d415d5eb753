#include "model/lookup/nested_tlb.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace nestwalk {
namespace {

constexpr Tags kTags = {Vpid{1}, Pcid{2}, Ep4ta{0x3000}, Asid{0}};

Resume page(unsigned bits, std::uint64_t base) {
  Resume resume;
  resume.page_bits = static_cast<std::uint8_t>(bits);
  resume.base = base;
  return resume;
}

TEST(NestedTlb, EntryCoversTheHostPage) {
  for (const unsigned bits : {12U, 21U, 22U, 30U}) {
    NestedTlb ntlb{NtlbParams{}};
    const std::uint64_t size = std::uint64_t{1} << bits;
    const Gpa first(3 * size);
    ntlb.fill(first + size / 3, page(bits, 5 * size), kTags);
    EXPECT_EQ(ntlb.lookup(first, kTags), page(bits, 5 * size));
    EXPECT_EQ(ntlb.lookup(first + (size - 1), kTags), page(bits, 5 * size));
    EXPECT_FALSE(ntlb.lookup(first + size, kTags));
    EXPECT_FALSE(ntlb.lookup(Gpa(first.value() - 1), kTags));
    EXPECT_EQ(ntlb.stats().lookups, 4U);
    EXPECT_EQ(ntlb.stats().hits, 2U);
    EXPECT_EQ(ntlb.stats().misses, 2U);
  }
}

TEST(NestedTlb, Ntl12OnlyEp4taAndAsidAreTags) {
  NestedTlb ntlb{NtlbParams{}};
  ntlb.fill(Gpa(0x1000), page(12, 0x9000), kTags);
  EXPECT_TRUE(ntlb.probe(Gpa(0x1000), {Vpid{8}, Pcid{8}, Ep4ta{0x3000}, Asid{0}}));
  EXPECT_FALSE(ntlb.probe(Gpa(0x1000), {Vpid{1}, Pcid{2}, Ep4ta{0x4000}, Asid{0}}));
  EXPECT_FALSE(ntlb.probe(Gpa(0x1000), {Vpid{1}, Pcid{2}, Ep4ta{0x3000}, Asid{1}}));
  // Guest operations leave it, an EPTP's own invalidation does not.
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kInvvpidAll, .tags = kTags}), 0U);
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kMovCr4, .tags = kTags}), 0U);
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kInveptSingle,
                             .tags = {Vpid{1}, Pcid{2}, Ep4ta{0x4000}, Asid{0}}}),
            0U);
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kInveptSingle, .tags = kTags}), 1U);
}

TEST(NestedTlb, Inv16ViolationDropsThePageOfItsGpa) {
  NestedTlb ntlb{NtlbParams{}};
  ntlb.fill(Gpa(0x20'0000), page(21, 0), kTags);
  ntlb.fill(Gpa(0x40'0000), page(12, 0), kTags);
  Invalidation violation{.op = InvalidateOp::kEptViolation, .tags = kTags};
  violation.gpa = Gpa(0x3f'ffff);
  EXPECT_EQ(ntlb.invalidate(violation), 1U);
  EXPECT_FALSE(ntlb.probe(Gpa(0x20'0000), kTags));
  EXPECT_TRUE(ntlb.probe(Gpa(0x40'0000), kTags));
}

TEST(NestedTlb, PageThatChangesItsSizeIsKeptOnce) {
  NestedTlb ntlb{NtlbParams{}};
  ntlb.fill(Gpa(0x20'1000), page(12, 0x1000), kTags);
  ntlb.fill(Gpa(0x20'2000), page(12, 0x1000), kTags);
  ntlb.fill(Gpa(0x20'1000), page(21, 0x40'0000), kTags);
  EXPECT_EQ(ntlb.size(), 1U);
  EXPECT_EQ(ntlb.stats().replaced, 2U);
  ntlb.fill(Gpa(0x20'1000), page(12, 0x7000), kTags);
  EXPECT_EQ(ntlb.size(), 1U);
  EXPECT_EQ(ntlb.lookup(Gpa(0x20'1000), kTags)->base, 0x7000U);
}

TEST(NestedTlb, ServesTheFinalWalkOnlyIfItIsToldTo) {
  NtlbParams params;
  EXPECT_TRUE(NestedTlb(params).serves({0, 4}));
  params.serve_final_walk = false;
  EXPECT_FALSE(NestedTlb(params).serves({0, 4}));
  EXPECT_TRUE(NestedTlb(params).serves({1, 4}));
  params.array = {};
  NestedTlb absent(params);
  EXPECT_FALSE(absent.serves({1, 4}));
  absent.fill(Gpa(0), page(12, 0), kTags);
  EXPECT_EQ(absent.size(), 0U);
}

TEST(NestedTlb, HitsAndNoProbesKeepAnEntryYoung) {
  NtlbParams params;
  params.array = {2, 0};
  NestedTlb ntlb(params);
  ntlb.fill(Gpa(0x1000), page(12, 0x1000), kTags);
  ntlb.fill(Gpa(0x2000), page(12, 0x2000), kTags);
  EXPECT_TRUE(ntlb.lookup(Gpa(0x1000), kTags));
  EXPECT_TRUE(ntlb.probe(Gpa(0x2000), kTags));
  ntlb.fill(Gpa(0x3000), page(12, 0x3000), kTags);
  EXPECT_TRUE(ntlb.probe(Gpa(0x1000), kTags));
  EXPECT_FALSE(ntlb.probe(Gpa(0x2000), kTags));
}

TEST(NestedTlb, LawsHoldAndFlushEmptiesIt) {
  NtlbParams params;
  params.array = {4, 2};
  NestedTlb ntlb(params);
  for (std::uint64_t i = 0; i < 30; ++i) {
    ntlb.fill(Gpa(i * 5 % 13 << 12), page(12, i << 12), kTags);
  }
  const NestedTlb copy = ntlb;
  EXPECT_EQ(copy, ntlb);
  EXPECT_EQ(ntlb.stats().fills, ntlb.stats().evictions + ntlb.stats().replaced + ntlb.size());
  EXPECT_EQ(ntlb.flush(), copy.size());
  EXPECT_EQ(ntlb.stats().invalidated, copy.size());
  EXPECT_NE(copy, ntlb);
}

// Guest operations name nothing that a nested TLB keeps, however broad.
TEST(NestedTlb, BroadInvalidationsDropAllVmsButOnlyForHostOperations) {
  NtlbParams params;
  params.invalidate = InvalidateExtent::kBroad;
  NestedTlb ntlb(params);
  ntlb.fill(Gpa(0x1000), page(12, 0x9000), kTags);
  ntlb.fill(Gpa(0x2000), page(12, 0xa000), {Vpid{2}, Pcid{0}, Ep4ta{0x4000}, Asid{0}});
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = kTags}), 0U);
  EXPECT_EQ(ntlb.invalidate({.op = InvalidateOp::kInveptSingle, .tags = kTags}), 2U);
  EXPECT_EQ(ntlb.stats().collateral, 1U);
}

}  // namespace
}  // namespace nestwalk
