#include "model/hypervisor/switch_policy.h"

#include <array>

#include "model/arch/check.h"
#include "model/hypervisor/policy_cost_model.h"
#include "model/hypervisor/policy_dsp.h"
#include "model/hypervisor/policy_fixed.h"
#include "model/hypervisor/policy_ipc_feedback.h"
#include "model/hypervisor/policy_oracle.h"
#include "model/hypervisor/policy_random.h"

namespace nestwalk {
namespace {

template <std::size_t kCount>
std::uint64_t sum_of(const Account& account, const std::array<Cause, kCount>& causes) {
  std::uint64_t sum = 0;
  for (const Cause cause : causes) {
    sum += account.cycles(cause);
  }
  return sum;
}

constexpr std::array kExitCauses = {
    Cause::kVmExit,        Cause::kHostTableWrite,  Cause::kShadowFault,      Cause::kShadowFill,
    Cause::kShadowReflect, Cause::kShadowEmulation, Cause::kShadowProtection, Cause::kShadowSync,
    Cause::kShadowZap,     Cause::kShadowRoot,      Cause::kShadowIntercept};
constexpr std::array kSwitchCauses = {Cause::kSwitchFlip, Cause::kSwitchWait, Cause::kSwitchDestroy,
                                      Cause::kSwitchCompare, Cause::kSwitchProtect};

}  // namespace

std::uint64_t IntervalSample::exit_cycles() const {
  return sum_of(cycles, kExitCauses);
}

std::uint64_t IntervalSample::switch_cycles() const {
  return sum_of(cycles, kSwitchCauses);
}

std::unique_ptr<SwitchPolicy> make_switch_policy(const SwitchingParams& params, std::uint32_t vm) {
  switch (params.policy) {
    case SwitchPolicyKind::kFixed:
      return std::make_unique<FixedPolicy>();
    case SwitchPolicyKind::kDsp:
      return std::make_unique<DspPolicy>(params.dsp);
    case SwitchPolicyKind::kCostModel:
      return std::make_unique<CostModelPolicy>(params.cost_model);
    case SwitchPolicyKind::kIpcFeedback:
      return std::make_unique<IpcFeedbackPolicy>(params.ipc_feedback);
    case SwitchPolicyKind::kOracle:
      return std::make_unique<OraclePolicy>(params.schedule);
    case SwitchPolicyKind::kRandom:
      return std::make_unique<RandomPolicy>(params.random, vm);
  }
  fatal("a switching policy out of range");
}

Decision decision_of(const IntervalSample& sample, const SwitchAdvice& advice) {
  const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
  Decision decision;
  decision.inputs = {{"instructions", number(sample.instructions)},
                     {"tlb_misses", number(sample.tlb_misses)},
                     {"walk_cycles", number(sample.walk_cycles)},
                     {"guest_page_faults", number(sample.guest_page_faults)},
                     {"cr3_loads", number(sample.cr3_loads)},
                     {"guest_table_writes", number(sample.guest_table_writes)},
                     {"exits", number(sample.exits)},
                     {"exit_cycles", number(sample.exit_cycles())},
                     {"cycles", number(sample.cycles.cycles())}};
  decision.inputs.insert(decision.inputs.end(), advice.rates.begin(), advice.rates.end());
  const std::string now(kPagingNames[static_cast<unsigned>(sample.paging)]);
  const std::string next(kPagingNames[static_cast<unsigned>(advice.paging)]);
  decision.decision = sample.paging == advice.paging ? "stay " + now : now + " to " + next;
  decision.reason = advice.reason;
  return decision;
}

}  // namespace nestwalk
