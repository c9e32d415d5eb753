// The whole regression list.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

TEST(RegressionsAll, EveryRunPasses) {
  const TempFolder folder;
  const std::string list = std::string(NESTWALK_SOURCE_DIR) + "/configs/regressions/all.yaml";
  const Ended ended = run_nestwalk({"regress", list, "--out", "r"}, folder);
  EXPECT_EQ(ended.status, 0) << ended.out << ended.err;
}

}  // namespace
}  // namespace nestwalk
