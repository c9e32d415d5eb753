// `nestwalk cosim` as a user starts it: what passes, what a mismatch looks like, what is refused
// and what goes on after an interruption.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

const std::string kLists = std::string(NESTWALK_SOURCE_DIR) + "/configs/regressions/";

class CosimCommand : public testing::Test {
 protected:
  Ended run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "cosim");
    return run_nestwalk(std::move(arguments), folder_);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.file(name)) << text;
  }
  void expect_refused(const std::vector<std::string>& arguments, const std::string& text) const {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 2) << ended.out;
    EXPECT_NE(ended.err.find(text), std::string::npos) << ended.err;
  }

  TempFolder folder_;
};

// What continuous integration runs: 10^5 walks over three sets of parameters.
TEST_F(CosimCommand, TheRegressionPasses) {
  const Ended ended = run({kLists + "cosim.yaml", "--out", "r"});
  EXPECT_EQ(ended.status, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("3 of 3 runs passed, 102144 walks; results: r"), std::string::npos)
      << ended.out;
  EXPECT_NE(read_whole_file(folder_.file("r/junit.xml"))
                .find("<testsuite name=\"cosim-cosim\" tests=\"3\" failures=\"0\" skipped=\"0\""),
            std::string::npos);
  EXPECT_NE(read_whole_file(folder_.file("r/cosim.json")).find("\"walks\": 34048"),
            std::string::npos);
}

TEST_F(CosimCommand, AMismatchGivesItsLineAndTheCommandThatRepeatsIt) {
  const std::string list = kLists + "cosim.yaml";
  const Ended ended =
      run({list, "--only", "one-slot", "--out", "r", "--set", "walks=640", "--plant", "update:2"});
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_NE(ended.out.find("FAIL  one-slot"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("update: address is 0x"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("0 of 1 runs passed"), std::string::npos) << ended.out;
  EXPECT_NE(read_whole_file(folder_.file("r/junit.xml")).find("failures=\"1\""), std::string::npos);
  const std::string waves = "      waves: r/one-slot/case-";
  const std::size_t wave = ended.out.find(waves);
  ASSERT_NE(wave, std::string::npos) << ended.out;
  const std::size_t name = wave + waves.find("r/");
  EXPECT_GT(fs::file_size(folder_.file(ended.out.substr(name, ended.out.find('\n', name) - name))),
            100U);
  const std::string mark = "; again: ./nestwalk cosim ";
  const std::size_t at = ended.out.find(mark);
  ASSERT_NE(at, std::string::npos) << ended.out;
  std::istringstream line(ended.out.substr(at + mark.size()));
  std::string text;
  std::getline(line, text);
  std::istringstream words(text);
  const std::vector<std::string> again{std::istream_iterator<std::string>(words), {}};
  const Ended repeated = run(again);
  EXPECT_EQ(repeated.status, 1) << repeated.err;
  EXPECT_NE(repeated.out.find("FAIL  one-slot, case "), std::string::npos) << repeated.out;
  EXPECT_NE(repeated.out.find("update: address is 0x"), std::string::npos) << repeated.out;
}

TEST_F(CosimCommand, GoesOnWhereItStopped) {
  const std::vector<std::string> arguments = {
      kLists + "cosim.yaml", "--only", "one-slot", "--set", "walks=1280",
      "--part-walks",        "640",    "--resume", "--out", "r"};
  const Ended first = run(arguments);
  EXPECT_EQ(first.status, 0) << first.err;
  const fs::path kept = folder_.file("r/one-slot/cases-0-10.json");
  const fs::path gone = folder_.file("r/one-slot/cases-10-20.json");
  ASSERT_TRUE(fs::exists(kept) && fs::exists(gone));
  fs::remove(gone);
  const auto time = fs::last_write_time(kept);
  const Ended second = run(arguments);
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_NE(second.out.find("1280 walks"), std::string::npos) << second.out;
  EXPECT_TRUE(fs::exists(gone));
  EXPECT_EQ(fs::last_write_time(kept), time);
  // What was found under other parameters does not count.
  std::vector<std::string> others = arguments;
  others.insert(others.end(), {"--set", "seed=9"});
  EXPECT_EQ(run(others).status, 0);
  EXPECT_NE(fs::last_write_time(kept), time);
}

TEST_F(CosimCommand, OneConfigurationIsAListOfOne) {
  write("mine.yaml", "walker: one_slot\nwalks: 100\nmemory: {max_latency_cycles: 3}\n");
  const Ended ended = run({"mine.yaml"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_NE(ended.out.find("ok    mine"), std::string::npos) << ended.out;
  EXPECT_TRUE(fs::exists(folder_.file("out/001-cosim-mine/junit.xml")) ||
              ended.out.find("results: ") != std::string::npos);
}

TEST_F(CosimCommand, RefusesWhatIsWrong) {
  write("walker.yaml", "walker: for_slots\n");
  expect_refused({"walker.yaml"}, "no RTL walker is called 'for_slots'; did you mean four_slots?");
  write("variant.yaml", "walker: four_slots+colour\n");
  expect_refused({"variant.yaml"}, "has no variant '+colour'");
  write("format.yaml", "tables: {guest_formats: 'x86-4level, x86-6level'}\n");
  expect_refused({"format.yaml"},
                 "format.yaml:1:25: 'tables.guest_formats': no format of this stage is called "
                 "'x86-6level'");
  write("empty_format.yaml", "tables: {host_formats: ','}\n");
  expect_refused({"empty_format.yaml"}, "names no format");
  write("latency.yaml", "memory: {min_latency_cycles: 9, max_latency_cycles: 3}\n");
  expect_refused({"latency.yaml"}, "3 cycles, but memory.min_latency_cycles is 9");
  write("dog.yaml", "watchdog_cycles: 100\nmemory: {max_latency_cycles: 50}\n");
  expect_refused({"dog.yaml"}, "would take a slow answer for a standstill");
  write("key.yaml", "walkr: four_slots\n");
  expect_refused({"key.yaml"}, "did you mean 'walker'?");
  write("list.yaml", "runs: [{set: walks=3}, {name: a}, {name: a}]\n");
  expect_refused({"list.yaml"}, "an entry needs a name");
  expect_refused({"list.yaml"}, "a second run 'a'");
  write("bad_list.yaml", "runs: [{name: a, set: walks=none}]\n");
  expect_refused({"bad_list.yaml"}, "run 'a': ");
  expect_refused({"missing.yaml"}, "missing.yaml");
  const std::string list = kLists + "cosim.yaml";
  expect_refused({list, "--only", "seven"}, "no run of");
  expect_refused({list, "--cases", "3"}, "choose one with --only");
  expect_refused({list, "--cases", "a"}, "--cases: found 'a', expected a case");
  expect_refused({list, "--cases", "5:5"}, "--cases: found '5:5'");
  expect_refused({list, "--plant", "reed:1"}, "--plant: found 'reed:1', expected KIND:N");
  expect_refused({list, "--wave", "a.fst"}, "--wave needs --cases");
  expect_refused({list, "--resume"}, "--resume needs the results folder");
  expect_refused({list, "--part-walks", "0"}, "--part-walks");
}

}  // namespace
}  // namespace nestwalk
