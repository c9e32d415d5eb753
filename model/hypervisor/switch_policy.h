// Who decides, at the end of each interval, under which paging a VM goes on.
//
//   const std::unique_ptr<SwitchPolicy> policy = make_switch_policy(params);
//   const SwitchAdvice advice = policy->advise(sample);
//   if (advice.paging != sample.paging) ...   // advice.reason, advice.rates: for the decision log
//
// A policy sees nothing but samples and keeps what it remembers of them. Write one: a class with
// advise() and clone(), a name in kSwitchPolicyNames, a line in make_switch_policy.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/observe/decision_log.h"
#include "model/observe/ledger.h"
#include "model/params/hypervisor.h"
#include "model/params/switching.h"

namespace nestwalk {

// What was counted of a VM in one interval, all its virtual CPUs together.
struct IntervalSample {
  Paging paging = Paging::kNested;  // that the interval was spent under
  std::uint64_t instructions = 0;
  std::uint64_t tlb_misses = 0;  // page walks
  std::uint64_t walk_cycles = 0;
  // Of the guest's own counters, which its kernel shows to the hypervisor: under nested paging
  // none of them is seen from outside.
  std::uint64_t guest_page_faults = 0;
  std::uint64_t cr3_loads = 0;
  std::uint64_t guest_table_writes = 0;
  std::uint64_t exits = 0;
  Account cycles;  // all of the VM's, by cause

  [[nodiscard]] double per_kilo_instruction(std::uint64_t count) const {
    return instructions == 0
               ? 0
               : 1000.0 * static_cast<double>(count) / static_cast<double>(instructions);
  }
  [[nodiscard]] double instructions_per_cycle() const {
    const std::uint64_t all = cycles.cycles();
    return all == 0 ? 0 : static_cast<double>(instructions) / static_cast<double>(all);
  }
  // What exits have cost: their round trips and the hypervisor's handlers. Under nested paging
  // those of the host stage, which both kinds of paging have, are not among them.
  [[nodiscard]] std::uint64_t exit_cycles() const;
  // What the switch into this interval has cost, without the filling after it.
  [[nodiscard]] std::uint64_t switch_cycles() const;
};

struct SwitchAdvice {
  Paging paging = Paging::kNested;
  std::string reason;
  std::vector<DecisionInput> rates;  // that it was decided on
};

class SwitchPolicy {
 public:
  virtual ~SwitchPolicy() = default;
  [[nodiscard]] virtual SwitchAdvice advise(const IntervalSample& sample) = 0;
  [[nodiscard]] virtual std::unique_ptr<SwitchPolicy> clone() const = 0;
};

// By params.policy. The number tells VMs of equal parameters apart (policy random).
[[nodiscard]] std::unique_ptr<SwitchPolicy> make_switch_policy(const SwitchingParams& params,
                                                               std::uint32_t vm = 0);

// The decision as the log keeps it: all counts of the sample, then the rates.
[[nodiscard]] Decision decision_of(const IntervalSample& sample, const SwitchAdvice& advice);

}  // namespace nestwalk
