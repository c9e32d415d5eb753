// The RTL walker in the place of the TLM one, in whole runs: by blocking transport and with one
// access at a time every statistic but time is the same; with several walks at a time outcomes,
// faults and final memory are. The scoreboard is on; what it finds fails the run and so the test.
// NESTWALK_ACCESSES=N takes so many of the quickstart instead of the first few; times are printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/config/run_config.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_writer.h"
#include "tb/rtl_walker.h"
#include "tests/support/random_run.h"
#include "tests/support/timing_comparison.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFirstSeed = 70260501;
std::uint64_t quickstart_accesses() {
  const char* number = std::getenv("NESTWALK_ACCESSES");
  return number == nullptr ? 6000 : std::strtoull(number, nullptr, 0);
}

// Caching structures of the walker that a set of RTL parameters has.
enum class Structures : std::uint8_t { kNone, kNtlb, kWalkCaches };

void give(MachineParams& machine, Structures structures) {
  machine.mmu.prefetch.kind = PrefetchKind::kNone;
  WalkerParams& walker = machine.walker;
  walker.pwc = {};
  walker.pwc.organisation = PwcOrganisation::kNone;
  walker.ntlb = {};
  walker.ntlb.array = {0, 0};
  walker.slots = structures == Structures::kWalkCaches ? 1 : 4;
  if (structures == Structures::kNtlb) {
    walker.ntlb.array.entries = 4;
  }
  if (structures == Structures::kWalkCaches) {
    walker.pwc.organisation = PwcOrganisation::kUnified;
    walker.pwc.unified = {8, 0};
  }
}

class RtlPlatform : public testing::Test {
 protected:
  RtlPlatform() { register_rtl_walker(make_rtl_walker); }

  static RunParams with_rtl(RunParams params) {
    params.machine.walker.model = WalkerModel::kRtl;
    params.machine.walker.rtl.scoreboard = true;
    return params;
  }

  static RunReport timed_run(const char* name, const RunParams& params) {
    const auto begin = std::chrono::steady_clock::now();
    RunReport report = run_apart(params);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (report.end == "finished") {
      std::cout << name << ": " << report.count("core0.walker.walks") << " walks, "
                << report.count("core0.walker.cycles") << " cycles of the walker, " << time.count()
                << " s\n";
    }
    return report;
  }

  // Both walkers in the same run, by blocking transport, access by access, and overlapping.
  static void compare(const RunParams& params) {
    ASSERT_TRUE(find_problems(with_rtl(params)).empty())
        << find_problems(with_rtl(params)).front().message;
    const RunReport tlm = timed_run("TLM, lt", params);
    ASSERT_EQ(tlm.end, "finished") << tlm.message;
    const RunReport lt = timed_run("RTL, lt", with_rtl(params));
    EXPECT_EQ(lt.end, "finished") << lt.message;
    EXPECT_TRUE(lt.law_violations.empty()) << lt.law_violations.front();
    EXPECT_EQ(difference_but_time(tlm, lt), "");
    RunParams at = one_by_one(params);
    at.machine.walker.slots = params.machine.walker.slots;
    EXPECT_EQ(difference_but_time(tlm, timed_run("RTL, at", with_rtl(at))), "");
    at.machine.core.window = 16;
    const RunReport overlapping = timed_run("RTL, at, overlapping", with_rtl(at));
    EXPECT_TRUE(overlapping.law_violations.empty()) << overlapping.law_violations.front();
    EXPECT_EQ(difference_of_outcomes(tlm, overlapping), "");
  }

  TempFolder temp_;
};

class RtlPlatformRandom : public RtlPlatform, public testing::WithParamInterface<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Runs, RtlPlatformRandom,
                         testing::Range(std::uint64_t{0}, std::uint64_t{12}));

TEST_P(RtlPlatformRandom, DoesWhatTheTlmWalkerDoes) {
  RunParams params = random_run(kFirstSeed + GetParam());
  give(params.machine, static_cast<Structures>(GetParam() % 3));
  SCOPED_TRACE(testing::Message() << "seed " << kFirstSeed + GetParam());
  compare(params);
}

