// `nestwalk run --log`: JSON lines, bounded, of one mode, and nothing else changes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << line;
  }
  return lines;
}

TEST(CliLog, WritesJsonLinesAndLeavesTheResultsAsTheyAre) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended with = run_nestwalk({"run", "run.yaml", "--mode", "shadow", "--set",
                                   "machine.timing=at", "--out", "a", "--log", "log.jsonl"},
                                  folder);
  ASSERT_EQ(with.status, 0) << with.err;
  EXPECT_EQ(with.err, "");
  const Ended without = run_nestwalk(
      {"run", "run.yaml", "--mode", "shadow", "--set", "machine.timing=at", "--out", "b"}, folder);
  ASSERT_EQ(without.status, 0) << without.err;
  EXPECT_EQ(read_whole_file(folder.file("a/stats.json")),
            read_whole_file(folder.file("b/stats.json")));
  std::set<std::string> kinds;
  std::uint64_t last_cycle = 0;
  for (const nlohmann::json& line : lines_of(read_whole_file(folder.file("log.jsonl")))) {
    kinds.insert(line.at("what"));
    if (line.at("what") != "accessed_dirty") {  // told when its walk goes on
      EXPECT_GE(line.at("cycle").get<std::uint64_t>(), last_cycle) << line;
      last_cycle = line.at("cycle");
    }
  }
  for (const char* kind : {"vm_exit", "vm_entry", "page_fault", "handler_end", "table_write",
                           "frame_zeroed", "invalidation", "system_call", "switch"}) {
    EXPECT_EQ(kinds.count(kind), 1U) << kind;
  }
}

TEST(CliLog, IsBoundedAndSaysWhatIsLeftOut) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended = run_nestwalk({"run", "run.yaml", "--mode", "nested", "--out", "a", "--log",
                                    "log.jsonl", "--log-limit", "7"},
                                   folder);
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(lines_of(read_whole_file(folder.file("log.jsonl"))).size(), 7U);
  EXPECT_NE(ended.err.find("the first 7 records; "), std::string::npos) << ended.err;
}

TEST(CliLog, IsOfOneModeAndMustBeWritable) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  Ended ended = run_nestwalk(
      {"run", "run.yaml", "--compare", "native,nested", "--out", "a", "--log", "l"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("a log is of one mode"), std::string::npos) << ended.err;
  ended =
      run_nestwalk({"run", "run.yaml", "--mode", "nested", "--out", "b", "--log", "no/l"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("cannot write no/l"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace nestwalk
