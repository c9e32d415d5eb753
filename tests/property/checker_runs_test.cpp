// Whole runs under the translation checker: right ones, in which memory comes and goes, and runs
// whose virtual CPUs lose an operation of the kernel.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/sim/vcpu.h"
#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

struct Setup {
  const char* name;
  Mode mode;
  Timing timing;
  std::uint32_t cores;
  std::uint32_t vcpus;
  bool is_amd = false;
};

// Regions are mapped, written, unmapped; the memory of one is soon that of another.
RunParams churning_run(const Setup& setup) {
  RunParams params = small_run();
  params.mode = setup.mode;
  params.time_slice_accesses = 400;
  params.machine.timing = setup.timing;
  params.machine.cores = setup.cores;
  params.machine.core.window = 8;
  params.machine.walker.slots = 4;
  if (setup.is_amd) {
    params.machine.tag_rules = TagRules::kAmd;
    params.vms[0].vm.format = HostFormat::kNptFourLevel;
  }
  params.scheduling = setup.vcpus > setup.cores ? Scheduling::kRotate : Scheduling::kPinned;
  VirtualMachineParams& vm = params.vms[0];
  vm.vm.vcpus = setup.vcpus;
  vm.vm.accessed_dirty = true;
  vm.processes.resize(2);
  for (ProcessParams& process : vm.processes) {
    process.threads = setup.vcpus;
    WorkloadParams& w = process.workload;
    w.kind = WorkloadKind::kChurn;
    w.num_accesses = 4000;
    w.operation = WorkloadOperation::kMixed;
    w.base_address = 0x4000'0000;
    w.churn.num_regions = 6;
    w.churn.min_region_bytes = 16 << 10;
    w.churn.max_region_bytes = 128 << 10;
    w.churn.accesses_per_region = 60;
  }
  return params;
}

class CheckerRuns : public testing::TestWithParam<Setup> {};

TEST_P(CheckerRuns, ARightRunIsClean) {
  for (const bool has_pcid : {false, true}) {
    RunParams params = churning_run(GetParam());
    params.vms[0].guest.pcid = has_pcid;
    params.vms[0].guest.max_single_invalidations = has_pcid ? 4 : 64;
    const RunReport report = run_apart(params);
    ASSERT_EQ(report.end, "finished") << report.message;
    EXPECT_GT(report.count("checker.changes"), 200U);
    EXPECT_GE(report.count("checker.checked"), 8000U);
    EXPECT_EQ(report.count("checker.checked"),
              report.count("checker.current") + report.count("checker.stale"));
    EXPECT_EQ(report.count("checker.undecided"), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Machines, CheckerRuns,
    testing::Values(Setup{"native_lt", Mode::kNative, Timing::kLt, 1, 1},
                    Setup{"native_at", Mode::kNative, Timing::kAt, 1, 1},
                    Setup{"native_at_3_cores", Mode::kNative, Timing::kAt, 3, 3},
                    Setup{"native_lt_2_cores", Mode::kNative, Timing::kLt, 2, 2},
                    Setup{"nested_lt", Mode::kNested, Timing::kLt, 1, 1},
                    Setup{"nested_at", Mode::kNested, Timing::kAt, 1, 1},
                    Setup{"nested_lt_rotating", Mode::kNested, Timing::kLt, 2, 3},
                    Setup{"nested_at_2_cores", Mode::kNested, Timing::kAt, 2, 2},
                    Setup{"nested_at_rotating", Mode::kNested, Timing::kAt, 2, 3},
                    Setup{"shadow_lt", Mode::kShadow, Timing::kLt, 1, 1},
                    Setup{"shadow_at_2_cores", Mode::kShadow, Timing::kAt, 2, 2},
                    Setup{"npt_lt", Mode::kNested, Timing::kLt, 1, 1, true},
                    Setup{"npt_at_2_cores", Mode::kNested, Timing::kAt, 2, 2, true}),
    [](const auto& test) { return test.param.name; });

// ---- Mistakes ----

// Whose kernel says INVLPG, and nothing happens.
class DeafVcpu : public Vcpu {
 public:
  using Vcpu::invalidate;
  using Vcpu::Vcpu;
  void invalidate(const Invalidation& invalidation) override {
    if (invalidation.op != InvalidateOp::kInvlpg) {
      Vcpu::invalidate(invalidation);
    }
  }
};

// Drops another page than the kernel has named.
class MistakenVcpu : public Vcpu {
 public:
  using Vcpu::invalidate;
  using Vcpu::Vcpu;
  void invalidate(const Invalidation& invalidation) override {
    Invalidation other = invalidation;
    other.address = other.address + 0x4000'0000;
    Vcpu::invalidate(other);
  }
};

// Loads CR3 as if bit 63 were set.
class KeepingVcpu : public Vcpu {
 public:
  using Vcpu::Vcpu;
  void write_cr3(const Cr3Value& value) override {
    Cr3Value kept = value;
    kept.no_flush = true;
    Vcpu::write_cr3(kept);
  }
};

// Whose hypervisor takes the right to write from an entry, and the entry keeps it.
class UnprotectingVcpu : public Vcpu {
 public:
  using Vcpu::compare_and_swap;
  using Vcpu::store;
  UnprotectingVcpu(Platform& platform, const Place& place)
      : Vcpu(platform, place), memory_(platform.memory()) {}
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    if (!takes_write(memory_.read(address, bytes), value)) {
      Vcpu::store(address, bytes, value);
    }
  }
  bool compare_and_swap(Hpa address, const Swap& swap) override {
    return takes_write(swap.expected, swap.desired) || Vcpu::compare_and_swap(address, swap);
  }

 private:
  static bool takes_write(std::uint64_t before, std::uint64_t after) {
    constexpr std::uint64_t kWriteAndDirty = bit(1) | bit(6);
    return (before & bit(1)) != 0 && after != 0 && (before & ~kWriteAndDirty) == after;
  }
  SparseMemory& memory_;
};

// A leaf of an EPT table of 4K pages: it has a memory type.
bool is_ept_page(std::uint64_t entry) {
  return (entry & 7) != 0 && (entry & mask(5, 3)) != 0 && (entry & bit(7)) == 0;
}

// Whose hypervisor takes a page from the guest, and the entry stays.
class LeavingVcpu : public Vcpu {
 public:
  using Vcpu::compare_and_swap;
  using Vcpu::store;
  LeavingVcpu(Platform& platform, const Place& place)
      : Vcpu(platform, place), memory_(platform.memory()) {}
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    if (value != 0 || !is_ept_page(memory_.read(address, bytes))) {
      Vcpu::store(address, bytes, value);
    }
  }
  bool compare_and_swap(Hpa address, const Swap& swap) override {
    return (swap.desired == 0 && is_ept_page(swap.expected)) ||
           Vcpu::compare_and_swap(address, swap);
  }

 private:
  SparseMemory& memory_;
};

