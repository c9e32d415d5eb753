// Watches one VM: counts its instructions, and at the end of each interval makes a sample of what
// its counters have gained and asks its policy.
//
//   PagingMonitor monitor(params, vm);
//   monitor.count(instructions);             // handed to a core
//   if (monitor.is_due()) {
//     const Decision decision = monitor.decide(now);   // now: the counters since the start
//   }
//
// Not for: the switch itself (Vcpu::switch_paging).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

class PagingMonitor {
 public:
  PagingMonitor() = default;
  PagingMonitor(const SwitchingParams& params, std::uint32_t vm)
      : interval_(params.interval_instructions),
        left_(interval_),
        policy_(params.policy == SwitchPolicyKind::kFixed ? nullptr
                                                          : make_switch_policy(params, vm)) {}

  // Instructions until the next decision.
  [[nodiscard]] std::uint64_t left() const {
    return policy_ ? left_ : std::numeric_limits<std::uint64_t>::max();
  }
  void count(std::uint64_t instructions) { left_ -= instructions < left_ ? instructions : left_; }
  [[nodiscard]] bool is_due() const { return policy_ && left_ == 0; }

  struct Verdict {
    Paging paging = Paging::kNested;
    Decision decision;
  };
  // `now` has the counts since the start of the run; the next interval begins.
  [[nodiscard]] Verdict decide(const IntervalSample& now);

 private:
  std::uint64_t interval_ = 0;
  std::uint64_t left_ = 0;
  std::unique_ptr<SwitchPolicy> policy_;  // none: nobody decides
  IntervalSample last_;
};

}  // namespace nestwalk
