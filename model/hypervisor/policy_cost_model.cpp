#include "model/hypervisor/policy_cost_model.h"

#include <algorithm>
#include <utility>

namespace nestwalk {

void CostModelPolicy::average(std::optional<double>& mean, double value) const {
  mean = mean ? (1 - params_.weight) * *mean + params_.weight * value : value;
}

double CostModelPolicy::assumed_exits(const IntervalSample& s) const {
  return static_cast<double>(s.guest_page_faults) * params_.fault_cycles +
         static_cast<double>(s.cr3_loads) * params_.cr3_cycles +
         static_cast<double>(s.guest_table_writes) * params_.write_cycles;
}

double CostModelPolicy::walk_saving() const {
  return nested_walk_ && shadow_walk_ ? std::max(0.0, *nested_walk_ - *shadow_walk_)
                                      : params_.walk_saving_cycles;
}

// The first interval under shadow paging shows what the switch costs: all that its page faults and
// loads of CR3 do not explain.
bool CostModelPolicy::learn(const IntervalSample& s) {
  const bool is_shadow = s.paging == Paging::kShadow;
  const bool is_first = std::exchange(has_switched_, false);
  const double assumed = assumed_exits(s);
  const auto exits = static_cast<double>(s.exit_cycles());
  if (is_first && is_shadow) {
    const double explained = assumed * scale_.value_or(1);
    average(switch_cycles_,
            static_cast<double>(s.switch_cycles()) + std::max(0.0, exits - explained));
  }
  if (is_first) {
    return true;
  }
  if (s.tlb_misses != 0) {
    average(is_shadow ? shadow_walk_ : nested_walk_,
            static_cast<double>(s.walk_cycles) / static_cast<double>(s.tlb_misses));
  }
  if (is_shadow && assumed > 0) {
    average(scale_, exits / assumed);
  }
  return false;
}

SwitchAdvice CostModelPolicy::advise(const IntervalSample& sample) {
  const bool is_first = learn(sample);
  const bool is_shadow = sample.paging == Paging::kShadow;
  const double walks = static_cast<double>(sample.tlb_misses) * walk_saving();
  const double exits = is_shadow && !is_first ? static_cast<double>(sample.exit_cycles())
                                              : assumed_exits(sample) * scale_.value_or(1);
  const double gain = is_shadow ? exits - walks : walks - exits;
  const double price = switch_cycles_.value_or(params_.switch_cycles);
  SwitchAdvice advice;
  advice.paging = sample.paging;
  advice.rates = {{"walk_cycles_saved_by_shadow", walks},
                  {"exit_cycles_of_shadow", exits},
                  {"switch_cycles", price}};
  if (gain * params_.horizon > price) {
    advice.paging = is_shadow ? Paging::kNested : Paging::kShadow;
    advice.reason = is_shadow ? "the exits cost more than the walks they save"
                              : "the walks cost more than the exits would";
    has_switched_ = true;
  } else {
    advice.reason = gain > 0 ? "the other paging is the cheaper, but a switch would not pay"
                             : "the other paging is not cheaper";
  }
  return advice;
}

}  // namespace nestwalk
