// Histories made by hand: what is legal after which writes and which invalidations.
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/checked_machine.h"

namespace nestwalk {
namespace {

constexpr Gva kPage{0x40'0000'0000};
constexpr std::uint64_t kFrame = 0x10'0000;
constexpr std::uint64_t kOther = 0x20'0000;
constexpr std::uint64_t kWrite = 1U << 1;
constexpr std::uint64_t kUser = 1U << 2;

class CheckerHistory : public testing::Test {
 protected:
  CheckedMachine machine{2};

  std::uint64_t stale() const { return machine.checker.statistics().stale; }
  std::uint64_t most_legal() const { return machine.checker.statistics().set_sizes.max(); }
  void expect_clean() {
    for (const Violation& v : machine.checker.violations()) {
      ADD_FAILURE() << text_of(v);
    }
  }
  // An answer that no structure of the machine gives: as faulty hardware would.
  bool give(unsigned core, const Space& space, Gva address, Translation t) {
    const ObservedContext where{core, 77, space.context};
    return machine.checker.on_translation(machine.memory, where,
                                          {address, AccessType::kRead, Privilege::kUser, false}, t,
                                          TranslationPath::kWalk);
  }
};

TEST_F(CheckerHistory, WithoutAChangeThereIsOneAnswer) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kRead}) {
    EXPECT_TRUE(machine.access(0, kPage, type).is_translation);
  }
  expect_clean();
  EXPECT_EQ(machine.checker.statistics().current, 3U);
  EXPECT_EQ(most_legal(), 1U);
  EXPECT_EQ(machine.checker.num_old_words(), 0U) << "A and D bits end nothing";
}

TEST_F(CheckerHistory, AnUnmappedPageMayBeUsedUntilItsInvalidation) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  machine.write(machine.entry(space, kPage), 0);
  machine.access(0, kPage);
  expect_clean();
  EXPECT_EQ(stale(), 1U);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerHistory, ARemappedPageHasTwoAnswersUntilItsInvalidation) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa entry = machine.entry(space, kPage);
  machine.write(entry, kOther | (machine.word(entry) & 0xfff));
  machine.access(0, kPage);
  EXPECT_EQ(most_legal(), 2U);
  machine.run(1, space);
  EXPECT_EQ(machine.access(1, kPage).translation.hpa, Hpa(kOther));
  expect_clean();
}

TEST_F(CheckerHistory, UpperAndLowerEntriesMayBeOfDifferentTimes) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.map(space, kPage + 0x1000, kFrame + 0x1000);
  machine.map(space, Gva(kPage.value() + (1ULL << 30)), kOther);  // tables of the same shape
  machine.map(space, Gva(kPage.value() + (1ULL << 30) + 0x1000), kOther + 0x1000);
  machine.run(0, space);
  machine.access(0, kPage);  // the walk cache knows the tables of level 1
  const Hpa upper = machine.entry(space, kPage, 2);
  const Hpa lower = machine.entry(space, kPage + 0x1000);
  machine.write(upper, machine.word(machine.entry(space, Gva(kPage.value() + (1ULL << 30)), 2)));
  machine.write(lower, (kFrame + 0x5000) | 7);
  // By the old upper entry, which is cached, and the new lower one.
  EXPECT_EQ(machine.access(0, kPage + 0x1000).translation.hpa, Hpa(kFrame + 0x5000));
  expect_clean();
  EXPECT_EQ(stale(), 1U);
  EXPECT_EQ(most_legal(), 3U) << "old and new lower entry, and the new table's";
}

TEST_F(CheckerHistory, ATranslationIsMadeAtOneMoment) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  Translation t = machine.access(0, kPage).translation;
  const Hpa upper = machine.entry(space, kPage, 2);
  const Hpa lower = machine.entry(space, kPage);
  machine.write(upper, 0);
  // Drops the structures: from here on only translations can be old.
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage + 0x10'0000);
  EXPECT_TRUE(give(0, space, kPage, t));
  machine.write(lower, kOther | 0x67);  // the table is used for something else by now
  EXPECT_TRUE(give(0, space, kPage, t));
  t.gpa = Gpa(kOther);
  t.hpa = Hpa(kOther);
  EXPECT_FALSE(give(0, space, kPage, t));
  EXPECT_EQ(machine.found(), ViolationKind::kUnexplained);
}

