// One guest of a run: its kernel, its virtual CPU, its processes. For run.cpp and run_schedule.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/sim/process_stats.h"
#include "model/sim/run.h"
#include "model/sim/task.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

struct Run::Machine {
  std::string name;
  std::uint32_t index = 0;
  VmId vm{};
  std::optional<GuestKernel> kernel;
  std::optional<Vcpu> vcpu;
  std::vector<Task> tasks;
  ProcessStats kernel_stats;  // before its first process ran
};

}  // namespace nestwalk
