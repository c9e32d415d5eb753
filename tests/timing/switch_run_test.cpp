// Whole runs that switch between nested and shadow paging again and again: what guests get is what
// they get natively, the checker finds no wrong translation, and the audit finds every shadow to be
// true.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

struct Case {
  std::string name;
  std::function<void(RunParams&)> set;
};

void PrintTo(const Case& each, std::ostream* out) {
  *out << each.name;
}

VmParams& vm_of(RunParams& params) {
  return params.vms[0].vm;
}

RunParams run_of(const Case& each, Mode mode) {
  RunParams params = small_run();
  params.check = Check::kAll;
  params.time_slice_accesses = 300;
  VirtualMachineParams& vm = params.vms[0];
  vm.vm.memory_bytes = std::uint64_t{64} << 20;
  vm.vm.switching.interval_instructions = 50;
  vm.guest.preset_accessed_dirty = false;
  vm.processes.resize(2, vm.processes[0]);
  vm.processes[1].workload.seed = 5;
  for (ProcessParams& process : vm.processes) {
    process.workload.kind = WorkloadKind::kChurn;
    process.workload.churn.num_regions = 3;
    process.workload.churn.accesses_per_region = 100;
  }
  each.set(params);
  params.mode = mode;
  return params;
}

HostEventParams event(HostAction action, std::uint64_t at, std::uint64_t every) {
  HostEventParams event;
  event.action = action;
  event.at_accesses = at;
  event.every_accesses = every;
  event.length_bytes = std::uint64_t{4} << 20;
  return event;
}

void add_host_events(RunParams& p) {
  vm_of(p).host_events = {event(HostAction::kMigrate, 150, 700),
                          event(HostAction::kDirtyLogStart, 200, 0),
                          event(HostAction::kDirtyLogHarvest, 500, 450)};
}

void use_cores(RunParams& p, Timing timing, Scheduling scheduling) {
  p.machine.timing = timing;
  p.machine.cores = 2;
  p.scheduling = scheduling;
  vm_of(p).vcpus = scheduling == Scheduling::kRotate ? 3 : 2;
  p.vms[0].processes[0].threads = 4;
}

class SwitchRun : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Guests, SwitchRun,
    testing::Values(
        Case{"four_level", [](RunParams&) {}},
        Case{"resynced",
             [](RunParams& p) { vm_of(p).switching.inactive = InactiveShadow::kResynced; }},
        Case{"eager",
             [](RunParams& p) { vm_of(p).switching.protection = TableProtection::kEager; }},
        Case{"at_once",
             [](RunParams& p) {
               vm_of(p).shadow.sync = ShadowSync::kAtOnce;
               vm_of(p).switching.inactive = InactiveShadow::kResynced;
               vm_of(p).switching.protection = TableProtection::kEager;
             }},
        Case{"pae", [](RunParams& p) { p.vms[0].guest.format = FormatId::kX86Pae; }},
        Case{"two_level",
             [](RunParams& p) {
               p.vms[0].guest.format = FormatId::kX86TwoLevel;
               vm_of(p).switching.protection = TableProtection::kEager;
             }},
        Case{"five_level",
             [](RunParams& p) {
               p.vms[0].guest.format = FormatId::kX86FiveLevel;
               vm_of(p).format = HostFormat::kEptFiveLevel;
             }},
        Case{"npt",
             [](RunParams& p) {
               vm_of(p).format = HostFormat::kNptFourLevel;
               p.machine.tag_rules = TagRules::kAmd;
             }},
        Case{"npt_pae_resynced",
             [](RunParams& p) {
               p.vms[0].guest.format = FormatId::kX86Pae;
               vm_of(p).format = HostFormat::kNptFourLevel;
               p.machine.tag_rules = TagRules::kAmd;
               vm_of(p).switching.inactive = InactiveShadow::kResynced;
             }},
        Case{"without_vpid",
             [](RunParams& p) {
               vm_of(p).vpid = false;
               vm_of(p).switching.flush = SwitchFlush::kInvept;
             }},
        Case{"host_events", add_host_events},
        Case{"host_events_resynced",
             [](RunParams& p) {
               add_host_events(p);
               vm_of(p).switching.inactive = InactiveShadow::kResynced;
               vm_of(p).backing = PageSize::k2M;
             }},
        Case{"dirty_bits",
             [](RunParams& p) {
               add_host_events(p);
               vm_of(p).accessed_dirty = true;
               vm_of(p).dirty_log_method = DirtyLogMethod::kDirtyBits;
             }}),
    [](const auto& each) { return each.param.name; });

TEST_P(SwitchRun, TheGuestSeesNoDifference) {
  const RunReport native = run_apart(run_of(GetParam(), Mode::kNative));
  const RunReport switching = run_apart(run_of(GetParam(), Mode::kRandom));
  for (const RunReport* report : {&native, &switching}) {
    ASSERT_EQ(report->end, "finished") << report->message;
    EXPECT_EQ(report->law_violations, std::vector<std::string>{});
    EXPECT_EQ(report->num_segfaults, native.num_segfaults);
    EXPECT_EQ(report->guest_checksum, native.guest_checksum);
    for (const char* counter : {"vm0.guest.faults", "vm0.guest.table_writes", "run.accesses"}) {
      EXPECT_EQ(report->count(counter), native.count(counter)) << counter;
    }
  }
  EXPECT_GT(switching.count("hypervisor.vm0.switches.to_shadow"), 2U);
  EXPECT_GT(switching.count("hypervisor.vm0.switches.to_nested"), 1U);
  EXPECT_EQ(switching.count("hypervisor.vm0.switches.refused"), 0U);
  EXPECT_EQ(switching.ledger_cycles, switching.core_cycles);
  EXPECT_GT(switching.count("ledger.total.switch_flip"), 0U);
}

struct Cores {
  Timing timing = Timing::kLt;
  Scheduling scheduling = Scheduling::kPinned;
  InactiveShadow inactive = InactiveShadow::kDestroyed;
};
class SwitchRunCores : public testing::TestWithParam<Cores> {};
INSTANTIATE_TEST_SUITE_P(
    All, SwitchRunCores,
    testing::Values(Cores{Timing::kLt, Scheduling::kPinned, InactiveShadow::kDestroyed},
                    Cores{Timing::kLt, Scheduling::kRotate, InactiveShadow::kResynced},
                    Cores{Timing::kAt, Scheduling::kPinned, InactiveShadow::kDestroyed},
                    Cores{Timing::kAt, Scheduling::kPinned, InactiveShadow::kResynced},
                    Cores{Timing::kAt, Scheduling::kRotate, InactiveShadow::kDestroyed},
                    Cores{Timing::kAt, Scheduling::kRotate, InactiveShadow::kResynced}));

// All virtual CPUs stop for a switch, wherever they are.
TEST_P(SwitchRunCores, SwitchTogether) {
  RunParams params = run_of({"", [](RunParams&) {}}, Mode::kRandom);
  use_cores(params, GetParam().timing, GetParam().scheduling);
  vm_of(params).switching.inactive = GetParam().inactive;
  params.vms.push_back(params.vms[0]);
  const RunReport report = run_apart(params);
  ASSERT_EQ(report.end, "finished") << report.message;
  EXPECT_EQ(report.law_violations, std::vector<std::string>{});
  EXPECT_EQ(report.num_segfaults, 0U);
  for (const char* vm : {"0", "1"}) {
    EXPECT_GT(report.count(std::string("hypervisor.vm") + vm + ".switches.to_shadow"), 2U);
  }
}

}  // namespace
}  // namespace nestwalk
