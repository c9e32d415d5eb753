#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

using Names = std::vector<std::string_view>;

TEST(NearestName, DistanceCountsEachKindOfSlip) {
  EXPECT_EQ(edit_distance("ways", "ways"), 0U);
  EXPECT_EQ(edit_distance("ways", "way"), 1U);
  EXPECT_EQ(edit_distance("ways", "wways"), 1U);
  EXPECT_EQ(edit_distance("ways", "wals"), 1U);
  EXPECT_EQ(edit_distance("ways", "wyas"), 1U);
  EXPECT_EQ(edit_distance("", "ways"), 4U);
  EXPECT_EQ(edit_distance("ways", ""), 4U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestName, DistanceIsSymmetric) {
  const Names names = {"entries", "entires", "ways", "latency_cycles", "latncy_cycels", ""};
  for (std::string_view left : names) {
    for (std::string_view right : names) {
      EXPECT_EQ(edit_distance(left, right), edit_distance(right, left)) << left << ' ' << right;
    }
  }
}

TEST(NearestName, TheClosestNameWins) {
  EXPECT_EQ(nearest_name("level_22", Names{"level_5", "level_2"}), "level_2");
  EXPECT_EQ(nearest_name("entires", Names{"ways", "entries"}), "entries");
}

TEST(NearestName, AmongEquallyCloseNamesTheFirstWins) {
  EXPECT_EQ(nearest_name("level_9", Names{"level_3", "level_2"}), "level_3");
}

TEST(NearestName, NothingCloseGivesNothing) {
  EXPECT_FALSE(nearest_name("colour", Names{"entries", "ways", "replacement"}));
  EXPECT_FALSE(nearest_name("x", Names{"y"}));
  EXPECT_FALSE(nearest_name("x", Names{}));
}

TEST(NearestName, CaseAndDashesAreNoDifference) {
  EXPECT_EQ(nearest_name("LATENCY-CYCLES", Names{"entries", "latency_cycles"}), "latency_cycles");
}

TEST(NearestName, AnUnambiguousBeginningIsOffered) {
  EXPECT_EQ(nearest_name("memory", Names{"name", "memory_bytes"}), "memory_bytes");
  EXPECT_FALSE(nearest_name("latency", Names{"latency_cycles_hit", "latency_cycles_miss"}));
  EXPECT_FALSE(nearest_name("me", Names{"memory_bytes"}));
}

}  // namespace
}  // namespace nestwalk
