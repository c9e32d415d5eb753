// Runs for the translation checker to watch, on virtual CPUs that may make mistakes.
//
//   expect_found(run_apart(churning_run(setup), factory_of<BadVcpu>()), "freed_frame", "is free");
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/sim/vcpu.h"
#include "tests/support/run_bench.h"

namespace nestwalk {

struct Setup {
  const char* name;
  Mode mode;
  Timing timing;
  std::uint32_t cores;
  std::uint32_t vcpus;
  bool is_amd = false;
};

// Regions are mapped, written, unmapped; the memory of one is soon that of another.
inline RunParams churning_run(const Setup& setup) {
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

template <class BadVcpu>
VcpuFactory factory_of() {
  return [](Platform& platform, const Vcpu::Place& place) {
    return std::make_unique<BadVcpu>(platform, place);
  };
}

inline void expect_found(const RunReport& report, const std::string& kind,
                         const std::string& missing) {
  ASSERT_FALSE(report.check_violations.empty()) << report.end << " " << report.message;
  EXPECT_GT(report.count("checker.violations." + kind), 0U);
  bool is_named = false;
  for (const std::string& text : report.check_violations) {
    is_named |= text.find(kind + ": ") == 0 && text.find(missing) != std::string::npos;
  }
  EXPECT_TRUE(is_named) << report.check_violations.front();
}

}  // namespace nestwalk
