#include "model/cli/regress_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

#include "model/cli/interrupt.h"
#include "model/cli/junit.h"
#include "model/cli/process_pool.h"
#include "model/cli/regression_list.h"
#include "model/config/problem.h"
#include "model/sim/results.h"

namespace nestwalk {

namespace {

namespace fs = std::filesystem;

constexpr const char* kThisProgram = "/proc/self/exe";

struct Verdict {
  bool has_ended = false;
  std::string problem;  // empty: as expected
  std::string end;
  std::uint64_t num_accesses = 0;
  double seconds = 0;
};

std::string_view name_of(ExpectedEnd end) {
  return kExpectedEndNames[static_cast<unsigned>(end)];
}

// The command line behind the program's name, without the results folder.
std::vector<std::string> arguments_of(const RegressionRun& run) {
  std::vector<std::string> words = {"run", run.config};
  for (const std::string& assignment : run.overrides) {
    words.insert(words.end(), {"--set", assignment});
  }
  return words;
}

std::string command_of(const RegressionRun& run) {
  std::vector<std::string> words = arguments_of(run);
  words.insert(words.begin(), "./nestwalk");
  return shell_command(words);
}

// What decides the stream of each workload.
std::string seeds_of(const RunParams& params) {
  std::vector<std::string> seeds;
  for (const VirtualMachineParams& vm : params.vms) {
    for (const ProcessParams& process : vm.processes) {
      const WorkloadParams& w = process.workload;
      seeds.push_back(w.kind == WorkloadKind::kTrace ? fs::path(w.trace).filename().string()
                                                     : std::to_string(w.seed));
    }
  }
  return fmt::format("{}", fmt::join(seeds, " "));
}

Verdict judge(const RegressionRun& run, const fs::path& folder, const FinishedJob& job) {
  Verdict verdict;
  verdict.has_ended = true;
  verdict.seconds = job.seconds;
  std::ifstream file(folder / "stats.json");
  const auto stats = nlohmann::json::parse(file, nullptr, false);
  if (!stats.is_discarded()) {
    verdict.end = stats.at("end").get<std::string>();
    verdict.num_accesses = stats.at("region").at("measured_accesses").get<std::uint64_t>();
  }
  const int expected = run.end == ExpectedEnd::kVmStopped ? kExitUsage : kExitOk;
  if (job.status < 0) {
    verdict.problem = "it crashed or could not be started";
  } else if (job.status != expected) {
    verdict.problem = fmt::format("exit status {}, expected {}", job.status, expected);
  } else if (verdict.end != name_of(run.end)) {
    verdict.problem = fmt::format("it ended '{}', expected '{}'", verdict.end, name_of(run.end));
  }
  return verdict;
}

std::string last_lines(const fs::path& path, std::size_t most) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back("      " + line + "\n");
    if (lines.size() > most) {
      lines.pop_front();
    }
  }
  return fmt::format("{}", fmt::join(lines, ""));
}

std::vector<RegressionRun> chosen_runs(const RegressOptions& options) {
  std::vector<RegressionRun> runs = load_regression(options.list);
  std::erase_if(runs, [&options](const RegressionRun& run) {
    return run.name.find(options.only) == std::string::npos;
  });
  return runs;
}

int run_all(const std::vector<RegressionRun>& runs, const fs::path& folder,
            const RegressOptions& options, const Streams& streams) {
  std::vector<Job> jobs;
  std::size_t width = 0;
  for (const RegressionRun& run : runs) {
    const fs::path own = folder / run.name;
    (void)create_results_folder({own.string(), options.force}, run.name);
    std::vector<std::string> words = arguments_of(run);
    words.insert(words.begin(), kThisProgram);
    // The folder is this run's already: its log is in it.
    words.insert(words.end(), {"--out", own.string(), "--force"});
    jobs.push_back({words, own / "run.log"});
    width = std::max(width, run.name.size());
  }
  const unsigned num_jobs =
      options.jobs != 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
  std::vector<Verdict> verdicts(runs.size());
  std::size_t num_passed = 0;
  std::size_t num_ended = 0;
  const InterruptGuard guard;
  ProcessPool(num_jobs).run(jobs, [&](const FinishedJob& job) {
    const RegressionRun& run = runs[job.index];
    const fs::path own = folder / run.name;
    Verdict& verdict = verdicts[job.index];
    verdict = judge(run, own, job);
    ++num_ended;
    const bool is_ok = verdict.problem.empty();
    num_passed += is_ok ? 1 : 0;
    streams.out << fmt::format("{:<4}  {:<{}}  {:<10} {:>10} accesses  {:>6.2f} s  seeds {}\n",
                               is_ok ? "ok" : "FAIL", run.name, width, verdict.end,
                               verdict.num_accesses, verdict.seconds, seeds_of(run.params));
    if (!is_ok) {
      streams.out << fmt::format("      {}; again: {}\n{}", verdict.problem, command_of(run),
                                 last_lines(own / "run.log", 8));
    }
    streams.out.flush();
  });
  std::vector<JunitCase> cases;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Verdict& v = verdicts[i];
    cases.push_back({runs[i].name, v.has_ended, v.problem, command_of(runs[i]), v.seconds});
  }
  write_junit(folder / "junit.xml", fs::path(options.list).stem().string(), cases);
  streams.out << fmt::format("{} of {} runs passed; results: {}\n", num_passed, runs.size(),
                             folder.string());
  if (num_ended < runs.size() || InterruptGuard::is_requested()) {
    streams.err << "nestwalk regress: interrupted\n";
    return kExitInterrupted;
  }
  return num_passed == runs.size() ? kExitOk : kExitCheckFailed;
}

}  // namespace

int run_regress(const RegressOptions& options, const Streams& streams) {
  try {
    const std::vector<RegressionRun> runs = chosen_runs(options);
    if (runs.empty()) {
      streams.err << fmt::format("nestwalk regress: no run of {} has '{}' in its name\n",
                                 options.list, options.only);
      return kExitUsage;
    }
    const fs::path folder = create_results_folder(
        {options.out, options.force}, "regress-" + fs::path(options.list).stem().string());
    return run_all(runs, folder, options, streams);
  } catch (const ConfigError& error) {
    streams.err << error.what() << "\n";
  } catch (const ResultsError& error) {
    streams.err << "nestwalk regress: " << error.what() << "\n";
  }
  return kExitUsage;
}

void add_regress_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<RegressOptions>();
  CLI::App* command = program.add_subcommand("regress", "Make every run of a regression list");
  command->add_option("list", options->list, "The list, such as configs/regressions/all.yaml")
      ->required();
  command->add_option("--only", options->only, "Only runs with this text in their name");
  command->add_option("--jobs", options->jobs, "Runs at a time; default: one for each processor");
  command->add_option("--out", options->out, "Results folder; default: out/NNN-regress-LIST");
  command->add_flag("--force", options->force, "Write into a results folder that exists");
  command->footer(
      "Examples:\n"
      "  nestwalk regress configs/regressions/all.yaml\n"
      "  nestwalk regress configs/regressions/all.yaml --only quickstart-nested\n"
      "What is written: a results folder for each run, run.log in it, and junit.xml.\n"
      "Exit status: 0 if every run ended as the list says and broke no counter law, else 1.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_regress(*options, streams); };
  });
}

}  // namespace nestwalk
