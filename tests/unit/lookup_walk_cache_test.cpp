#include "model/lookup/walk_cache.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace nestwalk {
namespace {

constexpr Tags kTags = {Vpid{1}, Pcid{2}, Ep4ta{0x3000}, Asid{0}};
constexpr std::uint64_t kAddress = 0x1234'5678'9abc;

PwcQuery guest(std::uint64_t address = kAddress, const Tags& tags = kTags,
               FormatId format = FormatId::kX86FourLevel) {
  return {Stage::kGuest, MappingKind::kCombined, address, tags, &format_of(format)};
}
PwcQuery host(std::uint64_t address = kAddress, const Tags& tags = kTags) {
  return {Stage::kHost, MappingKind::kGuestPhysical, address, tags,
          &format_of(FormatId::kEptFourLevel)};
}

Resume to_table(unsigned next_level, std::uint64_t base) {
  Resume resume;
  resume.next_level = static_cast<std::uint8_t>(next_level);
  resume.base = base;
  return resume;
}

PwcParams params_of(PwcOrganisation organisation) {
  PwcParams params;
  params.organisation = organisation;
  return params;
}

TEST(WalkCache, DeepestHitWinsAndCoversExactlyItsPrefix) {
  for (const auto organisation : {PwcOrganisation::kPerLevel, PwcOrganisation::kUnified}) {
    for (const FormatId id : {FormatId::kX86TwoLevel, FormatId::kX86Pae, FormatId::kX86FourLevel,
                              FormatId::kX86FiveLevel}) {
      const PagingFormat& format = format_of(id);
      WalkCache pwc(params_of(organisation));
      for (unsigned level = format.levels; level >= 2; --level) {
        const PwcQuery query = guest(kAddress, kTags, id);
        pwc.fill(query, level, to_table(level - 1, level << 12));
        const auto found = pwc.lookup(query);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->base, level << 12);
        EXPECT_EQ(found->next_level, level - 1);
        const std::uint64_t size = std::uint64_t{1} << format.page_bits(level);
        const std::uint64_t first = kAddress / size * size;
        EXPECT_EQ(pwc.lookup(guest(first, kTags, id))->base, level << 12);
        EXPECT_EQ(pwc.lookup(guest(first + size - 1, kTags, id))->base, level << 12);
        for (const std::uint64_t outside : {first - 1, first + size}) {
          const auto neighbour = pwc.lookup(guest(outside, kTags, id));
          EXPECT_TRUE(!neighbour || neighbour->next_level > level - 1);
        }
      }
    }
  }
}

TEST(WalkCache, CountsEveryLevelThatIsProbed) {
  WalkCache pwc{PwcParams{}};
  pwc.fill(guest(), 3, to_table(2, 0x3000));
  EXPECT_TRUE(pwc.lookup(guest()));
  EXPECT_FALSE(pwc.lookup(guest(~kAddress)));
  const PwcStats& stats = pwc.stats(Stage::kGuest);
  EXPECT_EQ(stats.total, (PwcLevelStats{2, 1, 1}));
  EXPECT_EQ(stats.level[2], (PwcLevelStats{2, 0, 2}));
  EXPECT_EQ(stats.level[3], (PwcLevelStats{2, 1, 1}));
  EXPECT_EQ(stats.level[4], (PwcLevelStats{1, 0, 1}));
  EXPECT_EQ(stats.level[5], PwcLevelStats{});
  EXPECT_EQ(pwc.stats(Stage::kHost), PwcStats{});
}

TEST(WalkCache, GuestAndHostPrefixesNeverMeet) {
  for (const auto sharing : {PwcSharing::kSplit, PwcSharing::kShared}) {
    for (const auto organisation : {PwcOrganisation::kPerLevel, PwcOrganisation::kUnified}) {
      PwcParams params = params_of(organisation);
      params.sharing = sharing;
      WalkCache pwc(params);
      pwc.fill(guest(), 2, to_table(1, 0x1000));
      EXPECT_FALSE(pwc.lookup(host()));
      pwc.fill(host(), 2, to_table(1, 0x2000));
      EXPECT_EQ(pwc.lookup(guest())->base, 0x1000U);
      EXPECT_EQ(pwc.lookup(host())->base, 0x2000U);
      PwcQuery linear = guest();
      linear.kind = MappingKind::kLinear;
      EXPECT_FALSE(pwc.lookup(linear));
    }
  }
}

