// Stays or switches by what the other paging would cost, from costs that were measured.
//
// Nested paging pays for every TLB miss, shadow paging for page faults of the guest, loads of CR3
// and writes to guest tables, which are known under both. What each costs is measured where it
// occurs: the cycles of a walk under either paging, and under shadow paging the cycles of all
// exits, which scale the assumed costs of the three. A switch must pay for itself within the
// horizon.
#pragma once

#include <memory>
#include <optional>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

class CostModelPolicy : public SwitchPolicy {
 public:
  explicit CostModelPolicy(const CostModelParams& params) : params_(params) {}

  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override;
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<CostModelPolicy>(*this);
  }

 private:
  // Whether this is the first interval after a switch.
  bool learn(const IntervalSample& sample);
  void average(std::optional<double>& mean, double value) const;
  // Cycles, before they are scaled by what was measured.
  [[nodiscard]] double assumed_exits(const IntervalSample& sample) const;
  [[nodiscard]] double walk_saving() const;

  CostModelParams params_;
  std::optional<double> nested_walk_;  // cycles of one
  std::optional<double> shadow_walk_;
  std::optional<double> scale_;          // measured exit cycles by assumed ones
  std::optional<double> switch_cycles_;  // of a switch to shadow paging, filling included
  bool has_switched_ = false;            // this interval is the first after a switch
};

}  // namespace nestwalk
