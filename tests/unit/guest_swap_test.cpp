// Slots of swap: their holders, contents, and what frames remember.
#include <gtest/gtest.h>

#include "model/guest/swap_space.h"

namespace nestwalk::test {
namespace {

PageContent page_of(std::uint64_t value) {
  PageContent content(512, 0);
  content[17] = value;
  return content;
}

TEST(SwapSpace, KeepsContentsUntilTheLastHolderIsGone) {
  SwapSpace swap(2 * 4096);
  const SwapSlot first = swap.allocate().value();
  const SwapSlot second = swap.allocate().value();
  EXPECT_NE(first, second);
  EXPECT_FALSE(swap.allocate().has_value()) << "two pages have room";
  swap.fill(first, page_of(5));
  swap.fill(second, page_of(0));
  EXPECT_EQ(swap.content(first), page_of(5));
  EXPECT_TRUE(swap.content(second).empty()) << "all zeros";
  swap.hold(first);
  swap.release(first);
  EXPECT_EQ(swap.num_used(), 2U);
  EXPECT_EQ(swap.content(first), page_of(5));
  swap.release(first);
  EXPECT_EQ(swap.num_used(), 1U);
  EXPECT_EQ(swap.allocate(), first);
  EXPECT_TRUE(swap.content(first).empty()) << "nothing of its former owner";
}

TEST(SwapSpace, WhatFramesRememberGivesWay) {
  SwapSpace swap(2 * 4096);
  const SwapSlot a = swap.allocate().value();
  const SwapSlot b = swap.allocate().value();
  swap.remember(Gpa(0x5000), a);
  swap.release(a);  // the entry is gone, the frame has it
  EXPECT_EQ(swap.remembered(Gpa(0x5000)), a);
  EXPECT_EQ(swap.remembered(Gpa(0x6000)), std::nullopt);
  EXPECT_EQ(swap.num_used(), 2U);
  swap.remember(Gpa(0x6000), b);  // and an entry as well
  EXPECT_EQ(swap.allocate(), a);
  EXPECT_EQ(swap.remembered(Gpa(0x5000)), std::nullopt);
  EXPECT_FALSE(swap.allocate().has_value());
  EXPECT_EQ(swap.remembered(Gpa(0x6000)), std::nullopt) << "given up in vain: an entry holds it";
  swap.forget(Gpa(0x7000), 12);
  swap.release(a);
  swap.release(b);
  EXPECT_EQ(swap.num_used(), 0U);
}

TEST(SwapSpace, AFrameRemembersItsLastSlotOnly) {
  SwapSpace swap(4 * 4096);
  const SwapSlot a = swap.allocate().value();
  const SwapSlot b = swap.allocate().value();
  swap.remember(Gpa(0x5000), a);
  swap.remember(Gpa(0x5000), b);
  swap.release(a);
  EXPECT_EQ(swap.num_used(), 1U);
  swap.release(b);
  EXPECT_EQ(swap.num_used(), 1U);
  swap.forget(Gpa(0x5000), 12);
  EXPECT_EQ(swap.num_used(), 0U);
}

TEST(SwapSpace, ABlockIsForgottenWithAllItsFrames) {
  SwapSpace swap(4 * 4096);
  for (const std::uint64_t frame : {0x1ff000, 0x200000, 0x3ff000, 0x400000}) {
    const SwapSlot slot = swap.allocate().value();
    swap.remember(Gpa(frame), slot);
    swap.release(slot);
  }
  swap.forget(Gpa(0x200000), 21);
  EXPECT_EQ(swap.num_used(), 2U);
  EXPECT_TRUE(swap.remembered(Gpa(0x1ff000)) && swap.remembered(Gpa(0x400000)));
  EXPECT_FALSE(swap.remembered(Gpa(0x200000)) || swap.remembered(Gpa(0x3ff000)));
}

TEST(SwapSpaceDeathTest, AFreeSlotHasNoHolders) {
  SwapSpace swap(4096);
  const SwapSlot slot = swap.allocate().value();
  swap.release(slot);
  EXPECT_DEATH(swap.release(slot), "released once by each holder");
  EXPECT_DEATH(swap.hold(slot), "held from its allocation on");
  EXPECT_DEATH(swap.release(SwapSlot{7}), "a swap slot exists");
}

}  // namespace
}  // namespace nestwalk::test
