#include "model/memory/frame_owner.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "model/arch/splitmix.h"

namespace nestwalk {
namespace {

constexpr FrameOwner kGuest0{FrameUse::kGuestFrame, 0};
constexpr FrameOwner kGuest1{FrameUse::kGuestFrame, 1};
constexpr FrameOwner kHypervisor{FrameUse::kVmm, 0};
constexpr FrameOwner kNobody{};

TEST(FrameOwnerMap, EverythingIsFreeAtFirst) {
  const FrameOwnerMap owners;
  EXPECT_EQ(owners.owner(Hpa{0}), kNobody);
  EXPECT_EQ(owners.owner(Hpa{~std::uint64_t{0}}), kNobody);
}

TEST(FrameOwnerMap, RangeEndsWhereItEnds) {
  FrameOwnerMap owners;
  owners.set(Hpa{0x2000}, 0x3000, kGuest1);
  EXPECT_EQ(owners.owner(Hpa{0x1fff}), kNobody);
  EXPECT_EQ(owners.owner(Hpa{0x2000}), kGuest1);
  EXPECT_EQ(owners.owner(Hpa{0x4fff}), kGuest1);
  EXPECT_EQ(owners.owner(Hpa{0x5000}), kNobody);
}

TEST(FrameOwnerMap, NeighboursOfOneOwnerAreOneRange) {
  FrameOwnerMap owners;
  owners.set(Hpa{0x1000}, 0x1000, kGuest0);
  owners.set(Hpa{0x3000}, 0x1000, kGuest0);
  owners.set(Hpa{0x2000}, 0x1000, kGuest0);
  int num_ranges = 0;
  owners.for_each_range([&](Hpa first, std::uint64_t num_bytes, FrameOwner owner) {
    ++num_ranges;
    EXPECT_EQ(first, Hpa{0x1000});
    EXPECT_EQ(num_bytes, 0x3000U);
    EXPECT_EQ(owner, kGuest0);
  });
  EXPECT_EQ(num_ranges, 1);
}

TEST(FrameOwnerMap, AgreesWithAnArrayOfOwnersOnRandomRanges) {
  constexpr std::size_t kNumFrames = 64;
  const std::uint64_t seed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SplitMix generator(seed);
  const auto random = [&](std::uint64_t limit) { return generator.draw() % limit; };
  const std::vector<FrameOwner> choices = {kNobody, kGuest0, kGuest1, kHypervisor};
  FrameOwnerMap owners;
  std::vector<FrameOwner> expected(kNumFrames);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t first = random(kNumFrames);
    const std::uint64_t count = 1 + random(kNumFrames - first);
    const FrameOwner owner = choices[random(choices.size())];
    owners.set(Hpa{first << 12}, count << 12, owner);
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(first), count, owner);
    std::uint64_t guest1_bytes = 0;
    for (std::size_t frame = 0; frame < kNumFrames; ++frame) {
      ASSERT_EQ(owners.owner(Hpa{frame << 12}), expected[frame]) << "frame " << frame;
      guest1_bytes += expected[frame] == kGuest1 ? 4096 : 0;
    }
    ASSERT_EQ(owners.owner(Hpa{kNumFrames << 12}), kNobody);
    ASSERT_EQ(owners.num_bytes(kGuest1), guest1_bytes);
  }
}

TEST(FrameOwnerMap, CopyIsIndependent) {
  FrameOwnerMap owners;
  owners.set(Hpa{0x1000}, 0x1000, kGuest0);
  const FrameOwnerMap copy = owners;
  owners.set(Hpa{0x1000}, 0x1000, kGuest1);
  EXPECT_EQ(copy.owner(Hpa{0x1000}), kGuest0);
}

TEST(FrameOwnerMapDeathTest, PartialFramesAreFatal) {
  FrameOwnerMap owners;
  EXPECT_DEATH(owners.set(Hpa{0x800}, 0x1000, kGuest0), "whole 4 KiB frames");
  EXPECT_DEATH(owners.set(Hpa{0x1000}, 0, kGuest0), "whole 4 KiB frames");
}

}  // namespace
}  // namespace nestwalk
