#include "model/observe/histogram.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

TEST(Histogram, EveryValueIsWithinItsBucketAndBucketsAdjoin) {
  EXPECT_EQ(Histogram::bucket_of(0), 0U);
  EXPECT_EQ(Histogram::bucket_of(1), 1U);
  EXPECT_EQ(Histogram::bucket_of(2), 2U);
  EXPECT_EQ(Histogram::bucket_of(3), 2U);
  EXPECT_EQ(Histogram::bucket_of(4), 3U);
  for (unsigned bucket = 1; bucket < Histogram::kNumBuckets; ++bucket) {
    EXPECT_EQ(Histogram::bucket_of(Histogram::lowest(bucket)), bucket);
    EXPECT_EQ(Histogram::bucket_of(Histogram::highest(bucket)), bucket);
    EXPECT_EQ(Histogram::lowest(bucket), Histogram::highest(bucket - 1) + 1);
  }
  EXPECT_EQ(Histogram::highest(64), std::numeric_limits<std::uint64_t>::max());
}

TEST(Histogram, KeepsCountSumMinAndMax) {
  Histogram histogram;
  EXPECT_EQ(histogram.min(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  histogram.add(9);
  histogram.add(5, 3);
  histogram.add(1000, 0);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.sum(), 24U);
  EXPECT_EQ(histogram.min(), 5U);
  EXPECT_EQ(histogram.max(), 9U);
  EXPECT_EQ(histogram.count_in(3), 3U);  // 4 to 7
  EXPECT_EQ(histogram.count_in(4), 1U);  // 8 to 15
  EXPECT_EQ(histogram.count_in(10), 0U);
}

TEST(Histogram, SumOfTwoIsAllValuesTogether) {
  Histogram a;
  a.add(3);
  Histogram b;
  b.add(100);
  b.add(0);
  a.add(b);
  EXPECT_EQ(a.count(), 3U);
  EXPECT_EQ(a.sum(), 103U);
  EXPECT_EQ(a.min(), 0U);
  EXPECT_EQ(a.max(), 100U);
  EXPECT_EQ(a.count_in(Histogram::bucket_of(100)), 1U);
  EXPECT_EQ(b.count(), 2U);
}

TEST(Histogram, ADifferenceDoesNotKnowItsExtremes) {
  Histogram histogram;
  EXPECT_TRUE(histogram.since({}).has_extremes());
  histogram.add(3);
  const Histogram before = histogram;
  histogram.add(100, 2);
  const Histogram difference = histogram.since(before);
  EXPECT_EQ(difference.count(), 2U);
  EXPECT_EQ(difference.sum(), 200U);
  EXPECT_EQ(difference.count_in(Histogram::bucket_of(3)), 0U);
  EXPECT_EQ(difference.count_in(Histogram::bucket_of(100)), 2U);
  EXPECT_FALSE(difference.has_extremes());
}

}  // namespace
}  // namespace nestwalk
