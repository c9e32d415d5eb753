// Blocking and non-blocking transport agree. With one access at a time and one walker slot in every
// statistic that is no time; with a window, several slots, small queues and busy memory in
// accesses, outcomes, faults and final memory. Over 100 random runs and every example that ships,
// shortened. NESTWALK_SEED=N repeats the run of that seed (any case of LtAtRandom).
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "model/config/run_config.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_writer.h"
#include "tests/property/lt_at_random.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFirstSeed = 70260101;
constexpr std::uint64_t kRunsOfACase = 4;
constexpr std::uint64_t kNumCases = 25;

class LtAtRandom : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Runs, LtAtRandom, testing::Range(std::uint64_t{0}, kNumCases));

TEST_P(LtAtRandom, Agree) {
  if (const char* seed = std::getenv("NESTWALK_SEED")) {
    compare_random_runs(std::strtoull(seed, nullptr, 0), 1);
    return;
  }
  const std::uint64_t first = kFirstSeed + GetParam() * kRunsOfACase;
  std::cout << "seeds " << first << " to " << first + kRunsOfACase - 1 << '\n';
  compare_random_runs(first, kRunsOfACase);
}

struct Example {
  fs::path file;
  Mode mode = Mode::kNested;

  [[nodiscard]] std::string name() const {
    std::string name = file.stem().string() + "_";
    name += kModeNames[static_cast<unsigned>(mode)];
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
  }
};

void PrintTo(const Example& example, std::ostream* out) {
  *out << example.name();
}

std::vector<Example> examples() {
  std::vector<Example> all;
  for (const auto& entry :
       fs::directory_iterator(fs::path(NESTWALK_SOURCE_DIR) / "configs/examples")) {
    if (entry.path().extension() == ".yaml") {
      all.push_back({entry.path(), Mode::kNative});
      all.push_back({entry.path(), Mode::kNested});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Example& a, const Example& b) { return a.name() < b.name(); });
  return all;
}

constexpr std::uint64_t kNumAccesses = 1500;

// The beginning of a trace.
void shorten_trace(const std::string& from, const std::string& to) {
  TraceReader reader(from);
  TraceWriter writer(to, {.command = reader.info().command, .source = "the beginning"});
  // Its initial regions come as events of the stream.
  std::vector<TraceRecord> batch(256);
  while (writer.num_accesses() < kNumAccesses) {
    const std::size_t count = reader.next_batch(batch);
    if (count == 0) {
      break;
    }
    for (std::size_t i = 0; i < count; ++i) {
      writer.append(batch[i]);
    }
  }
  writer.finish({});
}

class LtAtExample : public testing::TestWithParam<Example> {
 protected:
  // The example with few accesses, and time slices to match.
  RunParams shortened() {
    RunParams params = load_run(ConfigDocument::load(GetParam().file.string()));
    params.mode = GetParam().mode;
    if (params.mode == Mode::kNative) {
      params.vms.resize(1);
    }
    params.time_slice_accesses = std::min<std::uint64_t>(params.time_slice_accesses, 400);
    unsigned number = 0;
    for (VirtualMachineParams& vm : params.vms) {
      for (ProcessParams& process : vm.processes) {
        WorkloadParams& workload = process.workload;
        workload.num_accesses = std::min(workload.num_accesses, kNumAccesses);
        for (PhaseParams& phase : workload.phases) {
          phase.num_accesses = std::min(phase.num_accesses, kNumAccesses);
        }
        if (workload.kind == WorkloadKind::kTrace) {
          const std::string beginning = temp_.file("beginning" + std::to_string(number++));
          shorten_trace(workload.trace, beginning);
          workload.trace = beginning;
        }
      }
    }
    return params;
  }

  TempFolder temp_;
};

INSTANTIATE_TEST_SUITE_P(Examples, LtAtExample, testing::ValuesIn(examples()),
                         [](const auto& param) { return param.param.name(); });

TEST_P(LtAtExample, Agree) {
  const RunParams params = shortened();
  const RunReport lt = run_apart(params);
  ASSERT_EQ(lt.end, "finished") << lt.message;
  EXPECT_TRUE(lt.law_violations.empty()) << lt.law_violations.front();
  EXPECT_GE(lt.count("run.accesses"), kNumAccesses);
  EXPECT_EQ(difference_but_time(lt, run_apart(one_by_one(params))), "");
  for (const std::uint32_t slots : {1U, 4U}) {
    RunParams overlapping = params;
    overlapping.machine.timing = Timing::kAt;
    overlapping.machine.core.window = 16;
    overlapping.machine.walker.slots = slots;
    EXPECT_EQ(difference_of_outcomes(lt, run_apart(overlapping)), "") << slots << " slots";
  }
}

// What the comparison itself can see.
TEST(LtAtComparison, SeesACounterAndAChangedMemory) {
  const RunParams params = small_run();
  const RunReport report = run_apart(params);
  EXPECT_EQ(difference_but_time(report, report), "");
  RunParams other = params;
  other.machine.mmu.l2_tlb.page_4k.entries = 12;
  const RunReport changed = run_apart(other);
  EXPECT_NE(difference_but_time(report, changed).find("core0.mmu.walks"), std::string::npos);
  EXPECT_EQ(difference_of_outcomes(report, changed), "") << "a TLB changes no outcome";
  other.vms[0].processes[0].workload.seed += 1;
  EXPECT_NE(difference_of_outcomes(report, run_apart(other)).find("final memory"),
            std::string::npos);
}

// The overlap is there: misses join walks, walks wait for slots, accesses are made again.
TEST(LtAtComparison, RunsOverlap) {
  RunParams params = small_run();
  params.machine.timing = Timing::kAt;
  params.machine.core.window = 16;
  params.machine.walker.slots = 2;
  const RunReport report = run_apart(params);
  EXPECT_GT(report.count("core0.squashed"), 0U);
  EXPECT_GT(report.count("core0.mmu.merged"), 0U);
  EXPECT_GT(report.count("core0.walker.queue_cycles"), 0U);
}

}  // namespace
}  // namespace nestwalk
