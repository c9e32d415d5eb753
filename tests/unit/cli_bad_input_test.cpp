// What the program says and answers when its input is not what it should be. Every mistake is one
// message that names what was found and what to do, and leaves nothing behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr int kUsage = 2;
constexpr int kInput = 3;

const std::string kShippedTrace =
    std::string(NESTWALK_SOURCE_DIR) + "/configs/traces/cc1-histogram.nwt";

std::size_t num_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// One line, with all of `parts` in it.
void expect_message(const Ended& ended, int status, const std::vector<std::string>& parts) {
  EXPECT_EQ(ended.status, status) << ended.err;
  EXPECT_EQ(num_lines(ended.err), 1U) << ended.err;
  EXPECT_EQ(ended.out, "");
  for (const std::string& part : parts) {
    EXPECT_NE(ended.err.find(part), std::string::npos) << part << "\n" << ended.err;
  }
}

// Runs a configuration of one process that replays `content`, in one mode and side by side, and
// looks at the file with `trace info`.
void expect_bad_trace(const std::string& content, const std::vector<std::string>& parts) {
  const TempFolder folder;
  folder.write("bad.nwt", content);
  folder.write("run.yaml", "vms: [{processes: [{workload: {kind: trace, trace: bad.nwt}}]}]\n");
  std::vector<std::string> all = parts;
  all.emplace_back("bad.nwt");
  expect_message(run_nestwalk({"run", "run.yaml"}, folder), kInput, all);
  expect_message(run_nestwalk({"run", "run.yaml", "--compare", "native,nested"}, folder), kInput,
                 all);
  expect_message(run_nestwalk({"trace", "info", "bad.nwt"}, folder), kInput, all);
  EXPECT_FALSE(fs::exists(folder.file("out"))) << "no results folder for a run that never was";
}

TEST(CliBadInput, TruncatedTrace) {
  const std::string whole = read_whole_file(kShippedTrace);
  expect_bad_trace(whole.substr(0, whole.size() / 2), {"cut off", "again"});
  expect_bad_trace(whole.substr(0, whole.size() - 1), {"cut off"});
  expect_bad_trace(whole.substr(0, 12), {"cut off"});
}

TEST(CliBadInput, GitLfsPointerInsteadOfATrace) {
  expect_bad_trace(
      "version https://git-lfs.github.com/spec/v1\n"
      "oid sha256:0e4d3c1f5a1b2c3d\nsize 2452811\n",
      {"Git LFS pointer", "git lfs pull"});
}

TEST(CliBadInput, TextWithCrlfInsteadOfATrace) {
  expect_bad_trace("0x1000 r 8\r\n0x2000 w 8\r\n", {"CRLF", "nestwalk record"});
}

TEST(CliBadInput, TraceWhoseLineEndsWereConverted) {
  std::string converted;
  for (const char c : read_whole_file(kShippedTrace).substr(0, 4096)) {
    converted += c == '\n' ? std::string("\r\n") : std::string(1, c);
  }
  expect_bad_trace(converted, {"line ends were converted", "binary mode"});
}

TEST(CliBadInput, EmptyFileInsteadOfATrace) {
  expect_bad_trace("", {"an empty file", "nestwalk record"});
}

TEST(CliBadInput, MissingTraceIsAMistakeOfTheConfiguration) {
  const TempFolder folder;
  folder.write("run.yaml", "vms: [{processes: [{workload: {kind: trace, trace: no.nwt}}]}]\n");
  expect_message(run_nestwalk({"run", "run.yaml"}, folder), kUsage,
                 {"run.yaml:1:", "workload.trace", "no.nwt"});
  EXPECT_EQ(run_nestwalk({"trace", "info", "no.nwt"}, folder).status, kInput);
}

TEST(CliBadInput, KeyOffByOneLetter) {
  const TempFolder folder;
  folder.write("run.yaml", "machine:\n  clock_mhz: 3000\n  tabel_path: flat\n");
  expect_message(run_nestwalk({"run", "run.yaml"}, folder), kUsage,
                 {"run.yaml:3:3", "tabel_path", "did you mean 'table_path'?"});
}

TEST(CliBadInput, ConfigurationWithCrlfIsReadAndAnEmptyOneExplained) {
  const TempFolder folder;
  std::string crlf;
  for (const char c : std::string(kTinyRun)) {
    crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  }
  folder.write("crlf.yaml", crlf);
  const Ended ended = run_nestwalk({"run", "crlf.yaml"}, folder);
  EXPECT_EQ(ended.status, 0) << ended.err;
  folder.write("empty.yaml", "");
  expect_message(run_nestwalk({"run", "empty.yaml"}, folder), kUsage, {"empty.yaml:1:1", "empty"});
}

TEST(CliBadInput, MissingConfiguration) {
  const TempFolder folder;
  expect_message(run_nestwalk({"run", "no.yaml"}, folder), kUsage, {"no.yaml", "no file"});
  expect_message(run_nestwalk({"run", "."}, folder), kUsage, {"is a folder"});
}

TEST(CliBadInput, PathsInAFileAreRelativeToTheFile) {
  const TempFolder folder;
  fs::create_directories(folder.file("a/traces"));
  fs::create_directories(folder.file("b"));
  fs::copy_file(kShippedTrace, folder.file("a/traces/t.nwt"));
  folder.write("a/base.yaml",
               "vms: [{processes: [{workload: {kind: trace, trace: traces/t.nwt}}]}]\n");
  folder.write("b/run.yaml", "extends: ../a/base.yaml\nmode: native\n");
  const Ended shown = run_nestwalk({"config", "show", "../b/run.yaml"}, folder, "a");
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_NE(shown.out.find("a/traces/t.nwt"), std::string::npos) << shown.out;
  // On the command line they are relative to where the user is.
  const Ended here = run_nestwalk(
      {"config", "show", "../b/run.yaml", "--set", "vms.0.processes.0.workload.trace=traces/t.nwt"},
      folder, "a");
  EXPECT_EQ(here.status, 0) << here.err;
  EXPECT_EQ(here.out, shown.out);
}

