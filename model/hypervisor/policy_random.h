// Switches without a reason, for tests: whatever is wrong with a switch shows soonest.
#pragma once

#include <memory>

#include "model/arch/splitmix.h"
#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

class RandomPolicy : public SwitchPolicy {
 public:
  RandomPolicy(const RandomSwitchParams& params, std::uint32_t vm)
      : probability_(params.probability), random_(params.seed + vm) {}

  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override {
    const bool switches = random_.unit() < probability_;
    const bool is_shadow = sample.paging == Paging::kShadow;
    return {is_shadow == switches ? Paging::kNested : Paging::kShadow,
            switches ? "drawn" : "not drawn",
            {}};
  }
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<RandomPolicy>(*this);
  }

 private:
  double probability_;
  SplitMix random_;
};

}  // namespace nestwalk
