#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/random_permutation.h"

namespace nestwalk {
namespace {

TEST(RandomPermutation, IsOneForEverySmallSize) {
  for (std::uint64_t size = 1; size <= 300; ++size) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const RandomPermutation permutation(size, seed);
      std::vector<bool> seen(size);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t value = permutation.at(i);
        ASSERT_LT(value, size);
        ASSERT_FALSE(seen[value]) << "size " << size << ", seed " << seed;
        seen[value] = true;
        ASSERT_EQ(permutation.index_of(value), i) << "size " << size << ", seed " << seed;
      }
    }
  }
}

TEST(RandomPermutation, InvertsAtEverySize) {
  constexpr std::uint64_t kSeed = 11;
  SplitMix random(kSeed);
  for (unsigned bits = 9; bits <= 62; ++bits) {
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t size =
          (std::uint64_t{1} << (bits - 1)) + 1 + random.draw() % (std::uint64_t{1} << (bits - 1));
      const RandomPermutation permutation(size, random.draw());
      const std::uint64_t index = random.draw() % size;
      const std::uint64_t value = permutation.at(index);
      ASSERT_LT(value, size) << "seed " << kSeed;
      ASSERT_EQ(permutation.index_of(value), index) << "seed " << kSeed;
    }
  }
}

// Neighbours land anywhere: their distance is spread evenly, as that of random pairs.
TEST(RandomPermutation, ScattersNeighbours) {
  constexpr std::uint64_t kSize = 100003;
  const RandomPermutation permutation(kSize, 3);
  constexpr int kNumParts = 16;
  int parts[kNumParts] = {};
  for (std::uint64_t i = 0; i + 1 < kSize; ++i) {
    const std::uint64_t step = (permutation.at(i + 1) + kSize - permutation.at(i)) % kSize;
    ++parts[step * kNumParts / kSize];
  }
  for (const int count : parts) {
    EXPECT_NEAR(count, kSize / kNumParts, 0.1 * kSize / kNumParts);
  }
}

}  // namespace
}  // namespace nestwalk