TEST(WalkCache, Pwc02EntriesAreTaggedByTheVirtualMachine) {
  WalkCache pwc{PwcParams{}};
  pwc.fill(guest(), 2, to_table(1, 0x1000));
  pwc.fill(host(), 2, to_table(1, 0x2000));
  Tags other = kTags;
  other.vpid = Vpid{9};
  other.pcid = Pcid{9};
  EXPECT_FALSE(pwc.lookup(guest(kAddress, other)));
  EXPECT_TRUE(pwc.lookup(host(kAddress, other)));  // EP4TA is the only tag of these
  other.ep4ta = Ep4ta{0x9000};
  EXPECT_FALSE(pwc.lookup(host(kAddress, other)));
}

TEST(WalkCache, SharingDecidesWhoseCapacityAFillTakes) {
  for (const auto sharing : {PwcSharing::kSplit, PwcSharing::kShared}) {
    PwcParams params;
    params.sharing = sharing;
    params.level_4 = {2, 2};
    WalkCache pwc(params);
    pwc.fill(guest(0), 4, to_table(3, 0x1000));
    pwc.fill(guest(std::uint64_t{1} << 39), 4, to_table(3, 0x2000));
    pwc.fill(host(0), 4, to_table(3, 0x3000));
    const bool shared = sharing == PwcSharing::kShared;
    EXPECT_EQ(pwc.size(), shared ? 2U : 3U);
    EXPECT_EQ(pwc.lookup(guest(0)).has_value(), !shared);
    EXPECT_EQ(pwc.stats(Stage::kGuest).evictions, shared ? 1U : 0U);
    EXPECT_EQ(pwc.stats(Stage::kHost).evictions, 0U);
  }
}

TEST(WalkCache, StagesThatAreNotCachedAnswerNothing) {
  PwcParams params;
  params.host_stage = false;
  WalkCache pwc(params);
  pwc.fill(host(), 2, to_table(1, 0x2000));
  EXPECT_FALSE(pwc.has_prefixes(Stage::kHost));
  EXPECT_FALSE(pwc.lookup(host()));
  EXPECT_EQ(pwc.size(), 0U);

  WalkCache none(params_of(PwcOrganisation::kNone));
  none.fill(guest(), 2, to_table(1, 0x2000));
  none.fill_word(Hpa(0x1000), 1, Stage::kGuest);
  EXPECT_FALSE(none.lookup(guest()));
  EXPECT_FALSE(none.read(Hpa(0x1000), Stage::kGuest));
  EXPECT_EQ(none.stats(Stage::kGuest), PwcStats{});
}

TEST(WalkCache, AbsentLevelsAreSkipped) {
  PwcParams params;
  params.level_3 = {};
  WalkCache pwc(params);
  pwc.fill(guest(), 3, to_table(2, 0x3000));
  EXPECT_FALSE(pwc.lookup(guest()));
  EXPECT_EQ(pwc.stats(Stage::kGuest).level[3], PwcLevelStats{});
  EXPECT_EQ(pwc.stats(Stage::kGuest).fills, 0U);
}

TEST(WalkCache, FillOfWhatIsThereReplacesIt) {
  WalkCache pwc{PwcParams{}};
  pwc.fill(guest(), 2, to_table(1, 0x1000));
  pwc.fill(guest(), 2, to_table(1, 0x5000));
  EXPECT_EQ(pwc.lookup(guest())->base, 0x5000U);
  EXPECT_EQ(pwc.size(), 1U);
  EXPECT_EQ(pwc.stats(Stage::kGuest).replaced, 1U);
}

TEST(WalkCache, Pwc05FullInvalidationLeavesNoStructure) {
  WalkCache pwc{PwcParams{}};
  for (unsigned level = 2; level <= 4; ++level) {
    pwc.fill(guest(), level, to_table(level - 1, 0x1000));
    pwc.fill(host(), level, to_table(level - 1, 0x1000));
  }
  EXPECT_EQ(pwc.invalidate({.op = InvalidateOp::kInvpcidAllWithGlobals, .tags = kTags}), 3U);
  EXPECT_FALSE(pwc.lookup(guest()));
  EXPECT_EQ(pwc.invalidate({.op = InvalidateOp::kInveptSingle, .tags = kTags}), 3U);
  EXPECT_EQ(pwc.size(), 0U);
  EXPECT_EQ(pwc.stats(Stage::kHost).invalidated, 3U);
}