TEST_F(CheckerHistory, AnInvalidationOfAnotherPageCoversTheStructuresAlone) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  machine.write(machine.entry(space, kPage, 2), 0);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage + 0x10'0000);
  EXPECT_TRUE(machine.access(0, kPage).is_translation) << "its translation may stay";
  expect_clean();
  machine.invalidate(0, InvalidateOp::kMovCr3);
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerHistory, AGlobalPageSurvivesALoadOfCr3) {
  const Space space = machine.native_space();
  LeafFlags flags;
  flags.global = true;
  machine.map(space, kPage, kFrame, 12, flags);
  machine.run(0, space);
  machine.access(0, kPage);
  machine.write(machine.entry(space, kPage), 0);
  machine.invalidate(0, InvalidateOp::kMovCr3);
  EXPECT_TRUE(machine.access(0, kPage).is_translation);
  expect_clean();
  machine.invalidate(0, InvalidateOp::kMovCr4);
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerHistory, ARightThatIsGivenNeedsNoInvalidation) {
  const Space space = machine.native_space();
  LeafFlags flags;
  flags.write = false;
  machine.map(space, kPage, kFrame, 12, flags);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa entry = machine.entry(space, kPage);
  machine.write(entry, machine.word(entry) | kWrite);
  EXPECT_EQ(machine.checker.num_old_words(), 0U);
  EXPECT_FALSE(machine.access(0, kPage).translation.guest.write());
  EXPECT_TRUE(machine.access(0, kPage, AccessType::kWrite).translation.guest.write());
  expect_clean();
  EXPECT_EQ(stale(), 0U);
}

TEST_F(CheckerHistory, TheUserBitIsNoRightThatOnlyGives) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa entry = machine.entry(space, kPage);
  for (const std::uint64_t word : {machine.word(entry) & ~kUser, machine.word(entry)}) {
    const std::size_t before = machine.checker.num_old_words();
    machine.write(entry, word);
    EXPECT_EQ(machine.checker.num_old_words(), before + 1);
  }
}

TEST_F(CheckerHistory, MoreRightsThanEverAreAViolation) {
  const Space space = machine.native_space();
  LeafFlags flags;
  flags.write = false;
  machine.map(space, kPage, kFrame, 12, flags);
  machine.run(0, space);
  Translation t = machine.access(0, kPage).translation;
  EXPECT_TRUE(give(0, space, kPage, t));
  t.guest.bits |= GuestRights::kWrite;
  EXPECT_FALSE(give(0, space, kPage, t));
  EXPECT_EQ(machine.found(), ViolationKind::kUnexplained);
}

TEST_F(CheckerHistory, AThirdFrameIsAViolation) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  Translation t = machine.access(0, kPage).translation;
  t.hpa = t.hpa + 0x1000;
  EXPECT_FALSE(give(0, space, kPage, t));
  EXPECT_EQ(machine.found(), ViolationKind::kUnexplained);
}

