// Random walks, invalidations of every kind and table writes at random steps, on every set of RTL
// parameters with a walk cache: each event is judged by the engine of its slot, and each hit, miss
// and payload by a mirror of the model's own classes, so that a wrong victim shows.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "tests/cosim/rtl_walker_support.h"

namespace nestwalk {
namespace {

class RtlWalkerPwcRandom : public RtlWalkerTest, public testing::WithParamInterface<const char*> {
 protected:
  RtlWalkerPwcRandom() : RtlWalkerTest(GetParam()) {}
};

void expect_used(const char* name, const WalkCache& cache, Stage stage, unsigned slots) {
  const PwcStats& stats = cache.stats(stage);
  std::cout << name << ": " << stats.total.hits << " of " << stats.total.lookups << " hit, "
            << stats.fills << " fills, " << stats.evictions << " evictions, " << stats.replaced
            << " replaced, " << stats.invalidated << " invalidated\n";
  EXPECT_GT(stats.total.hits, 500U);
  EXPECT_GT(stats.fills, 5000U);
  EXPECT_GT(stats.invalidated, 500U);
  // One walk at a time never fills what it could have found.
  EXPECT_EQ(stats.replaced > 10, slots > 1);
}

TEST_P(RtlWalkerPwcRandom, WalksAndInvalidationsAgreeWithTheMirror) {
  const WalkerStructures built = bench_.walker().structures();
  run_storm(80260101, 1100, 5);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kAccept), 20000U);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kKill), 200U);
  const CacheMirror& caches = bench_.scoreboard().caches();
  if (built.guest_pwc_entries != 0) {
    expect_used("guest", caches.guest_cache(), Stage::kGuest, built.slots);
  }
  if (built.host_pwc_entries != 0) {
    expect_used("host", caches.host_cache(), Stage::kHost, built.slots);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, RtlWalkerPwcRandom,
                         testing::Values("pwc", "pwc_one_entry", "pwc_per_level", "guest_pwc",
                                         "host_pwc", "medium"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace nestwalk
