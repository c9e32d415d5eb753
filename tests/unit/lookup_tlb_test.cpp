#include "model/lookup/tlb.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>

namespace nestwalk {
namespace {

constexpr Tags kTags = {Vpid{1}, Pcid{2}, Ep4ta{0x3000}, Asid{0}};

// A page of the guest over one of the host at `gpa`; the access is `offset` bytes into the guest's.
Translation translation(std::uint64_t hpa, unsigned guest_bits, unsigned host_bits) {
  Translation t;
  t.gpa = Gpa(hpa ^ (std::uint64_t{1} << 50));
  t.hpa = Hpa(hpa);
  t.guest_page_bits = static_cast<std::uint8_t>(guest_bits);
  t.host_page_bits = static_cast<std::uint8_t>(host_bits);
  t.dirty = true;
  return t;
}

TlbParams only_4k(std::uint32_t entries, std::uint32_t ways) {
  TlbParams params;
  params.page_4k = {entries, ways};
  params.page_2m = params.page_1g = {};
  return params;
}

constexpr MappingKind kCombined = MappingKind::kCombined;
constexpr MappingKind kLinear = MappingKind::kLinear;

TEST(Tlb, GivesBackTheTranslationOfTheAddressAsked) {
  for (const unsigned guest : {12U, 21U, 22U, 30U}) {
    for (const unsigned host : {12U, 21U, 30U}) {
      Tlb tlb{TlbParams{}};
      const Translation filled = translation(0x40'0000'0000 + 0x12'3456, guest, host);
      const Gva gva(0x7f00'0000'0000 + 0x12'3456);
      const unsigned covered = tlb.fill(gva, filled, kCombined, kTags);
      EXPECT_EQ(covered, std::min(guest, host) == 22 ? 21 : std::min(guest, host));
      EXPECT_EQ(tlb.lookup(gva, kCombined, kTags), filled);
      for (const std::uint64_t offset : {std::uint64_t{0}, (std::uint64_t{1} << covered) - 1}) {
        const auto found = tlb.lookup(gva.page(covered) + offset, kCombined, kTags);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->hpa, filled.hpa.page(covered) + offset);
        EXPECT_EQ(found->gpa, filled.gpa.page(covered) + offset);
        EXPECT_EQ(found->guest_page_bits, guest);
        EXPECT_EQ(found->host_page_bits, host);
      }
      EXPECT_FALSE(tlb.lookup(gva.page(covered) + (std::uint64_t{1} << covered), kCombined, kTags));
      EXPECT_FALSE(tlb.lookup(Gva(gva.page(covered).value() - 1), kCombined, kTags));
    }
  }
}

TEST(Tlb, Tlb04AsidIsComparedAsItsOwnField) {
  // High-half addresses are all ones above their width; no bit of them may stand in for a tag.
  for (const unsigned bits : {12U, 21U, 30U}) {
    Tlb tlb{TlbParams{}};
    const Gva gva(0xffff'ffff'c000'0000);
    const Tags tags{Vpid{0}, Pcid{0}, Ep4ta{0}, Asid{1}};
    tlb.fill(gva, translation(0, bits, kNoPageBits), kLinear, tags);
    EXPECT_TRUE(tlb.lookup(gva, kLinear, tags));
    for (const std::uint32_t asid : {0U, 2U, 0xffffU, 0xffff'ffffU}) {
      Tags other = tags;
      other.asid = Asid{asid};
      EXPECT_FALSE(tlb.lookup(gva, kLinear, other)) << asid;
    }
  }
}

// An EPT table may lie at HPA 0. What is cached without EPT has no such tag, whatever the number.
TEST(Tlb, Ep4taZeroIsATagLikeAnother) {
  const Gva gva(0x1000);
  const Tags tags{Vpid{1}, Pcid{0}, Ep4ta{0}, Asid{0}};
  for (const MappingKind kind : {kLinear, kCombined}) {
    Tlb tlb{TlbParams{}};
    tlb.fill(gva, translation(0x7000, 12, kind == kLinear ? kNoPageBits : 12U), kind, tags);
    EXPECT_TRUE(tlb.lookup(gva, kind, tags));
    EXPECT_FALSE(tlb.lookup(gva, kind == kLinear ? kCombined : kLinear, tags));
    Invalidation invept;
    invept.op = InvalidateOp::kInveptSingle;
    invept.tags.ep4ta = Ep4ta{0x1000};
    EXPECT_EQ(tlb.invalidate(invept), 0U);
    invept.tags.ep4ta = Ep4ta{0};
    EXPECT_EQ(tlb.invalidate(invept), kind == kCombined ? 1U : 0U);
  }
}

TEST(Tlb, EveryTagOfAKindIsComparedAndNoOther) {
  const Gva gva(0x1000);
  for (const MappingKind kind : {kLinear, kCombined}) {
    Tlb tlb{TlbParams{}};
    tlb.fill(gva, translation(0, 12, 12), kind, kTags);
    const auto hits = [&](auto change) {
      Tags tags = kTags;
      change(tags);
      return tlb.probe(gva, kind, tags).has_value();
    };
    EXPECT_TRUE(hits([](Tags&) {}));
    EXPECT_FALSE(hits([](Tags& tags) { tags.vpid = Vpid{9}; }));
    EXPECT_FALSE(hits([](Tags& tags) { tags.pcid = Pcid{9}; }));
    EXPECT_FALSE(hits([](Tags& tags) { tags.asid = Asid{9}; }));
    // With EPT off there is no EP4TA; with it on, it counts.
    EXPECT_EQ(hits([](Tags& tags) { tags.ep4ta = Ep4ta{0x9000}; }), kind == kLinear);
    EXPECT_FALSE(tlb.probe(gva, kind == kLinear ? kCombined : kLinear, kTags));
  }
}

TEST(Tlb, Tlb05GlobalEntryServesEveryPcidOfItsVirtualMachineOnly) {
  for (const MappingKind kind : {kLinear, kCombined}) {
    Tlb tlb{TlbParams{}};
    const Gva gva(0xffff'8000'0000'0000);
    Translation t = translation(0x5000, 12, 12);
    t.global = true;
    tlb.fill(gva, t, kind, kTags);
    Tags tags = kTags;
    tags.pcid = Pcid{77};
    EXPECT_TRUE(tlb.probe(gva, kind, tags));
    tags.vpid = Vpid{2};
    EXPECT_FALSE(tlb.probe(gva, kind, tags));
    tags = kTags;
    tags.asid = Asid{1};
    EXPECT_FALSE(tlb.probe(gva, kind, tags));
    tags = kTags;
    tags.ep4ta = Ep4ta{0x4000};
    EXPECT_EQ(tlb.probe(gva, kind, tags).has_value(), kind == kLinear);
  }
}

// The page changes its size, or becomes global, without an invalidation: never two matches.
TEST(Tlb, Tlb14FillReplacesWhateverCoversTheSameAddresses) {
  for (const bool unified : {false, true}) {
    TlbParams params;
    params.unified_2m = params.unified_1g = unified;
    params.page_4k = {64, 0};
    for (const unsigned first : {12U, 21U, 30U}) {
      for (const unsigned second : {12U, 21U, 30U}) {
        for (const unsigned globals : {0U, 1U, 2U, 3U}) {
          Tlb tlb(params);
          const Gva gva(0x8000'3fff'f000);
          Translation t = translation(0x3fff'f000, first, kNoPageBits);
          t.global = (globals & 1) != 0;
          tlb.fill(gva, t, kLinear, kTags);
          t = translation(0x40'3fff'f000, second, kNoPageBits);
          t.global = (globals & 2) != 0;
          tlb.fill(gva, t, kLinear, kTags);
          EXPECT_EQ(tlb.lookup(gva, kLinear, kTags), t);
          EXPECT_EQ(tlb.size(), 1U);
          EXPECT_EQ(tlb.stats().replaced, 1U);
          EXPECT_EQ(tlb.stats().evictions, 0U);
        }
      }
    }
  }
}

TEST(Tlb, Tlb14GlobalEntryTakesThePlaceOfThoseOfAllPcids) {
  Tlb tlb{TlbParams{}};
  Tags other = kTags;
  other.pcid = Pcid{3};
  Translation t = translation(0x5000, 12, 12);
  tlb.fill(Gva(0x1000), t, kCombined, kTags);
  tlb.fill(Gva(0x1000), t, kCombined, other);
  EXPECT_EQ(tlb.size(), 2U);
  t.global = true;
  tlb.fill(Gva(0x1000), t, kCombined, kTags);
  EXPECT_EQ(tlb.size(), 1U);
  EXPECT_TRUE(tlb.lookup(Gva(0x1000), kCombined, other)->global);
}

TEST(Tlb, Tlb17OneColdAccessIsOneMiss) {
  Tlb tlb{TlbParams{}};
  EXPECT_FALSE(tlb.lookup(Gva(0x1000), kCombined, kTags));
  EXPECT_EQ(tlb.stats().lookups, 1U);
  EXPECT_EQ(tlb.stats().misses, 1U);
  tlb.fill(Gva(0x1000), translation(0x9000, 12, 12), kCombined, kTags);
  EXPECT_TRUE(tlb.lookup(Gva(0x1fff), kCombined, kTags));
  EXPECT_EQ(tlb.stats().lookups, 2U);
  EXPECT_EQ(tlb.stats().hits, 1U);
  EXPECT_EQ(tlb.stats().hits_by_size[0], 1U);
}

TEST(Tlb, EntryThatDoesNotServeIsAMissAndStays) {
  Tlb tlb(only_4k(2, 0));
  Translation clean = translation(0x9000, 12, 12);
  clean.dirty = false;
  tlb.fill(Gva(0x1000), clean, kCombined, kTags);
  tlb.fill(Gva(0x2000), translation(0xa000, 12, 12), kCombined, kTags);
  const auto for_write = [](const Translation& t) { return t.dirty; };
  EXPECT_FALSE(tlb.lookup(Gva(0x1000), kCombined, kTags, for_write));
  EXPECT_EQ(tlb.stats().misses, 1U);
  EXPECT_EQ(tlb.stats().rejected, 1U);
  // It was not touched: it is still the oldest.
  Tlb::Losses filled;
  tlb.fill(Gva(0x3000), translation(0xb000, 12, 12), kCombined, kTags, &filled);
  ASSERT_TRUE(filled.evicted);
  EXPECT_EQ(filled.evicted->key.address, 0x1000U);
}

TEST(Tlb, Tlb18ProbesAndInvalidationsLeaveReplacementAlone) {
  Tlb tlb(only_4k(4, 4));
  for (const std::uint64_t page : {1U, 2U, 3U, 4U}) {
    tlb.fill(Gva(page << 12), translation(page << 12, 12, 12), kCombined, kTags);
  }
  const Tlb before = tlb;
  EXPECT_TRUE(tlb.probe(Gva(0x1000), kCombined, kTags));
  EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = kTags, .address = Gva(0x9000)}),
            0U);
  Tags other = kTags;
  other.pcid = Pcid{5};
  EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = other, .address = Gva(0x1000)}),
            0U);
  EXPECT_EQ(tlb, before);
  Tlb::Losses filled;
  tlb.fill(Gva(0x5000), translation(0x5000, 12, 12), kCombined, kTags, &filled);
  EXPECT_EQ(filled.evicted->key.address, 0x1000U);
}

TEST(Tlb, Tlb21FillOfWhatIsThereMakesNoDuplicate) {
  Tlb tlb{TlbParams{}};
  Translation t = translation(0x9000, 12, 12);
  tlb.fill(Gva(0x1000), t, kCombined, kTags);
  t.dirty = false;
  tlb.fill(Gva(0x1000), t, kCombined, kTags);
  EXPECT_EQ(tlb.size(), 1U);
  EXPECT_EQ(tlb.lookup(Gva(0x1000), kCombined, kTags), t);
}

TEST(Tlb, Inv01AllPiecesOfASplinteredGuestPageGo) {
  for (const unsigned guest : {21U, 22U, 30U}) {
    Tlb tlb(only_4k(64, 4));
    const Gva page(0x40'0000'0000);
    const std::uint64_t size = std::uint64_t{1} << guest;
    std::size_t pieces = 0;
    for (std::uint64_t piece = 0; piece < 20; ++piece) {
      const std::uint64_t offset = piece * (size / 20) & ~std::uint64_t{0xfff};
      tlb.fill(page + offset, translation(offset, guest, 12), kCombined, kTags);
    }
    tlb.fill(page + size, translation(size, guest, 12), kCombined, kTags);
    pieces = tlb.size();
    ASSERT_GT(pieces, 2U);
    // An address of the page that none of the pieces covers.
    const Gva inside = page + (size - 0x1001);
    ASSERT_FALSE(tlb.probe(inside, kCombined, kTags));
    EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = kTags, .address = inside}),
              pieces - 1);
    EXPECT_TRUE(tlb.probe(page + size, kCombined, kTags));
  }
}