TEST_F(CheckerHistory, TheHostStageHasAHistoryOfItsOwn) {
  const Space space = machine.nested_space(0);
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  machine.write(entry, machine.word(entry) + 0x10'0000);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);  // its walk finds the old page in the NTLB
  EXPECT_EQ(machine.access(0, kPage).translation.hpa, machine.home(space, Gpa(kFrame)));
  expect_clean();
  EXPECT_EQ(stale(), 1U);
  machine.invalidate(0, InvalidateOp::kInveptSingle);
  EXPECT_EQ(machine.access(0, kPage).translation.hpa, machine.home(space, Gpa(kFrame + 0x10'0000)));
  expect_clean();
}

TEST_F(CheckerHistory, OperationsOfTheOtherVendorCoverNothing) {
  const Space space = machine.npt_space(0);
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  machine.write(entry, machine.word(entry) + 0x10'0000);
  machine.invalidate(0, InvalidateOp::kInveptAll);
  EXPECT_EQ(machine.access(0, kPage).translation.hpa, machine.home(space, Gpa(kFrame)));
  expect_clean();
  machine.invalidate(0, InvalidateOp::kTlbControlAsid);
  EXPECT_EQ(machine.access(0, kPage).translation.hpa, machine.home(space, Gpa(kFrame + 0x10'0000)));
  expect_clean();
}

TEST_F(CheckerHistory, ACoreKeepsWhatAnotherOneHasDropped) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  for (const unsigned core : {0U, 1U}) {
    machine.run(core, space);
    machine.access(core, kPage);
  }
  machine.write(machine.entry(space, kPage), 0);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  EXPECT_TRUE(machine.access(1, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerHistory, WhatNobodyMayUseAnyMoreIsForgotten) {
  const Space space = machine.native_space();
  for (unsigned i = 0; i < 3000; ++i) {
    machine.map(space, kPage + 4096 * i, kFrame + 4096 * i);
  }
  machine.run(0, space);
  for (unsigned round = 0; round < 4; ++round) {
    for (unsigned i = 0; i < 3000; ++i) {
      const Gva page = kPage + 4096 * i;
      machine.access(0, page);
      const Hpa entry = machine.entry(space, page);
      const std::uint64_t word = machine.word(entry);
      machine.write(entry, 0);
      machine.invalidate(0, InvalidateOp::kInvlpg, page);
      machine.write(entry, word);
    }
  }
  expect_clean();
  EXPECT_LT(machine.checker.statistics().most_old_words, 2500U);
  EXPECT_EQ(machine.checker.statistics().undecided, 0U);
}

// As shadow paging with few frames for tables has it.
TEST_F(CheckerHistory, WhereAFrameWasATableOnceIsForgotten) {
  constexpr unsigned kTables = 8;
  const Space space = machine.native_space();
  std::vector<std::uint64_t> links;
  for (unsigned i = 0; i < kTables; ++i) {
    machine.map(space, kPage + (std::uint64_t{i} << 21), kFrame);
    links.push_back(machine.word(machine.entry(space, kPage + (std::uint64_t{i} << 21), 2)));
  }
  machine.run(0, space);
  const Hpa upper = machine.entry(space, kPage, 2);
  for (unsigned use = 0; use < 512 * kTables; ++use) {
    const unsigned place = use / kTables;
    machine.write(upper + 8 * place, 0);
    machine.invalidate(0, InvalidateOp::kMovCr3);
    machine.write(upper + 8 * place, links[use % kTables]);
    EXPECT_TRUE(machine.access(0, kPage + (std::uint64_t{place} << 21)).is_translation);
  }
  const Hpa entry = machine.entry(space, kPage);
  for (unsigned i = 1; i < 5000; ++i) {
    machine.write(entry + 8 * (i % 512), kOther | 7 | (std::uint64_t{i} << 12));
    machine.invalidate(0, InvalidateOp::kMovCr3);
  }
  expect_clean();
  EXPECT_LT(machine.checker.statistics().most_table_uses, 3000U);
  EXPECT_LT(machine.checker.statistics().most_old_words, 2500U);
  EXPECT_EQ(machine.checker.statistics().undecided, 0U);
}

// A core holds an upper entry that memory has no more.
TEST_F(CheckerHistory, WhereAFrameIsATableStillIsNotForgotten) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  const Hpa upper = machine.entry(space, kPage, 2);
  const Hpa entry = machine.entry(space, kPage);
  machine.write(upper, 0);
  // More uses than are kept without a look at who may need them.
  const Space other = machine.another_space(space, {});
  for (unsigned i = 0; i < 3000; ++i) {
    machine.map(other, kPage + (std::uint64_t{i} << 21), kOther);
  }
  machine.run(1, other);
  for (unsigned i = 0; i < 3000; ++i) {
    machine.access(1, kPage + (std::uint64_t{i} << 21));
    const Hpa lower = machine.entry(other, kPage + (std::uint64_t{i} << 21));
    machine.write(lower, 0);
    machine.write(lower, kOther | 0x67);
  }
  machine.write(entry, (kFrame + 0x1000) | 0x67);
  const std::uint64_t stale_before = stale();
  EXPECT_TRUE(machine.access(0, kPage).is_translation);
  expect_clean();
  EXPECT_EQ(stale(), stale_before + 1);
  machine.invalidate(0, InvalidateOp::kMovCr3);
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerHistory, OneInSoManyIsCheckedAndAllAfterAChange) {
  CheckerOptions options;
  options.every = 100;
  CheckedMachine sampled(1, options);
  const Space space = sampled.native_space();
  sampled.map(space, kPage, kFrame);
  sampled.run(0, space);
  for (unsigned i = 0; i < 1000; ++i) {
    sampled.access(0, kPage);
  }
  EXPECT_EQ(sampled.checker.statistics().translations, 1000U);
  EXPECT_EQ(sampled.checker.statistics().checked, 10U);
  sampled.write(sampled.entry(space, kPage), 0);
  for (unsigned i = 0; i < 50; ++i) {
    sampled.access(0, kPage);
  }
  EXPECT_EQ(sampled.checker.statistics().checked, 60U);
}

TEST_F(CheckerHistory, ACopyGoesOnByItself) {
  const Space space = machine.native_space();
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  const Translation t = machine.access(0, kPage).translation;
  TranslationChecker copy = machine.checker;
  machine.write(machine.entry(space, kPage), 0);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  EXPECT_FALSE(give(0, space, kPage, t));
  EXPECT_EQ(copy.statistics().num_violations(), 0U);
  EXPECT_EQ(copy.num_old_words(), 0U);
}

}  // namespace
}  // namespace nestwalk
