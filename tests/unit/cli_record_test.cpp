// `nestwalk record` as a user starts it: what it writes can be looked at and run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "model/workload/trace_reader.h"
#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

constexpr int kInputError = 3;

// Recorded from start to exit, so the run meets everything that a recording holds.
TEST(CliRecord, ARecordedProgramRunsInBothModes) {
  if (std::system("valgrind --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "valgrind is not installed";
  }
  const TempFolder folder;
  const Ended recorded = run_nestwalk({"record", "-o", "true.nwt", "--", "/bin/true"}, folder);
  ASSERT_EQ(recorded.status, 0) << recorded.err;
  const TraceInfo info = trace_info(folder.file("true.nwt"));
  EXPECT_GT(info.num_accesses(), 10'000U);

  const Ended told = run_nestwalk({"trace", "info", "true.nwt"}, folder);
  EXPECT_EQ(told.status, 0) << told.err;
  EXPECT_NE(told.out.find("/bin/true"), std::string::npos) << told.out;

  folder.write("run.yaml", R"(vms:
  - processes:
      - workload: {kind: trace, trace: true.nwt}
)");
  const Ended ran =
      run_nestwalk({"run", "run.yaml", "--out", "r", "--compare", "native,nested"}, folder);
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const std::string mode : {"native", "nested"}) {
    const std::string stats = read_whole_file(folder.file("r/" + mode + "/stats.txt"));
    EXPECT_NE(stats.find(" " + std::to_string(info.num_instructions) + "  # count, Instructions"),
              std::string::npos)
        << mode;
  }
}

TEST(CliRecord, AnExistingFileIsKept) {
  const TempFolder folder;
  folder.write("mine.nwt", "precious");
  const Ended ended = run_nestwalk({"record", "-o", "mine.nwt", "--", "/bin/true"}, folder);
  EXPECT_NE(ended.status, 0);
  EXPECT_NE(ended.err.find("--force"), std::string::npos) << ended.err;
  EXPECT_EQ(read_whole_file(folder.file("mine.nwt")), "precious");
}

TEST(CliTrace, SomethingElseIsNoTrace) {
  const TempFolder folder;
  folder.write("text.nwt", "I  04001000,3\n");
  const Ended ended = run_nestwalk({"trace", "info", "text.nwt"}, folder);
  EXPECT_EQ(ended.status, kInputError) << ended.err;
  EXPECT_NE(ended.err.find("text.nwt"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace nestwalk
