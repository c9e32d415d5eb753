// Switches when walks (nested) or exits (shadow) take too large a share of the time for a while,
// and corrects its threshold by what the switch did to the instructions per cycle.
//
// Source: runtime-aware paging mode switching in KVM (NTUA, 2020). A saturating counter moves by
// one for each interval above the high or below the low threshold; after a switch some intervals do
// not count, and then the high threshold rises if the IPC fell by a tenth, and falls if it rose so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

class IpcFeedbackPolicy : public SwitchPolicy {
 public:
  explicit IpcFeedbackPolicy(const IpcFeedbackParams& params)
      : params_(params), high_percent_(params.high_percent) {}

  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override;
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<IpcFeedbackPolicy>(*this);
  }

 private:
  void adapt(double ipc);

  IpcFeedbackParams params_;
  double high_percent_;
  std::uint32_t counter_ = 0;
  std::uint32_t skip_ = 0;
  std::optional<double> ipc_before_;  // of the switch whose effect is not known yet
};

}  // namespace nestwalk
