// Whole runs under shadow paging: what guests get is what they get natively and over EPT or NPT,
// and at the end the audit (a law of every run) finds the shadow to be true.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

struct Case {
  std::string name;
  FormatId format = FormatId::kX86FourLevel;
  HostFormat host = HostFormat::kEptFourLevel;
  WorkloadKind kind = WorkloadKind::kGups;
  PageSize page_size = PageSize::k4K;
  ShadowSync sync = ShadowSync::kOnFlush;
  std::uint32_t max_tables = 4096;
  bool vpid = true;
};

void PrintTo(const Case& each, std::ostream* out) {
  *out << each.name;
}

RunParams run_of(const Case& each, Mode mode) {
  RunParams params = small_run();
  params.mode = mode;
  params.time_slice_accesses = 300;
  VirtualMachineParams& vm = params.vms[0];
  vm.vm.memory_bytes = std::uint64_t{64} << 20;
  vm.vm.format = each.host;
  vm.vm.backing = each.page_size;
  vm.vm.vpid = each.vpid;
  vm.vm.shadow.sync = each.sync;
  vm.vm.shadow.max_tables = each.max_tables;
  vm.guest.format = each.format;
  vm.guest.page_size = each.page_size;
  vm.guest.preset_accessed_dirty = false;
  if (each.host == HostFormat::kNptFourLevel) {
    params.machine.tag_rules = TagRules::kAmd;
  }
  vm.processes.resize(2, vm.processes[0]);
  vm.processes[1].workload.seed = 5;
  for (ProcessParams& process : vm.processes) {
    process.workload.kind = each.kind;
    process.workload.churn.num_regions = 3;
    process.workload.churn.accesses_per_region = 100;
  }
  return params;
}

class ShadowRun : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Guests, ShadowRun,
    testing::Values(
        Case{.name = "four_level"}, Case{.name = "at_once", .sync = ShadowSync::kAtOnce},
        Case{.name = "churn", .kind = WorkloadKind::kChurn},
        Case{.name = "churn_at_once", .kind = WorkloadKind::kChurn, .sync = ShadowSync::kAtOnce},
        Case{.name = "little_room", .kind = WorkloadKind::kChurn, .max_tables = 10},
        Case{.name = "large_pages", .page_size = PageSize::k2M},
        Case{.name = "pae", .format = FormatId::kX86Pae},
        Case{.name = "two_level", .format = FormatId::kX86TwoLevel},
        Case{.name = "two_level_large",
             .format = FormatId::kX86TwoLevel,
             .page_size = PageSize::k2M},
        Case{.name = "five_level",
             .format = FormatId::kX86FiveLevel,
             .host = HostFormat::kEptFiveLevel},
        Case{.name = "npt", .host = HostFormat::kNptFourLevel, .kind = WorkloadKind::kChurn},
        Case{.name = "without_vpid", .kind = WorkloadKind::kChurn, .vpid = false}),
    [](const auto& each) { return each.param.name; });

TEST_P(ShadowRun, TheGuestSeesNoDifference) {
  const RunReport native = run_apart(run_of(GetParam(), Mode::kNative));
  const RunReport nested = run_apart(run_of(GetParam(), Mode::kNested));
  const RunReport shadow = run_apart(run_of(GetParam(), Mode::kShadow));
  for (const RunReport* report : {&native, &nested, &shadow}) {
    ASSERT_EQ(report->end, "finished") << report->message;
    EXPECT_EQ(report->law_violations, std::vector<std::string>{});
    EXPECT_EQ(report->num_segfaults, native.num_segfaults);
    EXPECT_EQ(report->guest_checksum, native.guest_checksum);
    for (const char* counter : {"vm0.guest.faults", "vm0.guest.table_writes", "run.accesses"}) {
      EXPECT_EQ(report->count(counter), native.count(counter)) << counter;
    }
  }
  EXPECT_NE(native.guest_checksum, 0U);
  const std::string s = "hypervisor.vm0.shadow.";
  EXPECT_EQ(shadow.count(s + "page_faults"),
            shadow.count(s + "reflected") + shadow.count(s + "filled") +
                shadow.count(s + "emulated") + shadow.count(s + "retried") +
                shadow.count(s + "failed"));
  EXPECT_EQ(shadow.count("hypervisor.vm0.exits"),
            shadow.count(s + "page_faults") + shadow.count(s + "cr3_exits") +
                shadow.count(s + "control_exits") + shadow.count(s + "invlpg_exits"));
  EXPECT_EQ(shadow.count(s + "reflected"), native.count("vm0.guest.faults"));
  EXPECT_GT(shadow.count("vm0.process1.shadow.walks"), 0U);
  EXPECT_EQ(shadow.ledger_cycles, shadow.core_cycles);
}

