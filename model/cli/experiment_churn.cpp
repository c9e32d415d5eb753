// Kind churn: maps and unmaps all the time; what a shadow costs that must follow, beside nested and
// native.
#include <fmt/format.h>

#include <algorithm>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

namespace {

constexpr const char* kLedger = "ledger.total.";

// The same with more and more use of each region before it goes.
TextTable sweep(const ExperimentParams& params) {
  TextTable table{"With more work between map and unmap",
                  {"accesses per region", "accesses", "guest table writes", "cycles, nested",
                   "cycles, shadow", "shadow time / nested time"},
                  {}};
  for (std::uint64_t each = 10; each <= params.sweep.max_accesses_per_region; each *= 10) {
    ExperimentJob job{params.run, {}, false};
    WorkloadParams& workload = job.params.vms.at(0).processes.at(0).workload;
    workload.churn.accesses_per_region = each;
    const std::uint64_t most_pages = workload.churn.max_region_bytes >> kSmallPageBits;
    job.params.region.warmup_accesses = (workload.churn.num_regions + 1) * (each + most_pages);
    job.params.region.measure_accesses = params.sweep.num_regions * (each + most_pages / 2);
    workload.num_accesses = job.params.region.warmup_accesses + job.params.region.measure_accesses;
    job.params.mode = Mode::kNested;
    const ExperimentRun nested = run_apart(job);
    job.params.mode = Mode::kShadow;
    const ExperimentRun shadow = run_apart(job);
    table.rows.push_back(
        {std::to_string(each), std::to_string(nested.count("run.accesses")),
         std::to_string(nested.count("vm0.guest.table_writes")),
         std::to_string(nested.count("run.cycles")), std::to_string(shadow.count("run.cycles")),
         fixed(quotient(shadow.count("run.cycles"), nested.count("run.cycles")), 3)});
  }
  return table;
}

}  // namespace

ExperimentResult run_churn(const ExperimentParams& params) {
  std::vector<ExperimentRun> runs;
  for (const Mode mode : {Mode::kNative, Mode::kNested, Mode::kShadow}) {
    ExperimentJob job{params.run, {}, false};
    job.params.mode = mode;
    runs.push_back(run_apart(job));
  }
  TextTable table{
      "The same maps, unmaps and accesses", {"count", "native", "nested", "shadow"}, {}};
  const auto row = [&](const std::string& text, auto value) {
    std::vector<std::string> cells{text};
    for (const ExperimentRun& run : runs) {
      cells.push_back(value(run));
    }
    table.rows.push_back(cells);
  };
  const auto count = [](const char* name) {
    return [name](const ExperimentRun& run) { return std::to_string(run.count(name)); };
  };
  row("accesses", count("run.accesses"));
  row("guest page faults", count("vm0.guest.faults"));
  row("guest table writes", count("vm0.guest.table_writes"));
  row("VM exits",
      [](const ExperimentRun& run) { return std::to_string(run.sum("hypervisor.vm#.exits")); });
  row("cycles", count("run.cycles"));
  const std::uint64_t nested_cycles = runs[1].count("run.cycles");
  row("time relative to nested", [&](const ExperimentRun& run) {
    return fixed(quotient(run.count("run.cycles"), nested_cycles), 3);
  });

  TextTable causes{"Where the cycles went, per cent", {"cause", "native", "nested", "shadow"}, {}};
  for (const auto& [name, cycles] : runs[2].counts) {
    if (name.rfind(kLedger, 0) != 0 || name == std::string(kLedger) + "total") {
      continue;
    }
    std::vector<std::string> cells{name.substr(std::string_view(kLedger).size())};
    bool is_large = false;
    for (const ExperimentRun& run : runs) {
      const double share = 100 * quotient(run.count(name), run.count("run.cycles"));
      is_large |= share >= 1;
      cells.push_back(fixed(share, 1));
    }
    if (is_large) {
      causes.rows.push_back(cells);
    }
  }

  ExperimentResult result;
  const double gain = quotient(runs[2].count("run.cycles"), nested_cycles) - 1;
  result.claims.push_back(
      {fmt::format("nested is faster than shadow, by {:.0f} per cent", 100 * gain), gain > 0});
  if (params.sweep.max_accesses_per_region != 0) {
    result.tables.push_back(sweep(params));
  }
  if (const ChurnTargetParams& published = params.published; published.gain != 0) {
    result.tables.push_back({"Beside what was published",
                             {"quantity", "published", "lowest", "highest", "here"},
                             {{"shadow time over nested time, less 1", fixed(published.gain),
                               fixed(published.gain / published.tolerance),
                               fixed(published.gain * published.tolerance), fixed(gain)}}});
    result.claims.push_back({"that is within the factor that is asked for",
                             gain >= published.gain / published.tolerance &&
                                 gain <= published.gain * published.tolerance});
  }
  result.tables.insert(result.tables.begin(), {table, causes});
  return result;
}

}  // namespace nestwalk
