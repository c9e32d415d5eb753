// Everything a run is made of: the root of a configuration file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/descriptor.h"
#include "model/params/guest.h"
#include "model/params/hypervisor.h"
#include "model/params/machine.h"
#include "model/params/problem.h"
#include "model/params/workload.h"

namespace nestwalk {

enum class Mode : std::uint8_t {
  kNative,  // no VM: the guest kernel runs on the machine itself
  kNested,  // VMs, each as its `paging` says: over EPT or NPT unless it says shadow
  kShadow,  // VMs, all under shadow paging
  // VMs that begin under nested paging and switch as the policy of this name says.
  kDsp,
  kCostModel,
  kIpcFeedback,
  kOracle,
  kRandom,
};
inline constexpr std::array<std::string_view, 8> kModeNames = {
    "native", "nested", "shadow", "dsp", "cost_model", "ipc_feedback", "oracle", "random"};

enum class Scheduling : std::uint8_t {
  kPinned,  // each virtual CPU has its core, several may share one
  kRotate,  // the one that has waited longest gets the core that is free
};
inline constexpr std::array<std::string_view, 2> kSchedulingNames = {"pinned", "rotate"};

struct ProcessParams {
  std::string name = "process";
  std::uint32_t threads = 1;  // each with a stream of its own, in one address space
  WorkloadParams workload;
};
void describe(ProcessParams& p, ParameterVisitor& v);

struct VirtualMachineParams {
  std::string name = "vm";
  VmParams vm;
  GuestParams guest;
  std::vector<ProcessParams> processes{1};
};
void describe(VirtualMachineParams& p, ParameterVisitor& v);

// Which accesses the statistics are of. Accesses are those of all workloads together.
struct RegionParams {
  std::uint64_t warmup_accesses = 0;       // before the statistics begin
  std::uint64_t measure_accesses = 0;      // then the run ends; 0: with its workloads
  std::uint64_t stats_every_accesses = 0;  // an interval of intervals.jsonl; 0: none
};
// Rows of the root, not a group of their own.
void describe(RegionParams& p, ParameterVisitor& v);

// Which translations the checker holds against the tables.
enum class Check : std::uint8_t {
  kOff,
  kSample,  // one in check_every, and as many in a row after each change of a table
  kAll,
};
inline constexpr std::array<std::string_view, 3> kCheckNames = {"off", "sample", "all"};

struct RunParams {
  Mode mode = Mode::kNested;
  std::string compare;  // modes to run side by side, comma-separated; empty: `mode` alone
  std::uint64_t time_slice_accesses = 1'000'000;
  Scheduling scheduling = Scheduling::kPinned;
  RegionParams region;
  Check check = Check::kOff;
  std::uint64_t check_every = 1000;
  MachineParams machine;
  HypervisorParams hypervisor;
  std::vector<VirtualMachineParams> vms{1};
};
void describe(RunParams& p, ParameterVisitor& v);

// What a VM of the run is, its parameters and the mode of the run taken together.
[[nodiscard]] Mode mode_of(const RunParams& p, const VmParams& vm);

// Who decides how the VM goes on: under mode nested its own policy.
[[nodiscard]] SwitchPolicyKind policy_of(const RunParams& p, const VmParams& vm);

// The modes that a list such as "native,nested" names; a name that is no mode ends up in `unknown`.
struct ModeList {
  std::vector<Mode> modes;
  std::vector<std::string> unknown;
};
[[nodiscard]] ModeList parse_modes(std::string_view list);

// The rules between parameters that do not hold.
[[nodiscard]] std::vector<ParameterProblem> find_problems(const RunParams& p);

}  // namespace nestwalk