// One stage: at most a reference for each level of the shadow. A and D are set in its entries.
TEST(ShadowRunWalks, AreAsLongAsNativeOnes) {
  RunParams params = small_run();
  params.machine.walker.pwc.organisation = PwcOrganisation::kNone;
  params.mode = Mode::kShadow;
  const RunReport shadow = run_apart(params);
  const std::uint64_t walks = shadow.count("core0.walker.walks");
  EXPECT_GT(shadow.count("core0.walker.references"), 3 * walks);
  EXPECT_LE(shadow.count("core0.walker.references"), 4 * walks);
  EXPECT_EQ(shadow.count("core0.walker.updates"), 0U);
}

TEST(ShadowRunCores, KeepTheShadowTrueTogether) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const Scheduling scheduling : {Scheduling::kPinned, Scheduling::kRotate}) {
      RunParams params = run_of({.name = "", .kind = WorkloadKind::kChurn}, Mode::kShadow);
      params.machine.timing = timing;
      params.machine.cores = 2;
      params.scheduling = scheduling;
      params.vms[0].vm.vcpus = scheduling == Scheduling::kRotate ? 3 : 2;
      params.vms[0].processes[0].threads = 4;
      const RunReport report = run_apart(params);
      EXPECT_EQ(report.end, "finished") << report.message;
      EXPECT_EQ(report.law_violations, std::vector<std::string>{});
      EXPECT_EQ(report.num_segfaults, 0U);
      EXPECT_GT(report.count("ledger.total.shootdown"), 0U);
    }
  }
}

// Each VM has the mode that it asks for.
TEST(ShadowRunVms, StandSideBySideWithNestedOnes) {
  RunParams params = run_of({.name = ""}, Mode::kNested);
  params.vms.push_back(params.vms[0]);
  params.vms[1].vm.paging = Paging::kShadow;
  const RunReport report = run_apart(params);
  ASSERT_EQ(report.end, "finished") << report.message;
  EXPECT_EQ(report.law_violations, std::vector<std::string>{});
  EXPECT_GT(report.count("vm0.process1.nested.walks"), 0U);
  EXPECT_GT(report.count("vm1.process1.shadow.walks"), 0U);
  EXPECT_EQ(report.count("hypervisor.vm1.ept_violations"), 0U);
}

TEST(ShadowRunLimits, AreMessages) {
  RunParams params = run_of({.name = ""}, Mode::kShadow);
  params.vms[0].vm.vcpus = 4;
  params.vms[0].vm.shadow.max_tables = 12;
  ASSERT_EQ(find_problems(params).size(), 1U);
  EXPECT_EQ(find_problems(params)[0].key_path, "vms.0.shadow.max_tables");
  params = run_of({.name = "", .format = FormatId::kX86FiveLevel}, Mode::kShadow);
  ASSERT_EQ(find_problems(params).size(), 1U);
  EXPECT_EQ(find_problems(params)[0].key_path, "vms.0.guest.format");
  params = run_of({.name = ""}, Mode::kShadow);
  params.machine.memory_bytes = std::uint64_t{1} << 20;
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("machine.memory_bytes"), std::string::npos) << report.message;
}

}  // namespace
}  // namespace nestwalk
