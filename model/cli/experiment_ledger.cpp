// Kind ledger: where the cycles of one workload go, natively, under nested and under shadow paging,
// to the last one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

namespace {

constexpr std::array kModes = {Mode::kNative, Mode::kNested, Mode::kShadow};
constexpr std::string_view kTotal = "ledger.total.";
constexpr std::string_view kSum = "total";

bool has_prefix(std::string_view name, std::string_view prefix) {
  return name.substr(0, prefix.size()) == prefix;
}

// Of the ledgers of VMs and processes: their own totals.
std::uint64_t total_of_parts(const ExperimentRun& run) {
  std::uint64_t sum = 0;
  for (const auto& [name, cycles] : run.counts) {
    const std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
    if (has_prefix(name, "ledger.") && !has_prefix(name, kTotal) && last == kSum) {
      sum += cycles;
    }
  }
  return sum;
}

std::uint64_t sum_of_causes(const ExperimentRun& run) {
  std::uint64_t sum = 0;
  for (const auto& [name, cycles] : run.counts) {
    if (has_prefix(name, kTotal) && name.substr(kTotal.size()) != kSum) {
      sum += cycles;
    }
  }
  return sum;
}

}  // namespace

ExperimentResult run_ledger(const ExperimentParams& params) {
  std::vector<ExperimentRun> runs;
  for (const Mode mode : kModes) {
    ExperimentJob job{params.run, {}, false};
    job.params.mode = mode;
    runs.push_back(run_apart(job));
  }
  const auto row = [&](const std::string& text, auto&& value) {
    std::vector<std::string> cells{text};
    for (const ExperimentRun& run : runs) {
      cells.push_back(value(run));
    }
    return cells;
  };
  const auto count = [&](const std::string& text, const std::string& name) {
    return row(text, [&](const ExperimentRun& run) { return std::to_string(run.count(name)); });
  };

  TextTable events{
      "The same accesses and system calls", {"count", "native", "nested", "shadow"}, {}};
  events.rows = {
      count("accesses", "run.accesses"),
      count("instructions", "core0.instructions"),
      count("guest page faults", "vm0.guest.faults"),
      count("guest table writes", "vm0.guest.table_writes"),
      row("VM exits",
          [](const ExperimentRun& run) { return std::to_string(run.sum("hypervisor.vm#.exits")); }),
      count("page walks", "core0.walker.walks"),
      count("references of walks", "core0.walker.references")};

  TextTable causes{"Cycles by cause", {"cause", "native", "nested", "shadow"}, {}};
  for (const auto& [name, cycles] : runs.back().counts) {
    if (!has_prefix(name, kTotal) || name.substr(kTotal.size()) == kSum) {
      continue;
    }
    std::vector<std::string> cells = count(name.substr(kTotal.size()), name);
    if (std::any_of(cells.begin() + 1, cells.end(), [](const auto& cell) { return cell != "0"; })) {
      causes.rows.push_back(std::move(cells));
    }
  }
  causes.rows.push_back(row("sum of the causes", [](const ExperimentRun& run) {
    return std::to_string(sum_of_causes(run));
  }));
  causes.rows.push_back(count("cycles of the core", "run.cycles"));
  const std::uint64_t native_cycles = runs[0].count("run.cycles");
  causes.rows.push_back(row("time relative to native", [&](const ExperimentRun& run) {
    return fixed(quotient(run.count("run.cycles"), native_cycles), 3);
  }));

  ExperimentResult result;
  result.tables = {events, causes};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::uint64_t cycles = runs[i].count("run.cycles");
    result.claims.push_back(
        {fmt::format("{}: the causes sum to the core's cycles, and so do the ledgers of its parts",
                     kModeNames[static_cast<unsigned>(kModes[i])]),
         cycles != 0 && sum_of_causes(runs[i]) == cycles && total_of_parts(runs[i]) == cycles});
  }
  return result;
}

}  // namespace nestwalk