// The beginning of the example's trace.
void shorten_trace(const std::string& from, const std::string& to) {
  TraceReader reader(from);
  TraceWriter writer(to, {.command = reader.info().command, .source = "the beginning"});
  std::vector<TraceRecord> batch(256);
  while (writer.num_accesses() < quickstart_accesses()) {
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

class RtlPlatformQuickstart : public RtlPlatform, public testing::WithParamInterface<Mode> {};
INSTANTIATE_TEST_SUITE_P(Modes, RtlPlatformQuickstart,
                         testing::Values(Mode::kNative, Mode::kNested, Mode::kShadow),
                         [](const auto& param) {
                           return std::string(kModeNames[static_cast<unsigned>(param.param)]);
                         });

TEST_P(RtlPlatformQuickstart, HasTheSameOutcomesAndStatistics) {
  const fs::path file = fs::path(NESTWALK_SOURCE_DIR) / "configs/examples/rtl/quickstart.yaml";
  RunParams params = load_run(ConfigDocument::load(file.string()));
  EXPECT_EQ(params.machine.walker.model, WalkerModel::kRtl);
  EXPECT_TRUE(find_problems(params).empty());
  params.machine.walker.model = WalkerModel::kTlm;
  params.machine.walker.slots = 4;
  params.mode = GetParam();
  std::string& trace = params.vms[0].processes[0].workload.trace;
  shorten_trace(trace, temp_.file("beginning"));
  trace = temp_.file("beginning");
  compare(params);
}

// The hypervisor takes pages back while the walks of another core are under way; every translation
// is held against the tables.
TEST_F(RtlPlatform, KeepsTranslationsTrueUnderInvalidations) {
  RunParams params = small_run();
  give(params.machine, Structures::kNtlb);
  params.machine.timing = Timing::kAt;
  params.machine.core.window = 8;
  params.machine.cores = 2;
  params.check = Check::kAll;
  params.vms[0].vm.vcpus = 2;
  params.vms[0].vm.resident_limit_bytes = std::uint64_t{1} << 20;
  params.vms[0].processes[0].threads = 2;
  const RunReport report = run_apart(with_rtl(params));
  EXPECT_EQ(report.end, "finished") << report.message;
  EXPECT_TRUE(report.law_violations.empty()) << report.law_violations.front();
  EXPECT_GT(report.count("core0.walker.ntlb.invalidated"), 0U);
}

// ---- What it refuses ----

std::string refusal(const MachineParams& machine) {
  try {
    const Platform platform(machine);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST_F(RtlPlatform, RefusesSizesThatAreInNoSetAndSaysWhatThereIs) {
  MachineParams machine;
  give(machine, Structures::kNtlb);
  machine.walker.model = WalkerModel::kRtl;
  machine.walker.ntlb.array.entries = 5;
  const std::string text = refusal(machine);
  EXPECT_NE(text.find("5 entries of nested TLB"), std::string::npos) << text;
  EXPECT_NE(text.find("one_slot (Slots=1)"), std::string::npos) << text;
  EXPECT_NE(text.find("tb/walker_sets.cmake"), std::string::npos) << text;
}

TEST_F(RtlPlatform, RefusesSlotsThatAreInNoSetOnlyWhereTheyMatter) {
  MachineParams machine;
  give(machine, Structures::kNtlb);
  machine.walker.model = WalkerModel::kRtl;
  machine.walker.slots = 7;
  machine.timing = Timing::kAt;
  EXPECT_NE(refusal(machine).find("7 slots"), std::string::npos) << refusal(machine);
}

std::vector<std::string> paths_of_problems(const RunParams& params) {
  std::vector<std::string> paths;
  for (const ParameterProblem& problem : find_problems(params)) {
    paths.push_back(problem.key_path);
    EXPECT_NE(problem.message.find("walker rtl"), std::string::npos) << problem.message;
  }
  return paths;
}

TEST_F(RtlPlatform, NamesEachParameterThatTheRtlDoesNotHave) {
  RunParams params = small_run();
  give(params.machine, Structures::kNtlb);
  params.machine.walker.model = WalkerModel::kRtl;
  ASSERT_TRUE(find_problems(params).empty());
  params.machine.walker.ntlb.array = {4, 2, Replacement::kTreePlru};
  params.machine.walker.ntlb.serve_final_walk = false;
  params.machine.walker.ntlb.invalidate = InvalidateExtent::kBroad;
  params.machine.walker.pwc.organisation = PwcOrganisation::kPhysical;
  params.machine.mmu.prefetch.kind = PrefetchKind::kStride;
  EXPECT_EQ(paths_of_problems(params),
            (std::vector<std::string>{
                "machine.walker.ntlb.array.ways", "machine.walker.ntlb.array.replacement",
                "machine.walker.ntlb.serve_final_walk", "machine.walker.ntlb.invalidate",
                "machine.walker.pwc.organisation", "machine.mmu.prefetch.kind"}));
  give(params.machine, Structures::kWalkCaches);
  params.machine.walker.pwc.sharing = PwcSharing::kShared;
  params.machine.walker.pwc.unified.ways = 4;
  params.machine.walker.pwc.invalidate = InvalidateExtent::kBroad;
  EXPECT_EQ(paths_of_problems(params),
            (std::vector<std::string>{"machine.walker.pwc.sharing", "machine.walker.pwc.invalidate",
                                      "machine.walker.pwc.unified.ways"}));
  give(params.machine, Structures::kWalkCaches);
  params.machine.walker.pwc.organisation = PwcOrganisation::kPerLevel;
  params.machine.walker.pwc.level_2 = {8, 0};
  params.machine.walker.pwc.level_3 = {8, 0};
  params.machine.walker.pwc.level_4 = {4, 0};
  params.machine.walker.pwc.level_5 = {8, 0};
  EXPECT_EQ(paths_of_problems(params),
            std::vector<std::string>{"machine.walker.pwc.level_4.entries"});
}

}  // namespace
}  // namespace nestwalk
