#include "tb/cosim_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "model/arch/check.h"
#include "tb/cosim_run.h"
#include "tb/recording_walker.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

}  // namespace

CosimSpeed measure_cosim(const CosimParams& wanted) {
  constexpr unsigned kRounds = 5;
  CosimParams params = wanted;
  params.traffic.reset_percent = 0;
  params.walks = std::min(params.walks, kMaxBenchWalks);
  const std::uint64_t num_cases = num_cases_of(params);

  auto recorder = std::make_unique<RecordingWalker>(open_walker_set(params.walker));
  RecordingWalker& record = *recorder;
  CosimRun recorded(params, std::move(recorder));
  std::vector<PinStimulus> stimuli;
  for (std::uint64_t number = 0; number < num_cases; ++number) {
    recorded.cases({number, number + 1});
    stimuli.push_back(record.take());
  }

  CosimSpeed speed;
  speed.num_walks = recorded.result().num_walks;
  speed.num_cycles = recorded.result().num_cycles;
  speed.cosim_seconds = std::numeric_limits<double>::max();
  speed.bare_seconds = std::numeric_limits<double>::max();
  CosimRun run(params, params.walker);
  const std::unique_ptr<PinWalker> bare = open_walker_set(params.walker);
  for (unsigned round = 0; round < kRounds; ++round) {
    double start = processor_seconds();
    run.cases({0, num_cases});
    speed.cosim_seconds = std::min(speed.cosim_seconds, processor_seconds() - start);
    std::uint64_t num_responses = 0;
    start = processor_seconds();
    for (std::uint64_t number = 0; number < num_cases; ++number) {
      bare->power_up(number);
      num_responses += bare->replay(stimuli[number]);
    }
    speed.bare_seconds = std::min(speed.bare_seconds, processor_seconds() - start);
    fatal_unless(num_responses == speed.num_walks, "the stimulus gives the same walks again");
  }
  return speed;
}

std::string cosim_bench_text(const std::string& name, const CosimSpeed& speed) {
  const auto line = [&speed](const char* what, double seconds) {
    return fmt::format("  {:<14} {:>8.1f} k walks/s {:>9.1f} k cycles/s\n", what,
                       static_cast<double>(speed.num_walks) / seconds / 1e3,
                       static_cast<double>(speed.num_cycles) / seconds / 1e3);
  };
  return fmt::format("{}: {} walks, {} cycles\n{}{}  {:.0f} per cent of the bare RTL\n", name,
                     speed.num_walks, speed.num_cycles, line("co-simulation", speed.cosim_seconds),
                     line("bare RTL", speed.bare_seconds),
                     100 * speed.bare_seconds / speed.cosim_seconds);
}

}  // namespace nestwalk
