#include "model/cli/bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cli/progress.h"
#include "model/sim/bench_case.h"
#include "model/sim/bench_process.h"

namespace nestwalk {

namespace {

struct Measurement {
  BenchCase bench_case;
  BenchSize size;
  BenchFigures figures;
};

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Nothing if it was not asked for.
const Measurement* find(const std::vector<Measurement>& all, std::string_view name) {
  const auto found = std::find_if(
      all.begin(), all.end(), [name](const Measurement& m) { return m.bench_case.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// What makes the figures void: one sentence, or nothing.
std::vector<std::string> find_problems(const std::vector<Measurement>& all) {
  std::vector<std::string> problems;
  for (const Measurement& m : all) {
    if (m.figures.num_faults != 0) {
      problems.push_back(
          fmt::format("{}: {} accesses faulted", m.bench_case.title, m.figures.num_faults));
    }
  }
  for (const char* name :
       {"gups_no_walk_caches", "at_walks", "reference_walks", "reference_walks_ahead"}) {
    const Measurement* m = find(all, name);
    if (m != nullptr && m->figures.num_full_walks != m->figures.num_walks) {
      problems.push_back(fmt::format("{}: not every walk made 24 references", m->bench_case.title));
    }
  }
  const Measurement* bare = find(all, "bare_walks");
  for (const char* name : {"reference_walks", "reference_walks_ahead"}) {
    const Measurement* m = find(all, name);
    if (m != nullptr && bare != nullptr && m->figures.checksum != bare->figures.checksum) {
      problems.push_back(
          fmt::format("{}: the bare loop found different addresses", m->bench_case.title));
    }
  }
  return problems;
}

struct Ratio {
  const Measurement* model = nullptr;
  const Measurement* bare = nullptr;
  double times = 0;  // how many times as fast the bare one is
};

std::vector<Ratio> ratios(const std::vector<Measurement>& all) {
  std::vector<Ratio> result;
  for (const Measurement& m : all) {
    if (const Measurement* bare = find(all, m.bench_case.yardstick)) {
      result.push_back({&m, bare, bare->figures.median() / m.figures.median()});
    }
  }
  return result;
}

std::string references_text(const Measurement& m) {
  // Bare loops count nothing; that the same entries were read follows from what was found.
  return m.figures.num_references == 0
             ? std::string("-")
             : fmt::format("{:.2f}", share(m.figures.num_references, m.figures.num_walks));
}

std::string table(const std::vector<Measurement>& all) {
  std::string text = fmt::format("{:<42}{:>9}{:>17}  {:<15}{:>9}{:>8}{:>9}\n", "", "median",
                                 "lowest-highest", "unit", "refs/walk", "hits", "memory");
  for (const Measurement& m : all) {
    const BenchFigures& f = m.figures;
    const std::string range = fmt::format("{:.2f}-{:.2f}", f.lowest() / 1e6, f.highest() / 1e6);
    const std::string hits =
        is_bare(m.bench_case.engine)
            ? std::string("-")
            : fmt::format("{:.1f} %", 100 * (1 - share(f.num_walks, f.num_translations)));
    text += fmt::format("{:<42}{:>9.2f}{:>17}  {:<15}{:>9}{:>8}{:>5} MiB\n", m.bench_case.title,
                        f.median() / 1e6, range,
                        m.bench_case.counts_walks ? "M walks/s" : "M accesses/s",
                        references_text(m), hits, f.peak_memory_bytes >> 20);
  }
  return text;
}

std::string explanation(const std::vector<Measurement>& all) {
  std::string text = "\n";
  if (const Measurement* gups = find(all, "gups_no_walk_caches")) {
    text += fmt::format("{} of {} walks of GUPS without walk caches made exactly 24 references.\n",
                        gups->figures.num_full_walks, gups->figures.num_walks);
  }
  if (const std::vector<Ratio> pairs = ratios(all); !pairs.empty()) {
    text += "A bare loop does the same with nothing else around it. It is so many times as fast:\n";
    for (const Ratio& r : pairs) {
      text += fmt::format("{:>7.1f}  {}, beside: {}\n", r.times, r.model->bench_case.title,
                          r.bare->bench_case.title);
    }
  }
  text +=
      "Rates are per second of processor time; hits are of the TLBs; memory is the peak of the "
      "process.\nEach measurement had a process of its own. docs/performance.md says how to read "
      "this.\n";
  return text;
}

nlohmann::ordered_json to_json(const std::vector<Measurement>& all) {
  nlohmann::ordered_json json;
  json["schema_version"] = 1;
  for (const Measurement& m : all) {
    const BenchFigures& f = m.figures;
    nlohmann::ordered_json entry;
    entry["name"] = m.bench_case.name;
    entry["title"] = m.bench_case.title;
    entry["unit"] = m.bench_case.counts_walks ? "walks/s" : "accesses/s";
    entry["median"] = f.median();
    entry["lowest"] = f.lowest();
    entry["highest"] = f.highest();
    entry["repetitions"] = f.num_repetitions;
    entry["accesses_per_repetition"] = m.size.num_accesses;
    entry["translations"] = f.num_translations;
    entry["walks"] = f.num_walks;
    if (!is_bare(m.bench_case.engine)) {
      entry["references"] = f.num_references;
    }
    entry["peak_memory_bytes"] = f.peak_memory_bytes;
    json["measurements"].push_back(entry);
  }
  for (const Ratio& r : ratios(all)) {
    nlohmann::ordered_json entry;
    entry["name"] = r.model->bench_case.name;
    entry["bare"] = r.bare->bench_case.name;
    entry["bare_is_times_as_fast"] = r.times;
    json["ratios"].push_back(entry);
  }
  json["problems"] = find_problems(all);
  return json;
}

std::vector<BenchCase> chosen(const std::vector<std::string>& names) {
  std::vector<BenchCase> wanted;
  for (const BenchCase& bench_case : bench_cases()) {
    if (names.empty() || std::find(names.begin(), names.end(), bench_case.name) != names.end()) {
      wanted.push_back(bench_case);
    }
  }
  return wanted;
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const BenchCase& bench_case : bench_cases()) {
    names.emplace_back(bench_case.name);
  }
  return names;
}

}  // namespace

int run_bench(const BenchOptions& options, const Streams& streams) {
  const bool shows_progress = is_terminal(2);
  const std::vector<BenchCase> wanted = chosen(options.names);
  std::vector<Measurement> all;
  for (const BenchCase& bench_case : wanted) {
    if (shows_progress) {
      streams.err << fmt::format("\r\x1b[K{} of {}: {}", all.size() + 1, wanted.size(),
                                 bench_case.title)
                  << std::flush;
    }
    const BenchSize size = bench_size(bench_case, options.is_quick);
    const std::optional<BenchFigures> figures = measure_in_process(bench_case, size);
    if (shows_progress) {
      streams.err << "\r\x1b[K" << std::flush;
    }
    if (!figures) {
      streams.err << fmt::format("nestwalk bench: the measurement '{}' did not end as it should\n",
                                 bench_case.title);
      return kExitCheckFailed;
    }
    all.push_back({bench_case, size, *figures});
  }
  if (options.is_json) {
    streams.out << to_json(all).dump(2) << "\n";
  } else {
    streams.out << table(all) << explanation(all);
  }
  const std::vector<std::string> problems = find_problems(all);
  for (const std::string& problem : problems) {
    streams.err << fmt::format("nestwalk bench: the figures are void: {}\n", problem);
  }
  return problems.empty() ? kExitOk : kExitCheckFailed;
}

void add_bench_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* command =
      program.add_subcommand("bench", "Measure the speed of this program on this machine");
  command->add_flag("--quick", options->is_quick, "A few seconds: smaller and fewer repetitions");
  command->add_flag("--json", options->is_json, "Write JSON instead of a table");
  command->add_option("--only", options->names, "Measure these alone")
      ->type_name("NAME...")
      ->check(CLI::IsMember(all_names()));
  command->footer(
      "Examples:\n"
      "  nestwalk bench\n"
      "  nestwalk bench --quick --json\n"
      "  nestwalk bench --only hits_sequential bare_lt_calls\n"
      "Run it on a machine that has a processor to spare; it uses one at a time.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_bench(*options, streams); };
  });
}

}  // namespace nestwalk