template <class BadVcpu>
VcpuFactory factory_of() {
  return [](Platform& platform, const Vcpu::Place& place) {
    return std::make_unique<BadVcpu>(platform, place);
  };
}

void expect_found(const RunReport& report, const std::string& kind, const std::string& missing) {
  ASSERT_FALSE(report.check_violations.empty()) << report.end << " " << report.message;
  EXPECT_GT(report.count("checker.violations." + kind), 0U);
  bool is_named = false;
  for (const std::string& text : report.check_violations) {
    is_named |= text.find(kind + ": ") == 0 && text.find(missing) != std::string::npos;
  }
  EXPECT_TRUE(is_named) << report.check_violations.front();
}

class CheckerRunMistakes : public testing::TestWithParam<Setup> {
 protected:
  // What the kernel would otherwise do by one load of CR3.
  static RunParams by_single_pages() {
    RunParams params = churning_run(GetParam());
    params.vms[0].guest.max_single_invalidations = 1000;
    params.vms[0].guest.pcid = true;
    return params;
  }
};

TEST_P(CheckerRunMistakes, InvlpgIsLost) {
  expect_found(run_apart(by_single_pages(), factory_of<DeafVcpu>()), "missing_invalidation",
               "INVLPG of");
}

TEST_P(CheckerRunMistakes, InvlpgNamesAnotherPage) {
  expect_found(run_apart(by_single_pages(), factory_of<MistakenVcpu>()), "missing_invalidation",
               "covering less: invlpg of");
}

TEST_P(CheckerRunMistakes, ALoadOfCr3KeepsWhatItShouldDrop) {
  RunParams params = churning_run(GetParam());
  params.vms[0].guest.pcid = true;
  params.vms[0].guest.max_single_invalidations = 1;
  expect_found(run_apart(params, factory_of<KeepingVcpu>()), "missing_invalidation", "PCID");
}

TEST(CheckerRunsOfAHypervisor, AGuestTableStaysWritable) {
  const RunParams params = churning_run({"", Mode::kShadow, Timing::kLt, 1, 1});
  expect_found(run_apart(params, factory_of<UnprotectingVcpu>()), "writable_table",
               "write-protected");
}

TEST(CheckerRunsOfAHypervisor, ADirtyLogLosesAWrite) {
  RunParams params = churning_run({"", Mode::kNested, Timing::kLt, 1, 1});
  HostEventParams start;
  start.at_accesses = 1000;
  start.action = HostAction::kDirtyLogStart;
  params.vms[0].vm.host_events = {start};
  expect_found(run_apart(params, factory_of<UnprotectingVcpu>()), "lost_dirty_record",
               "is clean in the dirty log");
}

TEST(CheckerRunsOfAHypervisor, AReclaimedFrameStaysMapped) {
  RunParams params = churning_run({"", Mode::kNested, Timing::kLt, 1, 1});
  HostEventParams reclaim;
  reclaim.at_accesses = 3000;
  reclaim.action = HostAction::kReclaim;
  reclaim.length_bytes = std::uint64_t{1} << 20;
  params.vms[0].vm.host_events = {reclaim};
  expect_found(run_apart(params, factory_of<LeavingVcpu>()), "freed_frame", "");
}

INSTANTIATE_TEST_SUITE_P(Machines, CheckerRunMistakes,
                         testing::Values(Setup{"native_lt", Mode::kNative, Timing::kLt, 1, 1},
                                         Setup{"native_at", Mode::kNative, Timing::kAt, 1, 1},
                                         Setup{"nested_lt", Mode::kNested, Timing::kLt, 1, 1},
                                         Setup{"nested_at_2_cores", Mode::kNested, Timing::kAt, 2,
                                               2}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace nestwalk
