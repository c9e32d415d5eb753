// Translation prefetch in whole runs: it hides walks and changes nothing that a program could see.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

struct Case {
  Timing timing = Timing::kLt;
  Mode mode = Mode::kNative;
  WorkloadKind workload = WorkloadKind::kStream;
  PrefetchTarget target = PrefetchTarget::kBuffer;

  [[nodiscard]] std::string name() const {
    return std::string(kTimingNames[static_cast<unsigned>(timing)]) + "_" +
           std::string(kModeNames[static_cast<unsigned>(mode)]) + "_" +
           std::string(kWorkloadKindNames[static_cast<unsigned>(workload)]) + "_" +
           std::string(kPrefetchTargetNames[static_cast<unsigned>(target)]);
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const Mode mode : {Mode::kNative, Mode::kNested}) {
      for (const WorkloadKind workload : {WorkloadKind::kStream, WorkloadKind::kChurn}) {
        for (const PrefetchTarget target : {PrefetchTarget::kBuffer, PrefetchTarget::kL2}) {
          all.push_back({timing, mode, workload, target});
        }
      }
    }
  }
  return all;
}

RunParams params_of(const Case& c) {
  RunParams params = small_run();
  params.mode = c.mode;
  params.machine.timing = c.timing;
  params.machine.core.window = 4;
  params.machine.mmu.l1_dtlb.page_4k = ArrayParams{16, 4};
  params.machine.mmu.l2_tlb.page_4k = ArrayParams{64, 4};
  params.machine.mmu.prefetch.target = c.target;
  params.vms[0].guest.preset_accessed_dirty = false;  // walks have bits to set
  WorkloadParams& workload = params.vms[0].processes[0].workload;
  workload.kind = c.workload;
  workload.footprint_bytes = std::uint64_t{384} << 10;
  workload.num_accesses = 200000;
  if (c.workload == WorkloadKind::kChurn) {  // pages go away while walks ahead are under way
    workload.num_accesses = 20000;
    workload.churn.num_regions = 3;
    workload.churn.accesses_per_region = 60;
  }
  return params;
}

class Prefetch : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Runs, Prefetch, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.name(); });

TEST_P(Prefetch, HidesWalksAndChangesNoOutcome) {
  RunParams params = params_of(GetParam());
  const RunReport without = run_apart(params);
  params.machine.mmu.prefetch.kind = PrefetchKind::kNextPage;
  const RunReport with = run_apart(params);
  for (const RunReport* report : {&without, &with}) {
    ASSERT_EQ(report->end, "finished") << report->message;
    EXPECT_TRUE(report->law_violations.empty()) << report->law_violations.front();
  }
  for (const char* name : {"run.accesses", "run.segfaults", "core0.instructions", "core0.reads",
                           "core0.writes", "core0.abandoned", "vm0.guest.faults"}) {
    EXPECT_EQ(with.count(name), without.count(name)) << name;
  }
  EXPECT_EQ(with.memory_checksum, without.memory_checksum) << "accessed and dirty bits included";

  const auto of = [&](const std::string& name) { return with.count("core0.mmu.prefetch." + name); };
  EXPECT_GT(of("issued"), 0U);
  EXPECT_EQ(of("issued"), of("filled") + of("late") + of("abandoned") + of("dropped"))
      << "none is under way at the end";
  if (GetParam().workload == WorkloadKind::kStream) {
    EXPECT_GT(of("useful"), 0U);
    EXPECT_LT(with.count("core0.mmu.walks"), without.count("core0.mmu.walks"));
  }
}

}  // namespace
}  // namespace nestwalk