TEST(WalkCache, InvlpgDropsStructuresOfThePcidAtAnyAddress) {
  WalkCache pwc{PwcParams{}};
  Tags other = kTags;
  other.pcid = Pcid{3};
  pwc.fill(guest(0), 2, to_table(1, 0x1000));
  pwc.fill(guest(0, other), 2, to_table(1, 0x1000));
  EXPECT_EQ(pwc.invalidate({.op = InvalidateOp::kInvlpg, .tags = kTags, .address = Gva(kAddress)}),
            1U);
  EXPECT_TRUE(pwc.lookup(guest(0, other)));
}

TEST(WalkCache, PhysicalWordsAreCachedForTheStagesOfTheOrganisation) {
  for (const auto organisation : {PwcOrganisation::kPhysical, PwcOrganisation::kPhysical2d}) {
    WalkCache pwc(params_of(organisation));
    const bool two = organisation == PwcOrganisation::kPhysical2d;
    EXPECT_FALSE(pwc.has_prefixes(Stage::kGuest));
    pwc.fill_word(Hpa(0x1008), 0x11, Stage::kGuest);
    pwc.fill_word(Hpa(0x1008), 0x22, Stage::kHost);
    EXPECT_EQ(pwc.read(Hpa(0x1008), Stage::kGuest), 0x11U);
    EXPECT_EQ(pwc.read(Hpa(0x1008), Stage::kHost).has_value(), two);
    EXPECT_FALSE(pwc.read(Hpa(0x1000), Stage::kGuest));
    EXPECT_FALSE(pwc.read(Hpa(0x100c), Stage::kGuest));  // the other half of two 4-byte entries
    EXPECT_EQ(pwc.stats(Stage::kGuest).total, (PwcLevelStats{3, 1, 2}));
    EXPECT_EQ(pwc.stats(Stage::kHost).total, two ? (PwcLevelStats{1, 1, 0}) : PwcLevelStats{});
  }
}

TEST(WalkCache, PhysicalWordsFollowOurOwnUpdates) {
  for (const auto sharing : {PwcSharing::kSplit, PwcSharing::kShared}) {
    PwcParams params = params_of(PwcOrganisation::kPhysical2d);
    params.sharing = sharing;
    WalkCache pwc(params);
    pwc.fill_word(Hpa(0x1008), 0x11, Stage::kGuest);
    pwc.fill_word(Hpa(0x1008), 0x11, Stage::kHost);
    pwc.fill_word(Hpa(0x2008), 0x33, Stage::kHost);
    pwc.update_word(Hpa(0x1008), 0x31);
    EXPECT_EQ(pwc.read(Hpa(0x1008), Stage::kGuest), 0x31U);
    EXPECT_EQ(pwc.read(Hpa(0x1008), Stage::kHost), 0x31U);
    EXPECT_EQ(pwc.read(Hpa(0x2008), Stage::kHost), 0x33U);
    pwc.update_word(Hpa(0x5000), 0x31);  // not cached: not made so
    EXPECT_EQ(pwc.size(), 3U);
    pwc.drop_word(Hpa(0x1008));
    EXPECT_EQ(pwc.size(), 1U);
    EXPECT_EQ(pwc.stats(Stage::kGuest).invalidated, 1U);
  }
}

TEST(WalkCache, ReadsAndNoUpdatesKeepAPhysicalWordYoung) {
  PwcParams params = params_of(PwcOrganisation::kPhysical);
  params.unified = {2, 0};
  WalkCache pwc(params);
  pwc.fill_word(Hpa(0x1000), 0x11, Stage::kGuest);
  pwc.fill_word(Hpa(0x2000), 0x22, Stage::kGuest);
  EXPECT_TRUE(pwc.read(Hpa(0x1000), Stage::kGuest));
  pwc.update_word(Hpa(0x2000), 0x32);
  pwc.fill_word(Hpa(0x3000), 0x33, Stage::kGuest);
  EXPECT_EQ(pwc.stats(Stage::kGuest).evictions, 1U);
  EXPECT_TRUE(pwc.read(Hpa(0x1000), Stage::kGuest));
  EXPECT_FALSE(pwc.read(Hpa(0x2000), Stage::kGuest));
}

