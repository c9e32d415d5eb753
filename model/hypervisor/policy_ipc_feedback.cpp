#include "model/hypervisor/policy_ipc_feedback.h"

#include <algorithm>
#include <utility>

namespace nestwalk {

SwitchAdvice IpcFeedbackPolicy::advise(const IntervalSample& sample) {
  SwitchAdvice advice;
  advice.paging = sample.paging;
  if (skip_ != 0) {
    --skip_;
    advice.reason = "so soon after a switch an interval does not count";
    return advice;
  }
  const double ipc = sample.instructions_per_cycle();
  adapt(ipc);
  const auto percent = [&sample](std::uint64_t cycles) {
    return 100.0 * static_cast<double>(cycles) /
           static_cast<double>(std::max<std::uint64_t>(sample.cycles.cycles(), 1));
  };
  const double overhead = params_.walk_weight * percent(sample.walk_cycles) +
                          params_.exit_weight * percent(sample.exit_cycles());
  if (overhead > high_percent_) {
    ++counter_;
    advice.reason = "overhead above the high threshold";
  } else if (overhead < params_.low_percent) {
    counter_ -= counter_ == 0 ? 0 : 1;
    advice.reason = "overhead below the low threshold";
  } else {
    advice.reason = "overhead between the thresholds";
  }
  advice.rates = {{"overhead_percent", overhead},
                  {"high_percent", high_percent_},
                  {"counter", static_cast<double>(counter_)},
                  {"ipc", ipc}};
  if (counter_ >= params_.saturation) {
    counter_ = 0;
    skip_ = params_.skip;
    ipc_before_ = ipc;
    advice.paging = sample.paging == Paging::kShadow ? Paging::kNested : Paging::kShadow;
    advice.reason += ", often enough";
  }
  return advice;
}

void IpcFeedbackPolicy::adapt(double ipc) {
  const std::optional<double> before = std::exchange(ipc_before_, std::nullopt);
  if (!before || *before == 0 || ipc == 0) {
    return;
  }
  if (ipc < 0.9 * *before) {
    high_percent_ += 2 * *before / ipc;
  } else if (ipc > 1.1 * *before) {
    high_percent_ = std::max(params_.low_percent, high_percent_ - 2 * ipc / *before);
  }
}

}  // namespace nestwalk
