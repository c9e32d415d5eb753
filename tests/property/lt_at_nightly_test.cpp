// More random runs by both kinds of transport: see lt_at_test.cpp.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/property/lt_at_random.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kFirstSeed = 80260101;
constexpr std::uint64_t kRunsOfACase = 50;
constexpr std::uint64_t kNumCases = 40;

class LtAtNightly : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Runs, LtAtNightly, testing::Range(std::uint64_t{0}, kNumCases));

TEST_P(LtAtNightly, Agree) {
  const std::uint64_t first = kFirstSeed + GetParam() * kRunsOfACase;
  std::cout << "seeds " << first << " to " << first + kRunsOfACase - 1 << '\n';
  compare_random_runs(first, kRunsOfACase);
}

}  // namespace
}  // namespace nestwalk
