// Dynamic switching paging: eight rules on TLB misses and page faults of the guest.
//
//   DspPolicy policy(params);
//   decide_dsp(params, {.tlb = 16, .faults = 1600e-7, .tlb_history = 16, .ratio = ..., ...});
//
// Source: Wang, Zang, Wang, Luo, Li, "Selective Hardware/Software Memory Virtualization", VEE 2011.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

// Per 1000 instructions.
struct DspRates {
  double tlb = 0;             // misses in this interval
  double faults = 0;          // of the guest
  double tlb_history = 0;     // mean of the intervals before
  double faults_history = 0;  // likewise
};

struct DspVerdict {
  unsigned rule = 0;             // 1 to 8, in the order of the paper's flow chart
  std::optional<Paging> paging;  // none: stay
};

// The rules alone: a function of the rates.
[[nodiscard]] DspVerdict decide_dsp(const DspParams& params, const DspRates& rates);

class DspPolicy : public SwitchPolicy {
 public:
  explicit DspPolicy(const DspParams& params) : params_(params) {}

  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override;
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<DspPolicy>(*this);
  }

 private:
  struct Rate {
    double tlb = 0;
    double faults = 0;
  };
  DspParams params_;
  std::deque<Rate> history_;  // of the intervals before, the newest last
};

}  // namespace nestwalk
