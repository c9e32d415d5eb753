// Published figures that a shipped configuration reproduces.
#include <gtest/gtest.h>

#include <string>

#include "model/config/document.h"
#include "model/config/run_config.h"
#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

// Patterson and Hennessy, exercise 5.14: base CPI 1, 0.2 TLB misses per 1000 instructions of 200
// cycles each.
TEST(Published, NestedPagingTakesTheTextbookTo1Point04CyclesPerInstruction) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    RunParams params =
        load_run(ConfigDocument::load(NESTWALK_SOURCE_DIR "/configs/experiments/e10-nested.yaml"));
    params.machine.timing = timing;
    const RunReport report = run_apart(params);
    ASSERT_EQ(report.end, "measured") << report.message;
    const auto instructions = static_cast<double>(report.count("core0.instructions"));
    const auto cycles = static_cast<double>(report.count("ledger.total.total"));
    const auto walks = static_cast<double>(report.count("core0.walker.walks"));
    EXPECT_NEAR(1000 * walks / instructions, 0.2, 1e-9);
    EXPECT_EQ(report.count("core0.walker.cycles"), 200 * report.count("core0.walker.walks"));
    EXPECT_NEAR(cycles / instructions, 1.04, 0.001);
  }
}

}  // namespace
}  // namespace nestwalk
