#include "model/memory/frame_allocator.h"

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "model/arch/splitmix.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kTib = std::uint64_t{1} << 40;
constexpr unsigned k4K = 12;
constexpr unsigned k2M = 21;
constexpr unsigned k1G = 30;

using Frames = FrameAllocator<Hpa>;

Hpa take(Frames& frames, unsigned page_bits) {
  const std::optional<Hpa> frame = frames.allocate(page_bits);
  EXPECT_TRUE(frame.has_value());
  return frame.value_or(Hpa{~std::uint64_t{0}});
}

TEST(FrameAllocator, FreshFramesComeLowestFirst) {
  Frames frames(Hpa{0x10000}, 0x3000);
  EXPECT_EQ(take(frames, k4K), Hpa{0x10000});
  EXPECT_EQ(take(frames, k4K), Hpa{0x11000});
  EXPECT_EQ(take(frames, k4K), Hpa{0x12000});
  EXPECT_EQ(frames.allocate(k4K), std::nullopt);
  EXPECT_EQ(frames.num_free(), 0U);
}

TEST(FrameAllocator, FreedFrameOfASizeComesBackLastInFirstOut) {
  Frames frames(Hpa{0}, kTib);
  const Hpa a = take(frames, k4K);
  const Hpa b = take(frames, k4K);
  const Hpa c = take(frames, k2M);
  frames.free(a, k4K);
  frames.free(c, k2M);
  frames.free(b, k4K);
  EXPECT_EQ(take(frames, k4K), b);
  EXPECT_EQ(take(frames, k4K), a);
  EXPECT_EQ(take(frames, k2M), c);
}

TEST(FrameAllocator, LargeFramesAreAlignedAndTheHolesBeforeThemStayUsable) {
  Frames frames(Hpa{0x1000}, kTib - 0x1000);
  const Hpa large = take(frames, k1G);
  EXPECT_EQ(large, Hpa{std::uint64_t{1} << k1G});
  EXPECT_EQ(take(frames, k2M), Hpa{std::uint64_t{1} << k2M});
  EXPECT_EQ(take(frames, k4K), Hpa{0x1000});
  EXPECT_EQ(frames.num_free(), (kTib - 0x1000 - (1U << k1G) - (1U << k2M) - 0x1000) / 4096);
}

TEST(FrameAllocator, SmallFreedFramesMergeWhenALargeOneIsWanted) {
  Frames frames(Hpa{0}, std::uint64_t{1} << k2M);
  std::vector<Hpa> all;
  while (const std::optional<Hpa> frame = frames.allocate(k4K)) {
    all.push_back(*frame);
  }
  ASSERT_EQ(all.size(), 512U);
  EXPECT_EQ(frames.allocate(k2M), std::nullopt);
  for (const Hpa frame : all) {
    frames.free(frame, k4K);
  }
  EXPECT_EQ(frames.allocate(k2M), Hpa{0});
}

TEST(FrameAllocator, LargeFreedFrameServesSmallOnesWhenNothingElseIsLeft) {
  Frames frames(Hpa{0}, std::uint64_t{1} << k2M);
  const Hpa large = take(frames, k2M);
  frames.free(large, k2M);
  EXPECT_EQ(frames.allocate(k4K), Hpa{0});
  EXPECT_EQ(frames.num_free(), 511U);
}

TEST(FrameAllocator, LargeFrameMayBeFreedInParts) {
  Frames frames(Hpa{0}, std::uint64_t{1} << k2M);
  const Hpa large = take(frames, k2M);
  frames.free(large + 0x5000, k4K);
  EXPECT_EQ(frames.num_free(), 1U);
  EXPECT_FALSE(frames.is_allocated(large, k2M));
  EXPECT_FALSE(frames.is_allocated(large + 0x5000, k4K));
  EXPECT_TRUE(frames.is_allocated(large + 0x6000, k4K));
  EXPECT_EQ(take(frames, k4K), large + 0x5000);
}

TEST(FrameAllocator, ReservedRegionIsNeverHandedOut) {
  Frames frames(Hpa{0}, 0x10000);
  frames.reserve(Hpa{0}, 0x4000);
  frames.reserve(Hpa{0x8000}, 0x1000);
  std::set<std::uint64_t> seen;
  while (const std::optional<Hpa> frame = frames.allocate(k4K)) {
    seen.insert(frame->value());
  }
  const std::set<std::uint64_t> expected = {0x4000, 0x5000, 0x6000, 0x7000, 0x9000, 0xa000,
                                            0xb000, 0xc000, 0xd000, 0xe000, 0xf000};
  EXPECT_EQ(seen, expected);
}

TEST(FrameAllocator, SeveralRangesServeOneAfterTheOther) {
  Frames frames(Hpa{0x100000}, 0x1000);
  frames.add_range(Hpa{0x4000}, 0x1000);
  EXPECT_EQ(take(frames, k4K), Hpa{0x4000});
  EXPECT_EQ(take(frames, k4K), Hpa{0x100000});
  EXPECT_EQ(frames.allocate(k4K), std::nullopt);
}

TEST(FrameAllocator, CopyGoesItsOwnWay) {
  Frames frames(Hpa{0}, 0x10000);
  const Hpa a = take(frames, k4K);
  Frames copy = frames;
  frames.free(a, k4K);
  EXPECT_EQ(copy.allocate(k4K), Hpa{0x1000});
  EXPECT_EQ(frames.allocate(k4K), Hpa{0});
}

