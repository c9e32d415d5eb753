// One guest of a run: its kernel, its virtual CPUs, its processes. For the files of Run and its
// drivers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/sim/host_events.h"
#include "model/sim/paging_monitor.h"
#include "model/sim/process_stats.h"
#include "model/sim/run.h"
#include "model/sim/software_lock.h"
#include "model/sim/task.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

struct Run::Machine {
  std::string name;
  std::uint32_t index = 0;
  VmId vm{};
  std::optional<GuestKernel> kernel;
  SoftwareLock lock;  // one CPU at a time is in the kernel
  std::vector<std::unique_ptr<Vcpu>> vcpus;
  std::vector<ProcessSlot> processes;
  bool has_processes = false;  // they have been created
  std::vector<Task> tasks;
  HostEvents host_events;
  PagingMonitor monitor;
  std::uint64_t num_accesses = 0;  // handed to cores
  ProcessStats kernel_stats;       // before its first process ran
};

}  // namespace nestwalk
