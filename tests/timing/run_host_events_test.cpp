// Whole runs in which the hypervisor works on a VM's memory while the VM runs.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

HostEventParams event(HostAction action, std::uint64_t at, std::uint64_t every = 0,
                      std::uint64_t length_bytes = 0) {
  HostEventParams params;
  params.action = action;
  params.at_accesses = at;
  params.every_accesses = every;
  params.length_bytes = length_bytes;
  return params;
}

// Every action there is.
RunParams busy_run() {
  RunParams params = small_run();
  VmParams& vm = params.vms[0].vm;
  vm.accessed_dirty = true;
  vm.backing = PageSize::k2M;
  vm.host_events = {event(HostAction::kDirtyLogStart, 200),
                    event(HostAction::kDirtyLogHarvest, 300, 200),
                    event(HostAction::kDirtyLogStop, 800),
                    event(HostAction::kMerge, 850),
                    event(HostAction::kSplit, 900),
                    event(HostAction::kMigrate, 950),
                    event(HostAction::kCollapse, 1000),
                    event(HostAction::kReclaim, 1100, 0, std::uint64_t{1} << 20),
                    event(HostAction::kBalloonInflate, 1200, 0, std::uint64_t{1} << 20),
                    event(HostAction::kBalloonDeflate, 1300, 0, std::uint64_t{1} << 19)};
  params.vms[0].processes[0].workload.num_accesses = 1500;
  return params;
}

void expect_sound(const RunReport& report) {
  EXPECT_EQ(report.end, "finished") << report.message;
  EXPECT_EQ(report.law_violations, std::vector<std::string>{});
  EXPECT_EQ(report.num_segfaults, 0U);
  EXPECT_EQ(report.ledger_cycles, report.core_cycles);
}

TEST(RunHostEvents, EachHappensWhenItIsDueAndShows) {
  const RunReport report = run_apart(busy_run());
  expect_sound(report);
  const std::string vm = "hypervisor.vm0.";
  EXPECT_EQ(report.count("run.accesses"), 1500U);
  // Harvests at 300, 500 ... 1500, before the end is found.
  EXPECT_EQ(report.count(vm + "host_events"), 9U + 7);
  EXPECT_EQ(report.count(vm + "dirty_log.started"), 1U);
  EXPECT_EQ(report.count(vm + "dirty_log.harvested"), 3U) << "later there is no log";
  EXPECT_GT(report.count(vm + "dirty_log.pages_harvested"), 0U);
  EXPECT_GT(report.count(vm + "merge.level2"), 0U);
  EXPECT_GT(report.count(vm + "split.level2"), 0U);
  EXPECT_GT(report.count(vm + "migration.pages"), 0U);
  EXPECT_GT(report.count(vm + "collapse.level2"), 0U);
  EXPECT_EQ(report.count(vm + "reclaim.pages_swapped_out"), 256U);
  EXPECT_GT(report.count(vm + "reclaim.pages_swapped_in"), 0U);
  EXPECT_EQ(report.count(vm + "balloon.pages_taken") + report.count(vm + "balloon.pages_absent"),
            256U);
  EXPECT_GE(report.count(vm + "balloon.pages_returned"), 128U);
  for (const char* cause : {"dirty_log", "host_split_merge", "migration", "reclaim", "swap_in"}) {
    EXPECT_GT(report.count(std::string("ledger.total.") + cause), 0U) << cause;
  }
}

TEST(RunHostEvents, TimingDoesNotChangeWhatIsDone) {
  for (const TagRules rules : {TagRules::kIntel, TagRules::kAmd}) {
    RunParams params = busy_run();
    params.machine.tag_rules = rules;
    params.vms[0].vm.format =
        rules == TagRules::kIntel ? HostFormat::kEptFourLevel : HostFormat::kNptFourLevel;
    const RunReport lt = run_apart(params);
    params.machine.timing = Timing::kAt;
    const RunReport at = run_apart(params);
    expect_sound(lt);
    expect_sound(at);
    EXPECT_EQ(lt.memory_checksum, at.memory_checksum);
    for (const char* name : {"exits", "flushes", "table_reads", "dirty_log.pages_harvested",
                             "reclaim.accessed_cleared", "reclaim.pages_swapped_in"}) {
      const std::string path = std::string("hypervisor.vm0.") + name;
      EXPECT_EQ(lt.count(path), at.count(path)) << name;
    }
  }
}