TEST(Tlb, Inv08InvlpgReachesGlobalEntriesUnderAnyPcid) {
  Tlb tlb{TlbParams{}};
  Translation t = translation(0x9000, 12, 12);
  t.global = true;
  tlb.fill(Gva(0x1000), t, kCombined, kTags);
  Tags other = kTags;
  other.pcid = Pcid{9};
  EXPECT_EQ(
      tlb.invalidate({.op = InvalidateOp::kInvpcidAddress, .tags = kTags, .address = Gva(0x1000)}),
      0U);
  EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = other, .address = Gva(0x1234)}),
            1U);
}

TEST(Tlb, PagesGoToTheArraysTheParametersSay) {
  TlbParams params;
  params.page_4k = {4, 4};
  params.page_2m = {2, 2};
  params.page_1g = {};  // 1G pages are entered as 2M pieces
  Tlb tlb(params);
  for (std::uint64_t piece = 0; piece < 3; ++piece) {
    const std::uint64_t offset = piece << 21;
    EXPECT_EQ(tlb.fill(Gva(offset), translation(offset, 30, 30), kCombined, kTags), 21U);
  }
  EXPECT_EQ(tlb.size(), 2U);

  params.unified_2m = true;  // as pieces of 2M, but in the 4K array
  Tlb unified(params);
  for (std::uint64_t piece = 0; piece < 5; ++piece) {
    const std::uint64_t offset = piece << 21;
    EXPECT_EQ(unified.fill(Gva(offset), translation(offset, 30, 30), kCombined, kTags), 21U);
  }
  EXPECT_EQ(unified.size(), 4U);

  params = {};
  params.page_4k = {};
  Tlb large_only(params);
  EXPECT_EQ(large_only.fill(Gva(0), translation(0, 12, 30), kCombined, kTags), 0U);
  EXPECT_EQ(large_only.fill(Gva(0), translation(0, 21, 30), kCombined, kTags), 21U);
  EXPECT_EQ(large_only.size(), 1U);
  EXPECT_EQ(large_only.stats().fills, 1U);
}

