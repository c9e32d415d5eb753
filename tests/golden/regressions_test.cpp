// The regression list leaves nothing out: every shipped trace and every kind of workload, natively
// and in a VM, timing lt and at; every example. And running it does what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/cli/regression_list.h"
#include "model/config/problem.h"
#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

const fs::path kConfigs = fs::path(NESTWALK_SOURCE_DIR) / "configs";
const std::string kList = (kConfigs / "regressions/all.yaml").string();

using Combination = std::pair<Mode, Timing>;
const std::set<Combination> kAllCombinations = {
    {Mode::kNative, Timing::kLt}, {Mode::kNative, Timing::kAt}, {Mode::kNested, Timing::kLt},
    {Mode::kNested, Timing::kAt}, {Mode::kShadow, Timing::kLt}, {Mode::kShadow, Timing::kAt}};

std::vector<fs::path> files_in(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) {
      files.push_back(fs::canonical(entry.path()));
    }
  }
  return files;
}

// What is run of each thing that `key_of` finds in a workload.
template <class Key, class KeyOf>
std::map<Key, std::set<Combination>> combinations_of(KeyOf key_of) {
  std::map<Key, std::set<Combination>> found;
  for (const RegressionRun& run : load_regression(kList)) {
    for (const VirtualMachineParams& vm : run.params.vms) {
      for (const ProcessParams& process : vm.processes) {
        found[key_of(process.workload)].insert({run.params.mode, run.params.machine.timing});
      }
    }
  }
  return found;
}

TEST(Regressions, EveryTraceIsRunInEveryModeAndTiming) {
  auto found = combinations_of<std::string>([](const WorkloadParams& w) {
    return w.kind == WorkloadKind::kTrace ? fs::canonical(w.trace).string() : std::string();
  });
  const std::vector<fs::path> traces = files_in(kConfigs / "traces", ".nwt");
  EXPECT_FALSE(traces.empty());
  for (const fs::path& trace : traces) {
    EXPECT_EQ(found[trace.string()], kAllCombinations) << trace << " is not on " << kList;
  }
}

TEST(Regressions, EveryKindOfWorkloadIsRunInEveryModeAndTiming) {
  auto found = combinations_of<WorkloadKind>([](const WorkloadParams& w) { return w.kind; });
  for (std::size_t kind = 0; kind < kWorkloadKindNames.size(); ++kind) {
    EXPECT_EQ(found[static_cast<WorkloadKind>(kind)], kAllCombinations)
        << kWorkloadKindNames[kind] << " is not on " << kList;
  }
}

TEST(Regressions, EveryExampleIsRunInBothTimings) {
  std::map<std::string, std::set<Timing>> found;
  for (const RegressionRun& run : load_regression(kList)) {
    found[fs::canonical(run.config).string()].insert(run.params.machine.timing);
  }
  for (const fs::path& example : files_in(kConfigs / "examples", ".yaml")) {
    EXPECT_EQ(found[example.string()], (std::set<Timing>{Timing::kLt, Timing::kAt}))
        << example << " is not on " << kList;
  }
}

TEST(Regressions, APartOfTheListRuns) {
  const TempFolder folder;
  const Ended ended =
      run_nestwalk({"regress", kList, "--only", "quickstart", "--out", "r"}, folder);
  EXPECT_EQ(ended.status, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("6 of 6 runs passed; results: r\n"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("seeds cc1-histogram.nwt"), std::string::npos) << ended.out;
  for (const char* name :
       {"native-lt", "native-at", "nested-lt", "nested-at", "shadow-lt", "shadow-at"}) {
    const fs::path run = fs::path(folder.file("r")) / ("quickstart-" + std::string(name));
    const auto stats = nlohmann::json::parse(read_whole_file((run / "stats.json").string()));
    EXPECT_EQ(stats.at("end"), "measured") << run;
    EXPECT_TRUE(fs::exists(run / "run.log"));
  }
  const std::string junit = read_whole_file(folder.file("r/junit.xml"));
  EXPECT_NE(junit.find("<testsuite name=\"all\" tests=\"6\" failures=\"0\" skipped=\"0\""),
            std::string::npos)
      << junit;
}

constexpr const char* kTinyList = R"(set: measure_accesses=500
runs:
  - {config: run.yaml, modes: native, timings: lt}
  - {name: wrong-end, config: run.yaml, modes: native, timings: at, end: finished}
  - {name: no-memory, config: run.yaml, modes: nested, timings: lt, set: machine.memory_bytes=1MiB, end: vm_stopped}
)";

TEST(Regressions, ARunThatEndsOtherwiseFailsTheList) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  folder.write("list.yaml", kTinyList);
  const Ended ended = run_nestwalk({"regress", "list.yaml", "--jobs", "1", "--out", "r"}, folder);
  EXPECT_EQ(ended.status, 1) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("ok    run-native-lt"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("FAIL  wrong-end-native-at"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("it ended 'measured', expected 'finished'; again: ./nestwalk run "),
            std::string::npos)
      << ended.out;
  EXPECT_NE(read_whole_file(folder.file("r/junit.xml")).find("failures=\"2\""), std::string::npos);
}

TEST(Regressions, WhatIsWrongInTheListIsSaidBeforeAnythingRuns) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  folder.write("list.yaml",
               "runs:\n"
               "  - {config: run.yaml, modes: native}\n"
               "  - {config: run.yaml, modes: native}\n"
               "  - {name: b, config: run.yaml, modes: nativ}\n"
               "  - {modes: native}\n");
  const Ended ended = run_nestwalk({"regress", "list.yaml", "--out", "r"}, folder);
  EXPECT_EQ(ended.status, 2);
  for (const char* said : {"list.yaml:3:5: 'runs.1': a second run 'run-native-lt'; give it a name",
                           "run 'b-nativ-lt'", "an entry needs a config"}) {
    EXPECT_NE(ended.err.find(said), std::string::npos) << said << "\n" << ended.err;
  }
  EXPECT_FALSE(fs::exists(folder.file("r")));
  folder.write("good.yaml", kTinyList);
  const Ended none = run_nestwalk({"regress", "good.yaml", "--only", "xyz"}, folder);
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.err.find("no run of good.yaml has 'xyz' in its name"), std::string::npos);
}

}  // namespace
}  // namespace nestwalk
