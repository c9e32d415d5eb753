#include "model/cli/experiment_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "model/cli/experiment.h"
#include "model/config/binder.h"
#include "model/config/problem.h"
#include "model/config/resolved.h"
#include "model/params/nearest_name.h"
#include "model/sim/results.h"

namespace nestwalk {

namespace {

namespace fs = std::filesystem;

using RunKind = ExperimentResult (*)(const ExperimentParams&);
// In the order of ExperimentKind.
constexpr RunKind kKinds[] = {nullptr,    run_faults, run_events, run_switches,
                              run_tables, run_idle,   run_churn,  run_entries,
                              run_walk,   run_ledger, run_hazards};
static_assert(std::size(kKinds) == kExperimentKindNames.size());

// Where the experiments that ship lie: below the working directory, or in the tree that this
// program was built in.
std::vector<fs::path> experiment_folders() {
  std::vector<fs::path> folders{"configs/experiments"};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    folders.push_back(program.parent_path() / "../../configs/experiments");
  }
  return folders;
}

// A configuration that says what kind of experiment it is; the others there are for `nestwalk run`.
bool is_experiment(const fs::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("experiment:")) {
      return true;
    }
  }
  return false;
}

// The file that a name stands for; a path stays as it is.
std::string file_of(const std::string& experiment) {
  if (experiment.find('/') != std::string::npos || experiment.ends_with(".yaml") ||
      experiment == "-") {
    return experiment;
  }
  std::set<std::string> found;  // in both folders where the program runs in its source
  for (const fs::path& folder : experiment_folders()) {
    std::error_code error;
    if (fs::exists(folder / (experiment + ".yaml"), error)) {
      return (folder / (experiment + ".yaml")).lexically_normal().string();
    }
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".yaml" && is_experiment(entry.path())) {
        found.insert(entry.path().stem().string());
      }
    }
  }
  const std::vector<std::string> names(found.begin(), found.end());
  const auto nearest = nearest_name(experiment, names);
  throw std::invalid_argument(fmt::format(
      "no experiment '{}'{} (there are: {})", experiment,
      nearest ? fmt::format("; did you mean '{}'?", *nearest) : "", fmt::join(names, ", ")));
}

ExperimentParams load(const std::string& file, const ExperimentOptions& options) {
  ConfigDocument document = ConfigDocument::load(file);
  for (const std::string& assignment : options.overrides) {
    document.set(assignment);
  }
  auto params = bind_config<ExperimentParams>(document);
  std::vector<ConfigProblem> problems;
  for (const ParameterProblem& problem : find_problems(params.run)) {
    problems.push_back(document.problem_at(problem.key_path, problem.message));
  }
  if (params.kind == ExperimentKind::kNone) {
    const std::vector<std::string_view> kinds(kExperimentKindNames.begin() + 1,
                                              kExperimentKindNames.end());
    problems.push_back(document.problem_at(
        "experiment", fmt::format("no experiment: the key `experiment` must name one of {}; a file "
                                  "without it is for `nestwalk run`",
                                  fmt::join(kinds, ", "))));
  }
  if (!problems.empty()) {
    throw ConfigError(std::move(problems));
  }
  return params;
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw ResultsError(fmt::format("cannot write {}", path.string()));
  }
}

}  // namespace

int run_experiment(const ExperimentOptions& options, const Streams& streams) {
  try {
    const std::string file = file_of(options.experiment);
    const ExperimentParams params = load(file, options);
    const std::string name = file == "-" ? "stdin" : fs::path(file).stem().string();
    const fs::path folder =
        create_results_folder({options.out, options.force}, "experiment-" + name);
    const ExperimentResult result = kKinds[static_cast<unsigned>(params.kind)](params);
    const std::string text = text_of(result);
    const std::string json = json_of(name, result);
    write_file(folder / "table.txt", text);
    write_file(folder / "results.json", json);
    write_file(folder / "config.yaml", resolved_yaml(params));
    if (options.json) {
      streams.out << json;
    } else {
      streams.out << text << fmt::format("results: {}\n", folder.string());
    }
    const bool all_hold = std::all_of(result.claims.begin(), result.claims.end(),
                                      [](const Claim& claim) { return claim.holds; });
    return all_hold ? kExitOk : kExitCheckFailed;
  } catch (const ConfigError& error) {
    streams.err << error.what() << "\n";
  } catch (const ResultsError& error) {
    streams.err << "nestwalk experiment: " << error.what() << "\n";
  } catch (const std::invalid_argument& error) {
    streams.err << "nestwalk experiment: " << error.what() << "\n";
  } catch (const ExperimentError& error) {
    streams.err << "nestwalk experiment: " << error.what() << "\n";
    return kExitCheckFailed;
  }
  return kExitUsage;
}

void add_experiment_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<ExperimentOptions>();
  CLI::App* command = program.add_subcommand(
      "experiment", "Answer a question by the runs that it needs, with a table");
  command
      ->add_option("experiment", options->experiment,
                   "An experiment file, or the name of one in configs/experiments")
      ->required();
  command
      ->add_option("--set", options->overrides,
                   "Override one value: path=value, such as machine.dram.latency_cycles=300; "
                   "may be repeated")
      ->allow_extra_args(false);
  command->add_option("--out", options->out, "Results folder; default: out/NNN-experiment-NAME");
  command->add_flag("--force", options->force, "Write into a results folder that exists");
  command->add_flag("--json", options->json, "Print results.json instead of the table");
  command->footer(
      "Examples:\n"
      "  nestwalk experiment shadow-is-native\n"
      "  nestwalk experiment configs/experiments/nested-walk.yaml --json\n"
      "What is written: table.txt, results.json and config.yaml, which repeats the experiment.\n"
      "Exit status: 0 if all that is claimed below the table holds, else 1.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_experiment(*options, streams); };
  });
}

}  // namespace nestwalk
