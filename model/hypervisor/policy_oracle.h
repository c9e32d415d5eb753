// Follows a schedule that was made with the end in view: a bound for every policy that does not
// know the future.
//
//   const std::string schedule = best_schedule({nested_cycles, shadow_cycles, to_shadow,
//   to_nested}); OraclePolicy policy(schedule);   // "nnssn": a letter for each interval
//
// The intervals of two runs of equal streams are the same work, so that the cycles of interval i
// under either paging can be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/hypervisor/switch_policy.h"

namespace nestwalk {

struct RecordedRuns {
  std::vector<std::uint64_t> nested_cycles;  // by interval
  std::vector<std::uint64_t> shadow_cycles;
  std::uint64_t to_shadow_cycles = 0;  // what a switch costs
  std::uint64_t to_nested_cycles = 0;
};

struct BestSchedule {
  std::string letters;  // n or s for each interval
  std::uint64_t cycles = 0;
};

// The cheapest of all schedules, which begins as the VM does; by dynamic programming.
[[nodiscard]] BestSchedule best_schedule(const RecordedRuns& runs, Paging first);

class OraclePolicy : public SwitchPolicy {
 public:
  explicit OraclePolicy(std::string schedule) : schedule_(std::move(schedule)) {}

  [[nodiscard]] SwitchAdvice advise(const IntervalSample& sample) override;
  [[nodiscard]] std::unique_ptr<SwitchPolicy> clone() const override {
    return std::make_unique<OraclePolicy>(*this);
  }

 private:
  std::string schedule_;
  std::size_t next_ = 1;  // interval 0 is over when advise is first called
};

}  // namespace nestwalk
