// Random runs by both kinds of transport, for a test that says how many and from which seed.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "model/params/run.h"
#include "tests/support/random_run.h"
#include "tests/support/timing_comparison.h"

namespace nestwalk {

// Adds a failure for each run that is not what it should be.
inline void compare_random_runs(std::uint64_t first_seed, std::uint64_t num_runs) {
  for (std::uint64_t seed = first_seed; seed < first_seed + num_runs; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const RunParams params = random_run(seed);
    ASSERT_TRUE(find_problems(params).empty()) << find_problems(params).front().message;
    const RunReport lt = run_apart(params);
    ASSERT_EQ(lt.end, "finished") << lt.message;
    EXPECT_TRUE(lt.law_violations.empty()) << lt.law_violations.front();
    const RunReport at = run_apart(one_by_one(params));
    EXPECT_EQ(difference_but_time(lt, at), "");
    const RunReport overlapping = run_apart(with_random_overlap(params, seed));
    EXPECT_EQ(difference_of_outcomes(lt, overlapping), "");
    EXPECT_GT(overlapping.count("core0.mmu.translations"), 0U);
  }
}

}  // namespace nestwalk