TEST(Tlb, IllegalShapeIsRefused) {
  EXPECT_THROW(Tlb(only_4k(10, 4)), std::invalid_argument);
}

TEST(Tlb, FlushAndDropOverlappingEmptyWhatTheyName) {
  Tlb tlb{TlbParams{}};
  tlb.fill(Gva(0x1000), translation(0x1000, 12, 12), kCombined, kTags);
  tlb.fill(Gva(0x20'0000), translation(0x20'0000, 21, 21), kCombined, kTags);
  Tlb upper{TlbParams{}};
  upper.fill(Gva(0), translation(0, 21, 21), kCombined, kTags);
  upper.for_each([&](const TlbEntry& entry) { EXPECT_EQ(tlb.drop_overlapping(entry.key), 1U); });
  EXPECT_FALSE(tlb.probe(Gva(0x1000), kCombined, kTags));
  EXPECT_EQ(tlb.flush(), 1U);
  EXPECT_EQ(tlb.size(), 0U);
  EXPECT_EQ(tlb.stats().invalidated, 1U);
  EXPECT_EQ(tlb.stats().back_invalidated, 1U);
}

// A fill counts what its entry does not reach, over all pairs of sizes.
TEST(Tlb, LostReachIsTheLargerPageLessWhatIsCovered) {
  TlbParams params;
  params.page_1g = {};  // 1G pages are kept as 2M pieces
  for (const unsigned guest : {12U, 21U, 30U}) {
    for (const unsigned host : {12U, 21U, 30U}) {
      Tlb tlb(params);
      tlb.fill(Gva(0), translation(0, guest, host), kCombined, kTags);
      const unsigned covered = std::min({guest, host, 21U});
      EXPECT_EQ(tlb.stats().lost_reach_bytes, bit(std::max(guest, host)) - bit(covered));
      EXPECT_EQ(tlb.stats().piece_fills, covered < guest ? 1U : 0U);
      EXPECT_EQ(tlb.num_pieces(), covered < guest ? 1U : 0U);
      tlb.flush();
      EXPECT_EQ(tlb.num_pieces(), 0U);
    }
  }
}

// Broad drops every entry that exact keeps, and says so; a fault is no instruction.
TEST(Tlb, BroadInvalidationsCountWhatTheyNeedNotHaveDropped) {
  for (const InvalidateExtent extent : {InvalidateExtent::kExact, InvalidateExtent::kBroad}) {
    Tlb tlb(TlbParams{}, 0, extent);
    const auto fill_all = [&] {
      for (const std::uint64_t page : {0x1000, 0x2000, 0x3000}) {
        tlb.fill(Gva(page), translation(page, 12, 12), kCombined, kTags);
      }
    };
    const bool is_broad = extent == InvalidateExtent::kBroad;
    fill_all();
    EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kMovCr3NoFlush, .tags = kTags}), 0U);
    EXPECT_EQ(
        tlb.invalidate({.op = InvalidateOp::kPageFault, .tags = kTags, .address = Gva(0x1000)}),
        1U);
    fill_all();
    EXPECT_EQ(tlb.invalidate({.op = InvalidateOp::kInvlpg, .tags = kTags, .address = Gva(0x1000)}),
              is_broad ? 3U : 1U);
    EXPECT_EQ(tlb.stats().collateral, is_broad ? 2U : 0U);
  }
}

}  // namespace
}  // namespace nestwalk