TEST(RunHostEvents, EveryCoreOfTheVmIsFlushed) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const Scheduling scheduling : {Scheduling::kPinned, Scheduling::kRotate}) {
      SCOPED_TRACE(std::string(kTimingNames[static_cast<unsigned>(timing)]) + ", " +
                   std::string(kSchedulingNames[static_cast<unsigned>(scheduling)]));
      RunParams params = busy_run();
      params.machine.timing = timing;
      params.machine.cores = 2;
      params.scheduling = scheduling;
      params.time_slice_accesses = 100;
      params.vms[0].vm.vcpus = 3;
      params.vms[0].processes[0].threads = 3;
      params.vms[0].vm.resident_limit_bytes = std::uint64_t{3} << 20;
      const RunReport report = run_apart(params);
      EXPECT_EQ(report.end, "finished") << report.message;
      EXPECT_EQ(report.law_violations, std::vector<std::string>{});
      EXPECT_EQ(report.num_segfaults, 0U);
      EXPECT_GT(report.count("ledger.total.shootdown"), 0U);
      EXPECT_GT(report.count("hypervisor.vm0.reclaim.pages_swapped_in"), 0U);
    }
  }
}

// Shadows are made from the host stage: what changes there must be gone from them, and the log must
// see what is written through them.
TEST(RunHostEvents, ShadowsFollowTheHostStage) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const std::uint32_t num_cores : {1U, 2U}) {
      RunParams params = busy_run();
      params.mode = Mode::kShadow;
      params.check = Check::kAll;
      params.machine.timing = timing;
      params.machine.cores = num_cores;
      params.vms[0].vm.vcpus = num_cores;
      params.vms[0].processes[0].threads = num_cores;
      const RunReport report = run_apart(params);
      EXPECT_EQ(report.end, "finished") << report.message;
      EXPECT_EQ(report.law_violations, std::vector<std::string>{});
      EXPECT_EQ(report.check_violations, std::vector<std::string>{});
      EXPECT_EQ(report.num_segfaults, 0U);
      if (num_cores == 1) {
        EXPECT_EQ(report.ledger_cycles, report.core_cycles);
      }
      const std::string vm = "hypervisor.vm0.";
      EXPECT_GT(report.count(vm + "dirty_log.pages_harvested"), 0U);
      EXPECT_GT(report.count(vm + "migration.pages"), 0U);
      EXPECT_GT(report.count(vm + "reclaim.pages_swapped_in"), 0U);
      EXPECT_GT(report.count(vm + "shadow.flushes"), 0U);
    }
  }
}

TEST(RunHostEvents, NativelyThereIsNobodyToDoThem) {
  RunParams params = busy_run();
  params.mode = Mode::kNative;
  params.machine.memory_bytes = params.vms[0].vm.memory_bytes;
  const RunReport with = run_apart(params);
  params.vms[0].vm.host_events.clear();
  const RunReport without = run_apart(params);
  expect_sound(with);
  EXPECT_EQ(with.core_cycles, without.core_cycles);
}

TEST(RunHostEvents, WhatCannotBeIsSaid) {
  RunParams params = busy_run();
  params.vms[0].vm.host_events[1].start = params.vms[0].vm.memory_bytes;
  params.vms[0].vm.resident_limit_bytes = 4096;
  const std::vector<ParameterProblem> problems = find_problems(params);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].key_path, "vms.0.resident_limit_bytes");
  EXPECT_EQ(problems[1].key_path, "vms.0.reclaim_batch_pages");
  EXPECT_EQ(problems[2].key_path, "vms.0.host_events.1.start");
}

}  // namespace
}  // namespace nestwalk
