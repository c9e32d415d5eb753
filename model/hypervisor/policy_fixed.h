// The VM stays as it is.
#pragma once

#include <memory>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

class FixedPolicy : public SwitchPolicy {
 public:
  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override {
    return {sample.paging, "fixed", {}};
  }
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<FixedPolicy>(*this);
  }
};

}  // namespace nestwalk
