#include "model/observe/invariants.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

TEST(CounterLaws, NamesTheLawsThatDoNotHoldWithBothValues) {
  std::uint64_t lookups = 10;
  std::uint64_t hits = 7;
  std::uint64_t misses = 3;
  CounterLaws laws;
  laws.expect_equal(
      "lookups == hits + misses", [&] { return lookups; }, [&] { return hits + misses; });
  laws.expect_at_most(
      "fills <= misses", [&] { return hits; }, [&] { return lookups; });
  EXPECT_EQ(laws.num_laws(), 2U);
  EXPECT_TRUE(laws.check().empty());
  ++misses;
  EXPECT_EQ(laws.check(),
            (std::vector<std::string>{"lookups == hits + misses: expected 10 == 11"}));
  hits = 11;
  EXPECT_EQ(laws.check(), (std::vector<std::string>{"lookups == hits + misses: expected 10 == 15",
                                                    "fills <= misses: expected 11 <= 10"}));
}

TEST(CounterLaws, AtMostHoldsAtEquality) {
  CounterLaws laws;
  laws.expect_at_most(
      "a <= b", [] { return std::uint64_t{5}; }, [] { return std::uint64_t{5}; });
  EXPECT_TRUE(laws.check().empty());
}

}  // namespace
}  // namespace nestwalk