TEST(FrameAllocatorDeathTest, DoubleAndForeignFreesAreFatal) {
  Frames frames(Hpa{0}, kTib);
  const Hpa a = take(frames, k4K);
  const Hpa large = take(frames, k2M);
  frames.reserve(Hpa{0x4000}, 0x1000);
  frames.free(a, k4K);
  EXPECT_DEATH(frames.free(a, k4K), "handed out");            // twice
  EXPECT_DEATH(frames.free(Hpa{0x2000}, k4K), "handed out");  // never handed out
  EXPECT_DEATH(frames.free(Hpa{kTib}, k4K), "handed out");    // outside
  EXPECT_DEATH(frames.free(Hpa{0x4000}, k4K), "handed out");  // reserved
  EXPECT_DEATH(frames.free(large + 0x1000, k2M), "aligned");
  frames.free(large + 0x3000, k4K);
  EXPECT_DEATH(frames.free(large, k2M), "handed out");  // a part is free already
  frames.free(large + (std::uint64_t{1} << 20), 20);
  EXPECT_DEATH(frames.free(large + 0x1ff000, k4K), "handed out");  // inside a freed block
}

TEST(FrameAllocatorDeathTest, AllocatedFramesCannotBeReserved) {
  Frames frames(Hpa{0}, kTib);
  static_cast<void>(take(frames, k4K));
  EXPECT_DEATH(frames.reserve(Hpa{0}, 0x2000), "only free frames");
}

// The naive model: a set of the 4 KiB frames in use, and per size a stack of what was freed.
TEST(FrameAllocator, AgreesWithASetOfFramesOnRandomRequests) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SplitMix generator(seed);
    const auto random = [&](std::uint64_t limit) { return generator.draw() % limit; };
    constexpr std::uint64_t kNumFrames = 96;
    constexpr std::uint64_t kBase = 0x3000;
    Frames frames(Hpa{kBase}, kNumFrames * 4096);
    std::set<std::uint64_t> used;  // frame numbers
    std::vector<std::pair<Hpa, unsigned>> held;
    for (int i = 0; i < 1500; ++i) {
      if (random(100) < 55) {
        const unsigned page_bits = 12 + static_cast<unsigned>(random(4));
        const std::uint64_t count = std::uint64_t{1} << (page_bits - 12);
        const std::optional<Hpa> frame = frames.allocate(page_bits);
        bool has_room = false;
        for (std::uint64_t n = 0; n < (kBase >> 12) + kNumFrames; n += count) {
          bool is_free = n >= (kBase >> 12) && n + count <= (kBase >> 12) + kNumFrames;
          for (std::uint64_t k = n; k < n + count && is_free; ++k) {
            is_free = !used.contains(k);
          }
          has_room |= is_free;
        }
        ASSERT_EQ(frame.has_value(), has_room);
        if (!frame) {
          continue;
        }
        ASSERT_EQ(frame->offset(page_bits), 0U);
        for (std::uint64_t k = 0; k < count; ++k) {
          const std::uint64_t number = (frame->value() >> 12) + k;
          ASSERT_GE(number, kBase >> 12);
          ASSERT_LT(number, (kBase >> 12) + kNumFrames);
          ASSERT_TRUE(used.insert(number).second) << "handed out twice: frame " << number;
        }
        held.emplace_back(*frame, page_bits);
      } else if (!held.empty()) {
        const std::size_t pick = random(held.size());
        const auto [frame, page_bits] = held[pick];
        held[pick] = held.back();
        held.pop_back();
        ASSERT_TRUE(frames.is_allocated(frame, page_bits));
        frames.free(frame, page_bits);
        for (std::uint64_t k = 0; k < std::uint64_t{1} << (page_bits - 12); ++k) {
          used.erase((frame.value() >> 12) + k);
        }
      }
      ASSERT_EQ(frames.num_free(), kNumFrames - used.size());
      const std::uint64_t probe = (kBase >> 12) + random(kNumFrames);
      ASSERT_EQ(frames.is_allocated(Hpa{probe << 12}, k4K), used.contains(probe));
    }
  }
}

TEST(FrameAllocator, SplitsOffWhatLiesBehindAnAddress) {
  FrameAllocator<Gpa> lower(Gpa{0x1000}, 7 << 12);
  lower.add_range(Gpa{0x10000}, 4 << 12);
  const Gpa taken = lower.allocate(12).value();
  const Gpa freed = lower.allocate(12).value();
  lower.free(freed, 12);
  FrameAllocator<Gpa> upper = lower.split_off(Gpa{0x5000});
  EXPECT_EQ(lower.num_free(), 3U);
  EXPECT_EQ(upper.num_free(), 3U + 4U);
  EXPECT_TRUE(lower.is_allocated(taken, 12));
  EXPECT_FALSE(upper.is_allocated(Gpa{0x5000}, 12));
  EXPECT_EQ(upper.allocate(12), Gpa{0x5000});
  EXPECT_EQ(upper.allocate(14), Gpa{0x10000});
  for (const std::uint64_t frame : {0x2000, 0x3000, 0x4000}) {
    EXPECT_EQ(lower.allocate(12), Gpa{frame});
  }
  EXPECT_FALSE(lower.allocate(12).has_value());
  lower.free(taken, 12);
  EXPECT_EQ(lower.num_free(), 1U);
  EXPECT_EQ(lower.split_off(Gpa{0x20000}).num_free(), 0U);
  EXPECT_EQ(lower.split_off(Gpa{0}).num_free(), 1U);
  EXPECT_EQ(lower.num_free(), 0U);
}

}  // namespace
}  // namespace nestwalk
