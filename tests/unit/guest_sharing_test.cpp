// Holders of frames, counted by range, against a count for each frame.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "model/guest/frame_sharing.h"
#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

struct Block {
  std::uint64_t base;
  unsigned bits;
  friend bool operator==(const Block&, const Block&) = default;
};

std::vector<Block> release(FrameSharing& sharing, std::uint64_t page, unsigned bits) {
  std::vector<Block> freed;
  sharing.release(Gpa(page), bits, [&](Gpa block, unsigned b) {
    freed.push_back({block.value(), b});
  });
  return freed;
}

TEST(FrameSharing, ThreeHoldersAreThreeReleases) {
  FrameSharing sharing;
  EXPECT_EQ(release(sharing, 0x5000, 12), (std::vector<Block>{{0x5000, 12}})) << "never shared";
  sharing.share(Gpa(0x5000), 12);
  sharing.share(Gpa(0x5000), 12);
  EXPECT_TRUE(sharing.is_shared(Gpa(0x5000), 12));
  EXPECT_FALSE(sharing.is_shared(Gpa(0x4000), 12));
  EXPECT_FALSE(sharing.is_shared(Gpa(0x6000), 12));
  EXPECT_TRUE(release(sharing, 0x5000, 12).empty());
  EXPECT_TRUE(sharing.is_shared(Gpa(0x5000), 12));
  EXPECT_TRUE(release(sharing, 0x5000, 12).empty());
  EXPECT_TRUE(sharing.is_empty());
  EXPECT_EQ(release(sharing, 0x5000, 12), (std::vector<Block>{{0x5000, 12}}));
}

TEST(FrameSharing, PartsOfALargePageAreGivenUpAlone) {
  FrameSharing sharing;
  sharing.share(Gpa(0x200000), 21);
  EXPECT_TRUE(release(sharing, 0x201000, 12).empty());  // one holder splits it and copies a page
  EXPECT_FALSE(sharing.is_shared(Gpa(0x201000), 12));
  EXPECT_TRUE(sharing.is_shared(Gpa(0x200000), 21));
  EXPECT_TRUE(sharing.is_shared(Gpa(0x200000), 12));
  EXPECT_TRUE(sharing.is_shared(Gpa(0x202000), 12));
  // The other one unmaps all of it: only what was given up comes free.
  EXPECT_EQ(release(sharing, 0x200000, 21), (std::vector<Block>{{0x201000, 12}}));
  EXPECT_TRUE(sharing.is_empty());
}

TEST(FrameSharing, WhatComesFreeIsMadeOfLargeAlignedBlocks) {
  FrameSharing sharing;
  sharing.share(Gpa(0x203000), 12);
  const std::vector<Block> expected = {{0x200000, 13}, {0x202000, 12}, {0x204000, 14},
                                       {0x208000, 15}, {0x210000, 16}, {0x220000, 17},
                                       {0x240000, 18}, {0x280000, 19}, {0x300000, 20}};
  EXPECT_EQ(release(sharing, 0x200000, 21), expected);
  EXPECT_FALSE(sharing.is_shared(Gpa(0x203000), 12));
  EXPECT_TRUE(sharing.is_empty());
}

TEST(FrameSharing, RandomCallsAgreeWithACountForEachFrame) {
  constexpr std::uint64_t kSeed = 0x5a3e;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  SplitMix64 random(kSeed);
  FrameSharing sharing;
  std::vector<unsigned> holders(64, 1);
  for (unsigned step = 0; step < 20000; ++step) {
    const unsigned bits = 12 + static_cast<unsigned>(random.below(5));
    const std::uint64_t size = std::uint64_t{1} << (bits - 12);
    const std::uint64_t first = random.below(64 / size) * size;
    bool is_shared = false;

    for (std::uint64_t i = first; i < first + size; ++i) {
      is_shared = is_shared || holders[i] > 1;
    }
    ASSERT_EQ(sharing.is_shared(Gpa(first << 12), bits), is_shared);
    if (random.percent(50)) {
      sharing.share(Gpa(first << 12), bits);
      for (std::uint64_t i = first; i < first + size; ++i) {
        ++holders[i];
      }
      continue;
    }
    std::set<std::uint64_t> freed;
    for (const Block& block : release(sharing, first << 12, bits)) {
      ASSERT_EQ(block.base % (std::uint64_t{1} << block.bits), 0U);
      for (std::uint64_t at = 0; at < std::uint64_t{1} << block.bits; at += 4096) {
        ASSERT_TRUE(freed.insert((block.base + at) >> 12).second);
      }
    }
    for (std::uint64_t i = first; i < first + size; ++i) {
      ASSERT_EQ(freed.contains(i), holders[i] == 1) << i;
      holders[i] = holders[i] == 1 ? 1 : holders[i] - 1;  // freed and handed out again
    }
    ASSERT_LE(freed.size(), size);
  }
}

}  // namespace
}  // namespace nestwalk
