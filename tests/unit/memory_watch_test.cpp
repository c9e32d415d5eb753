#include "model/memory/memory_watch.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model/memory/sparse_memory.h"

namespace nestwalk {
namespace {

using Seen = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

class MemoryWatchTest : public testing::Test {
 protected:
  MemoryWatch::Callback into(Seen& seen) {
    return [&seen](Hpa address, std::uint64_t num_bytes) {
      seen.emplace_back(address.value(), num_bytes);
    };
  }

  SparseMemory memory_{std::uint64_t{1} << 40};
  MemoryWatch watch_;
  Seen seen_;
};

TEST_F(MemoryWatchTest, TellsOfEveryKindOfWriteToTheRangeAndNoOther) {
  watch_.add(Hpa{0x2000}, 0x1000, into(seen_));
  memory_.set_observer(&watch_);
  memory_.write(Hpa{0x1ff8}, 8, 1);
  memory_.write(Hpa{0x2000}, 8, 1);
  memory_.write(Hpa{0x2ff8}, 8, 0);
  memory_.write(Hpa{0x2fff}, 1, 1);
  memory_.write(Hpa{0x3000}, 8, 1);
  EXPECT_TRUE(memory_.compare_and_swap(Hpa{0x2000}, 8, 1, 2));
  EXPECT_FALSE(memory_.compare_and_swap(Hpa{0x2000}, 8, 1, 3));
  const std::array<std::byte, 16> bytes{};
  memory_.write_bytes(Hpa{0x1ff8}, bytes);
  memory_.zero_bytes(Hpa{0x2800}, 0x4000);
  const Seen expected = {{0x2000, 8}, {0x2ff8, 8},  {0x2fff, 1},
                         {0x2000, 8}, {0x1ff8, 16}, {0x2800, 0x4000}};
  EXPECT_EQ(seen_, expected);
}

TEST_F(MemoryWatchTest, ValueIsInPlaceWhenToldOfIt) {
  std::uint64_t value = 0;
  watch_.add(Hpa{0x2000}, 8, [&](Hpa address, std::uint64_t) { value = memory_.read(address, 8); });
  memory_.set_observer(&watch_);
  memory_.write(Hpa{0x2000}, 8, 42);
  EXPECT_EQ(value, 42U);
}

TEST_F(MemoryWatchTest, OverlappingRangesAreEachTold) {
  Seen small;
  watch_.add(Hpa{0}, std::uint64_t{1} << 30, into(seen_));
  const MemoryWatch::Handle handle = watch_.add(Hpa{0x5008}, 8, into(small));
  memory_.set_observer(&watch_);
  memory_.write(Hpa{0x5008}, 4, 1);
  memory_.write(Hpa{0x5010}, 4, 1);
  EXPECT_EQ(seen_.size(), 2U);
  EXPECT_EQ(small, (Seen{{0x5008, 4}}));
  watch_.remove(handle);
  memory_.write(Hpa{0x5008}, 4, 2);
  EXPECT_EQ(small.size(), 1U);
  EXPECT_EQ(watch_.num_ranges(), 1U);
}

TEST_F(MemoryWatchTest, CopyOfAMemoryIsNotWatched) {
  watch_.add(Hpa{0}, 0x10000, into(seen_));
  memory_.set_observer(&watch_);
  SparseMemory copy = memory_;
  copy.write(Hpa{0x100}, 8, 1);
  EXPECT_TRUE(seen_.empty());
  memory_ = copy;  // still watched after a checkpoint came back
  memory_.write(Hpa{0x100}, 8, 2);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(MemoryWatchTest, RemovingTwiceIsFatal) {
  const MemoryWatch::Handle handle = watch_.add(Hpa{0}, 8, into(seen_));
  watch_.remove(handle);
  EXPECT_DEATH(watch_.remove(handle), "was added");
}

}  // namespace
}  // namespace nestwalk
