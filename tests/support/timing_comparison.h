// One run by blocking transport (lt) and by non-blocking transport (at), held against each other.
//
//   const RunReport lt = run_apart(params);
//   const RunReport at = run_apart(one_by_one(params));
//   EXPECT_EQ(difference_but_time(lt, at), "");     // window 1, one walker slot
//   EXPECT_EQ(difference_of_outcomes(lt, other), "");   // any window
//
// Time is what has a unit of cycles, and nothing else. Not for several cores: the order in which
// they come to a lock or to the next free frame is a matter of time.
#pragma once

#include <string>

#include "model/params/run.h"
#include "tests/support/run_bench.h"

namespace nestwalk {

// Timing at, in which an access begins when the one before has ended.
RunParams one_by_one(RunParams params);

// The first statistics that are not the same, one line each; empty: all are. Final memory and the
// end of the run belong to them.
[[nodiscard]] std::string difference_but_time(const RunReport& lt, const RunReport& at);

// The same for what a program sees: accesses by kind, instructions, what was abandoned; faults,
// exits and what software did about them, by cause; final memory. Frames are handed out in the
// order of faults and their owners' tables name them, so that equal memory also means equal order.
[[nodiscard]] std::string difference_of_outcomes(const RunReport& lt, const RunReport& at);

}  // namespace nestwalk
