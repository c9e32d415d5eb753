#include "model/hypervisor/policy_oracle.h"

#include <algorithm>
#include <array>

namespace nestwalk {
namespace {

constexpr std::array kLetters = {'n', 's'};

}  // namespace

BestSchedule best_schedule(const RecordedRuns& runs, Paging first) {
  const std::size_t num_intervals = std::min(runs.nested_cycles.size(), runs.shadow_cycles.size());
  constexpr unsigned kModes = 2;
  const std::array<std::uint64_t, kModes> entry = {runs.to_nested_cycles, runs.to_shadow_cycles};
  std::vector<std::array<std::uint8_t, kModes>> came_from(num_intervals);
  std::array<std::uint64_t, kModes> best{};
  constexpr std::uint64_t kNever = std::uint64_t{1} << 62;
  best[1 - static_cast<unsigned>(first)] = kNever;
  for (std::size_t i = 0; i < num_intervals; ++i) {
    std::array<std::uint64_t, kModes> next{};
    for (unsigned mode = 0; mode < kModes; ++mode) {
      const std::uint64_t stays = best[mode];
      const std::uint64_t switches = i == 0 ? kNever : best[1 - mode] + entry[mode];
      came_from[i][mode] = static_cast<std::uint8_t>(switches < stays ? 1 - mode : mode);
      next[mode] =
          std::min(stays, switches) + (mode == 0 ? runs.nested_cycles[i] : runs.shadow_cycles[i]);
    }
    best = next;
  }
  BestSchedule schedule;
  unsigned mode = best[1] < best[0] ? 1 : 0;
  schedule.cycles = best[mode];
  for (std::size_t i = num_intervals; i-- > 0;) {
    schedule.letters += kLetters[mode];
    mode = came_from[i][mode];
  }
  std::reverse(schedule.letters.begin(), schedule.letters.end());
  return schedule;
}

SwitchAdvice OraclePolicy::advise(const IntervalSample& sample) {
  SwitchAdvice advice;
  if (schedule_.empty()) {
    return {sample.paging, "no schedule", {}};
  }
  const std::size_t at = std::min(next_, schedule_.size() - 1);
  ++next_;
  advice.paging = schedule_[at] == 's' ? Paging::kShadow : Paging::kNested;
  advice.reason = "interval " + std::to_string(at) + " of the schedule";
  return advice;
}

}  // namespace nestwalk