TEST(CliBadInput, UnknownCommandOptionAndArgument) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended command = run_nestwalk({"rnu", "run.yaml"}, folder);
  EXPECT_EQ(command.status, kUsage);
  EXPECT_NE(command.err.find("unknown command rnu; did you mean run?"), std::string::npos);
  const Ended option = run_nestwalk({"run", "run.yaml", "--fource"}, folder);
  EXPECT_EQ(option.status, kUsage);
  EXPECT_NE(option.err.find("unknown option --fource; did you mean --force?"), std::string::npos);
  const Ended argument = run_nestwalk({"run", "run.yaml", "other.yaml"}, folder);
  EXPECT_EQ(argument.status, kUsage);
  EXPECT_NE(argument.err.find("one argument too many: other.yaml"), std::string::npos);
  const Ended nothing = run_nestwalk({}, folder);
  EXPECT_EQ(nothing.status, kUsage);
  EXPECT_NE(nothing.err.find("nestwalk run configs/examples/quickstart.yaml"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder.file("out")));
}

TEST(CliBadInput, UnknownMode) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  expect_message(run_nestwalk({"run", "run.yaml", "--compare", "native,shdow"}, folder), kUsage,
                 {"--compare", "'shdow' is no mode", "native, nested"});
  expect_message(run_nestwalk({"run", "run.yaml", "--compare", "native,native"}, folder), kUsage,
                 {"twice"});
  expect_message(run_nestwalk({"run", "run.yaml", "--mode", "nestd"}, folder), kUsage,
                 {"--mode", "'nestd' is no mode"});
}

TEST(CliBadInput, SwitchingThatCannotBe) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const auto run = [&](const std::string& setting) {
    return run_nestwalk({"run", "run.yaml", "--mode", "dsp", "--set", setting}, folder);
  };
  expect_message(run("vms.0.switch.dsp.tlb_lower=11"), kUsage,
                 {"vms.0.switch.dsp.tlb_lower", "above dsp.tlb_upper"});
  expect_message(run("vms.0.switch.interval_instructions=0"), kUsage,
                 {"vms.0.switch.interval_instructions", "never ends in a decision"});
  expect_message(run("vms.0.switch.schedule=nsq"), kUsage, {"vms.0.switch.schedule", "letter"});
}

TEST(CliBadInput, ResultsAreNotOverwritten) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  fs::create_directory(folder.file("r"));
  folder.write("r/notes", "precious");
  expect_message(run_nestwalk({"run", "run.yaml", "--out", "r"}, folder), kUsage,
                 {"r exists and is not empty", "--force"});
  expect_message(
      run_nestwalk({"run", "run.yaml", "--out", "r", "--compare", "native,nested"}, folder), kUsage,
      {"r exists and is not empty"});
  EXPECT_FALSE(fs::exists(folder.file("r/stats.json")));
  const Ended forced = run_nestwalk({"run", "run.yaml", "--out", "r", "--force"}, folder);
  EXPECT_EQ(forced.status, 0) << forced.err;
  EXPECT_TRUE(fs::exists(folder.file("r/stats.json")));
  EXPECT_EQ(read_whole_file(folder.file("r/notes")), "precious");
}

TEST(CliBadInput, VirtualMachineLargerThanItsHost) {
  const TempFolder folder;
  folder.write("run.yaml", R"(machine: {memory_bytes: 64 MiB}
vms:
  - memory_bytes: 128 MiB
    processes:
      - workload: {kind: gups, footprint_bytes: 96 MiB, num_accesses: 100000}
)");
  for (const char* mode : {"native", "nested", "shadow"}) {
    expect_message(run_nestwalk({"run", "run.yaml", "--mode", mode, "--out", mode}, folder), kUsage,
                   {"machine.memory_bytes"});
  }
}

TEST(CliBadInput, GuestWithTooLittleMemoryForItsProcess) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended = run_nestwalk({"run", "run.yaml", "--set", "vms.0.memory_bytes=2 MiB", "--set",
                                    "vms.0.processes.0.workload.footprint_bytes=16 MiB", "--set",
                                    "vms.0.processes.0.workload.num_accesses=20000"},
                                   folder);
  expect_message(ended, kUsage, {"memory"});
}

TEST(CliBadInput, RecordDoesNotOverwriteAndNamesWhatIsMissing) {
  const TempFolder folder;
  folder.write("t.nwt", "precious");
  expect_message(run_nestwalk({"record", "-o", "t.nwt", "--", "true"}, folder), kUsage,
                 {"t.nwt exists already", "--force"});
  expect_message(
      run_nestwalk({"record", "-o", "t.nwt", "--force", "--", "no-such-program"}, folder), kUsage,
      {"no-such-program", "no such program"});
  expect_message(run_nestwalk({"record", "-o", "nowhere/t.nwt", "--", "true"}, folder), kUsage,
                 {"there is no folder nowhere"});
  expect_message(run_nestwalk({"record", "-o", ".", "--", "true"}, folder), kUsage,
                 {"is a folder"});
  EXPECT_EQ(read_whole_file(folder.file("t.nwt")), "precious");
}

}  // namespace
}  // namespace nestwalk
