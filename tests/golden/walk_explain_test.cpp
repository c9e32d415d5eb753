// The text of `--explain`, as a whole. After a wanted change, look at the new text and copy it:
//   nestwalk walk --explain tests/golden/walk_explain_NAME.jsonl >
//   tests/golden/walk_explain_NAME.txt
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "model/cli/program.h"

namespace nestwalk {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class WalkExplanation : public testing::TestWithParam<const char*> {};

TEST_P(WalkExplanation, ReadsAsBefore) {
  const std::string base =
      std::string(NESTWALK_SOURCE_DIR "/tests/golden/walk_explain_") + GetParam();
  const std::string requests = base + ".jsonl";
  const char* const arguments[] = {"nestwalk", "walk", "--explain", requests.c_str()};
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_program(4, arguments, {in, out, err}), kExitOk) << err.str();
  EXPECT_EQ(out.str(), read_file(base + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Golden, WalkExplanation,
                         testing::Values("nested_write", "faults", "native", "agile"));

}  // namespace
}  // namespace nestwalk