TEST(WalkCache, PhysicalWordsGoWithAnyOperationThatMayConcernThem) {
  struct Case {
    InvalidateOp op;
    TagRules rules;
    bool vpid_enabled;
    bool guest_goes;
    bool host_goes;
  };
  using Op = InvalidateOp;
  const std::vector<Case> cases = {
      {Op::kInvlpg, TagRules::kIntel, true, true, false},
      {Op::kInvpcidAddress, TagRules::kIntel, true, true, false},
      {Op::kMovCr3, TagRules::kAmd, true, true, false},
      {Op::kMovCr3NoFlush, TagRules::kIntel, true, false, false},
      {Op::kInvvpidSingle, TagRules::kIntel, true, true, false},
      {Op::kPageFault, TagRules::kAmd, true, true, false},
      {Op::kInveptSingle, TagRules::kIntel, true, true, true},
      {Op::kEptViolation, TagRules::kIntel, true, true, true},
      {Op::kVmTransition, TagRules::kIntel, true, false, false},
      {Op::kVmTransition, TagRules::kIntel, false, true, false},
      {Op::kInvlpga, TagRules::kAmd, true, true, false},
      {Op::kTlbControlAsid, TagRules::kAmd, true, true, true},
      {Op::kTlbControlAsidNonGlobal, TagRules::kAmd, true, true, true},
      {Op::kTlbControlAll, TagRules::kAmd, true, true, true},
      {Op::kNestedPageFault, TagRules::kAmd, true, true, true},
  };
  for (const Case& c : cases) {
    WalkCache pwc(params_of(PwcOrganisation::kPhysical2d));
    pwc.fill_word(Hpa(0x1008), 0x11, Stage::kGuest);
    pwc.fill_word(Hpa(0x2008), 0x22, Stage::kHost);
    const std::size_t expected = (c.guest_goes ? 1U : 0U) + (c.host_goes ? 1U : 0U);
    EXPECT_EQ(pwc.invalidate({.op = c.op, .rules = c.rules, .vpid_enabled = c.vpid_enabled}),
              expected)
        << name_of(c.op);
    EXPECT_EQ(pwc.read(Hpa(0x1008), Stage::kGuest).has_value(), !c.guest_goes) << name_of(c.op);
    EXPECT_EQ(pwc.read(Hpa(0x2008), Stage::kHost).has_value(), !c.host_goes) << name_of(c.op);
  }
}

TEST(WalkCache, LawsHoldAndCopiesAreEqual) {
  PwcParams params;
  params.level_2 = {4, 2};
  WalkCache pwc(params);
  for (std::uint64_t i = 0; i < 20; ++i) {
    pwc.fill(guest(i * 7 % 11 << 21), 2, to_table(1, i << 12));
  }
  pwc.invalidate(
      {.op = InvalidateOp::kInvvpidAddress, .tags = kTags, .address = Gva(19 * 7 % 11 << 21)});
  const PwcStats& stats = pwc.stats(Stage::kGuest);
  EXPECT_EQ(stats.fills, 20U);
  EXPECT_EQ(stats.invalidated, 1U);
  EXPECT_EQ(stats.fills, stats.evictions + stats.replaced + stats.invalidated + pwc.size());
  WalkCache copy = pwc;
  EXPECT_EQ(copy, pwc);
  EXPECT_EQ(copy.flush(), pwc.size());
  EXPECT_NE(copy, pwc);
}

TEST(WalkCache, BroadInvalidationsDropTheStageTheyMayConcern) {
  PwcParams params = params_of(PwcOrganisation::kPerLevel);
  params.invalidate = InvalidateExtent::kBroad;
  WalkCache pwc(params);
  Tags other = kTags;
  other.pcid = Pcid{7};
  pwc.fill(guest(), 2, to_table(1, 0x1000));
  pwc.fill(guest(kAddress, other), 2, to_table(1, 0x2000));
  pwc.fill(host(), 2, to_table(1, 0x3000));
  EXPECT_EQ(pwc.invalidate({.op = InvalidateOp::kInvpcidSingle, .tags = kTags}), 2U);
  EXPECT_EQ(pwc.stats(Stage::kGuest).collateral, 1U);
  EXPECT_EQ(pwc.stats(Stage::kHost).collateral, 0U);
  EXPECT_TRUE(pwc.lookup(host()));
}

TEST(WalkCacheDeathTest, LeavesAreRefused) {
  WalkCache pwc{PwcParams{}};
  EXPECT_DEATH(pwc.fill(guest(), 1, to_table(0, 0x1000)), "never leaves");
  EXPECT_DEATH(pwc.fill(guest(), 2, to_table(0, 0x1000)), "never leaves");
}

}  // namespace
}  // namespace nestwalk
