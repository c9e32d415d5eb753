// What the user of a run is told of rules that it has broken.
#include <gtest/gtest.h>

#include <sstream>

#include "model/cli/run_verdict.h"

namespace nestwalk {
namespace {

TEST(CliVerdict, ARunWithoutFaultIsSilent) {
  std::ostringstream err;
  EXPECT_TRUE(report_broken_rules({}, err));
  EXPECT_EQ(err.str(), "");
}

TEST(CliVerdict, AWrongTranslationIsToldWithWhereToRead) {
  RunResult result;
  result.check_violations = {"freed_frame: a line\n  another\n"};
  std::ostringstream err;
  EXPECT_FALSE(report_broken_rules(result, err));
  EXPECT_EQ(err.str(),
            "nestwalk run: wrong translation: freed_frame: a line\n  another\n"
            "nestwalk run: some translations were wrong (check); how to read this: "
            "docs/verification/checker.md\n");
}

TEST(CliVerdict, ABrokenCounterLawIsTold) {
  RunResult result;
  result.law_violations = {"a = b: 1, 2"};
  std::ostringstream err;
  EXPECT_FALSE(report_broken_rules(result, err));
  EXPECT_EQ(err.str(), "nestwalk run: counter law broken: a = b: 1, 2\n");
}

}  // namespace
}  // namespace nestwalk
