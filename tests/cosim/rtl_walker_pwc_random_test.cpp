// Random walks, invalidations of every kind at random steps and table writes that race with walks,
// on a walker with walk caches: every event is judged by the engine of its slot, and each hit, miss
// and payload by a mirror of the model's own classes. One program for each parameter set.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_walker_support.h"

namespace nestwalk {
namespace {

class RtlWalkerPwcRandom : public RtlWalkerTest {};

TEST_F(RtlWalkerPwcRandom, WalksAndInvalidationsAgreeWithTheMirror) {
  run_storm(80260101, 3000);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kFill), 10000U);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kLookup), 10000U);
}

}  // namespace
}  // namespace nestwalk
