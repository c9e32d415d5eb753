// How a VM goes from nested to shadow paging and back while it runs, and who decides when.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/descriptor.h"
#include "model/params/problem.h"

namespace nestwalk {

// What becomes of the shadow while the VM is under nested paging. The host stage stays in any case:
// shadows are made from it.
enum class InactiveShadow : std::uint8_t {
  kDestroyed,  // all its tables are given back
  kResynced,   // it stays as it is, and is compared with the guest's tables before it is used again
};
inline constexpr std::array<std::string_view, 2> kInactiveShadowNames = {"destroyed", "resynced"};

// When the guest's tables become read-only after a switch to shadow paging.
enum class TableProtection : std::uint8_t {
  kLazy,   // each when a fault first comes through it
  kEager,  // all that the virtual CPUs' roots reach, before the VM runs
};
inline constexpr std::array<std::string_view, 2> kTableProtectionNames = {"lazy", "eager"};

// What a switch drops of the translations that the other kind of paging has left behind.
enum class SwitchFlush : std::uint8_t {
  kNone,
  kInvvpid,  // INVVPID single-context, on entry to shadow
  kInvept,   // INVEPT single-context, on entry to nested if the host stage was changed meanwhile
  kBoth,
  kNewVpid,  // another VPID from each switch on
};
inline constexpr std::array<std::string_view, 5> kSwitchFlushNames = {"none", "invvpid", "invept",
                                                                      "both", "new_vpid"};

// Duties of a hypervisor that switches, each of which can be left out to see what it is for.
struct SwitchOmissions {
  bool other_cores = false;
  bool downgrade = false;
  bool invlpg_flush = false;
  bool accessed_dirty = false;
};
void describe(SwitchOmissions& p, ParameterVisitor& v);

// Who decides at the end of each interval whether the VM stays as it is.
enum class SwitchPolicyKind : std::uint8_t {
  kFixed,
  kDsp,
  kCostModel,
  kIpcFeedback,
  kOracle,
  kRandom,
};
inline constexpr std::array<std::string_view, 6> kSwitchPolicyNames = {
    "fixed", "dsp", "cost_model", "ipc_feedback", "oracle", "random"};

// Wang et al., "Selective Hardware/Software Memory Virtualization", VEE 2011. Rates are per 1000
// instructions.
struct DspParams {
  double tlb_upper = 10;
  double tlb_lower = 0.1;
  double fault_upper = 5e-4;
  double fault_lower = 1e-5;
  double ratio_upper = 2e-5;  // page faults per TLB miss
  double ratio_lower = 1.5e-5;
  double damping = 0.8;
  std::uint32_t history = 3;
};
void describe(DspParams& p, ParameterVisitor& v);

struct CostModelParams {
  double walk_saving_cycles = 12;
  std::uint32_t fault_cycles = 28000;
  std::uint32_t cr3_cycles = 2100;
  std::uint32_t write_cycles = 0;
  std::uint32_t switch_cycles = 2'000'000;
  std::uint32_t horizon = 3;
  double weight = 0.25;
};
void describe(CostModelParams& p, ParameterVisitor& v);

// Runtime-aware paging mode switching (KVM, NTUA 2020): shares of all cycles, in per cent.
struct IpcFeedbackParams {
  double high_percent = 9;
  double low_percent = 2;
  double walk_weight = 1;
  double exit_weight = 1;
  std::uint32_t saturation = 4;
  std::uint32_t skip = 2;
};
void describe(IpcFeedbackParams& p, ParameterVisitor& v);

struct RandomSwitchParams {
  double probability = 0.5;
  std::uint64_t seed = 1;
};
void describe(RandomSwitchParams& p, ParameterVisitor& v);

struct SwitchingParams {
  SwitchPolicyKind policy = SwitchPolicyKind::kFixed;
  std::uint64_t interval_instructions = 1'000'000;
  DspParams dsp;
  CostModelParams cost_model;
  IpcFeedbackParams ipc_feedback;
  std::string schedule;
  RandomSwitchParams random;
  InactiveShadow inactive = InactiveShadow::kDestroyed;
  TableProtection protection = TableProtection::kLazy;
  SwitchFlush flush = SwitchFlush::kBoth;
  SwitchOmissions omit;
};
void describe(SwitchingParams& p, ParameterVisitor& v);

// The rules between them that do not hold, by path below the group.
[[nodiscard]] std::vector<ParameterProblem> find_problems(const SwitchingParams& p);

// Software times of a switch, without the accesses to tables, which take theirs.
struct SwitchCosts {
  std::uint32_t sample_cycles = 1500;
  std::uint32_t flip_cycles = 2000;
  std::uint32_t destroy_cycles = 200;
  std::uint32_t compare_cycles = 1000;
  std::uint32_t protect_cycles = 500;
};
void describe(SwitchCosts& p, ParameterVisitor& v);

}  // namespace nestwalk
