#include "model/cli/run_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>
#include <utility>

#include "model/cli/interrupt.h"
#include "model/cli/progress.h"
#include "model/cli/run_figures.h"
#include "model/cli/run_processes.h"
#include "model/cli/run_verdict.h"
#include "model/cli/software_log_file.h"
#include "model/config/problem.h"
#include "model/config/run_config.h"
#include "model/observe/wave_view.h"
#include "model/sim/results.h"
#include "model/sim/run.h"
#include "model/sim/run_waves.h"
#include "model/workload/generator.h"
#include "model/workload/trace_error.h"

namespace nestwalk {

namespace {

namespace fs = std::filesystem;

// What is wrong with --mode and --compare, or nothing.
std::optional<std::string> find_mode_problem(const RunOptions& options) {
  const std::string modes = fmt::format("{}", fmt::join(kModeNames, ", "));
  for (const auto& [option, text] :
       {std::pair{"--mode", options.mode}, std::pair{"--compare", options.compare}}) {
    const ModeList list = parse_modes(text);
    if (!list.unknown.empty()) {
      return fmt::format("{} {}: '{}' is no mode; modes: {}", option, text, list.unknown.front(),
                         modes);
    }
    const std::set<Mode> distinct(list.modes.begin(), list.modes.end());
    if (distinct.size() != list.modes.size()) {
      return fmt::format("{} {}: a mode is named twice", option, text);
    }
  }
  if (parse_modes(options.mode).modes.size() > 1) {
    return fmt::format("--mode {}: one mode; --compare takes several", options.mode);
  }
  return std::nullopt;
}

RunParams load(const RunOptions& options) {
  ConfigDocument document = ConfigDocument::load(options.config);
  for (const std::string& assignment : options.overrides) {
    document.set(assignment);
  }
  if (!options.mode.empty()) {
    document.set("mode", options.mode);
    document.set("compare", "\"\"");  // quoted: an empty text
  }
  if (!options.compare.empty()) {
    document.set("compare", options.compare);
  }
  for (const auto& [key, value] : {std::pair{"warmup_accesses", options.warmup},
                                   std::pair{"measure_accesses", options.measure},
                                   std::pair{"stats_every_accesses", options.stats_every}}) {
    if (!value.empty()) {
      document.set(key, value);
    }
  }
  return load_run(document);
}

// Says what is wrong with a trace once, and before anything is made. Throws TraceError.
void open_workloads(const RunParams& params) {
  for (const VirtualMachineParams& vm : params.vms) {
    for (const ProcessParams& process : vm.processes) {
      (void)make_stream(process.workload);
    }
  }
}

std::string name_of_config(const std::string& path) {
  return path == "-" ? "stdin" : fs::path(path).stem().string();
}

// The command line again, as far as it decides what is simulated.
std::string command_of(const RunOptions& options) {
  std::string command = "./nestwalk run " + options.config;
  for (const std::string& assignment : options.overrides) {
    const std::string_view quote =
        assignment.find_first_of(" \"[{") == std::string::npos ? "" : "'";
    command += fmt::format(" --set {0}{1}{0}", quote, assignment);
  }
  for (const auto& [option, value] :
       {std::pair{"--warmup", options.warmup}, std::pair{"--measure", options.measure}}) {
    if (!value.empty()) {
      command += fmt::format(" {} {}", option, value);
    }
  }
  return command;
}

RunFigures read_figures(const fs::path& folder) {
  std::ifstream file(folder / "stats.json");
  return figures_of(nlohmann::ordered_json::parse(file));
}

// Runs and writes the results. Returns an exit status; messages go to `streams.err`.
int simulate(const RunParams& params, const fs::path& folder, const RunHooks& hooks,
             const Streams& streams) {
  try {
    Run run(params);
    IntervalFile intervals(folder, params);
    RunHooks with_intervals = hooks;
    with_intervals.interval = [&intervals](const RunInterval& i) { intervals.append(i); };
    const RunResult result = run.execute(with_intervals);
    intervals.close();
    write_results(folder, params, run, result);
    if (!report_broken_rules(result, streams.err)) {
      return kExitCheckFailed;
    }
    switch (result.end) {
      case RunEnd::kFinished:
      case RunEnd::kMeasured:
        if (!run.region().has_begun()) {
          streams.err << fmt::format(
              "nestwalk run: nothing was measured: the workloads ended after {} accesses, within "
              "the warm-up (warmup_accesses {})\n",
              run.region().warmup_accesses(), params.region.warmup_accesses);
          return kExitUsage;
        }
        return kExitOk;
      case RunEnd::kInterrupted:
        streams.err << "nestwalk run: interrupted; the statistics up to here are written\n";
        return kExitInterrupted;
      case RunEnd::kVmStopped:
        streams.err << "nestwalk run: " << result.message << "\n";
        return kExitUsage;
    }
  } catch (const TraceError& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
    return kExitInput;
  } catch (const VmStopped& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
    return kExitUsage;
  } catch (const std::invalid_argument& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
    return kExitUsage;
  }
  return kExitCheckFailed;
}

// Closes the waves, however the run has ended. A line that says where they are, or why there are
// none.
std::string close_waves(WaveFile& file, const WaveOptions& options, const fs::path& folder) {
  file.close();
  write_wave_view(file);
  if (file.is_written()) {
    return fmt::format("waves: {}, cycles {} to {}; open them: ./nestwalk wave {}\n",
                       file.path().string(), file.first_cycle(), file.last_cycle(),
                       folder.string());
  }
  if (!options.around_failure.empty()) {
    return "waves: none; nothing has failed (--wave-around-failure)\n";
  }
  return fmt::format("waves: none; the run was over before --wave-from {} came\n", options.from);
}

bool has_statistics(int status) {
  return status == kExitOk || status == kExitInterrupted;
}

int run_one(const RunParams& params, const RunOptions& options, const Streams& streams) {
  const fs::path folder =
      create_results_folder({options.out, options.force}, name_of_config(options.config));
  ProgressLine line(streams.err, is_terminal(2));
  const InterruptGuard guard;
  RunHooks hooks;
  hooks.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
    line.show(kModeNames[static_cast<unsigned>(params.mode)], done, total);
  };
  hooks.is_interrupted = InterruptGuard::is_requested;
  std::optional<SoftwareLogFile> log;
  if (!options.log.empty()) {
    log.emplace(options.log, options.log_limit);
    hooks.log = &*log;
  }
  remove_waves(folder);
  std::optional<WaveFile> waves;
  if (!options.wave.format.empty()) {
    const WaveFormat format = format_of(options.wave);
    waves.emplace(wave_params(params, wave_path(folder, format), format, window_of(options.wave)));
    hooks.waves = &*waves;
  }
  const int status = simulate(params, folder, hooks, streams);
  line.clear();
  const std::string about_waves = waves ? close_waves(*waves, options.wave, folder) : "";
  if (log) {
    log->close();
    if (log->num_left_out() != 0) {
      streams.err << fmt::format(
          "nestwalk run: {} holds the first {} records; {} more are left out "
          "(--log-limit)\n",
          options.log, options.log_limit, log->num_left_out());
    }
  }
  if (!has_statistics(status)) {
    streams.out << about_waves;
    return status;
  }
  const RunFigures figures = read_figures(folder);
  streams.out << fmt::format("{} on {}, {}\n\n{}\n", name_of_config(options.config),
                             figures.machine, figures.mode, summary_text(figures))
              << fmt::format("results: {}\n", folder.string()) << about_waves;
  if (status == kExitOk && params.mode != Mode::kNative && params.vms.size() == 1) {
    streams.out << fmt::format("next: {} --compare native,nested,shadow\n", command_of(options));
  }
  return status;
}

int run_comparison(const RunParams& params, const std::vector<Mode>& modes,
                   const RunOptions& options, const Streams& streams) {
  const fs::path folder =
      create_results_folder({options.out, options.force}, name_of_config(options.config));
  std::vector<RunProcess> processes;
  std::vector<fs::path> folders;
  for (const Mode mode : modes) {
    RunParams one = params;
    one.mode = mode;
    const std::string name(kModeNames[static_cast<unsigned>(mode)]);
    const fs::path sub = create_results_folder({(folder / name).string(), options.force}, name);
    folders.push_back(sub);
    processes.push_back({name, [one, sub, &streams](const RunHooks& hooks) {
                           return simulate(one, sub, hooks, streams);
                         }});
  }
  ProgressLine line(streams.err, is_terminal(2));
  const int status = run_processes(processes, line, streams);
  line.clear();
  if (!has_statistics(status)) {
    return status;
  }
  std::vector<RunFigures> figures;
  figures.reserve(folders.size());
  for (const fs::path& sub : folders) {
    figures.push_back(read_figures(sub));
  }
  streams.out << fmt::format("{} on {}\n\n{}\n", name_of_config(options.config),
                             figures.front().machine, comparison_text(figures))
              << fmt::format("results: {}\n", folder.string());
  if (status == kExitInterrupted) {
    streams.out << "interrupted: the columns may stand for different parts of the run\n";
  }
  if (status == kExitOk) {
    streams.out << fmt::format(
        "next: {} --set machine.walker.ntlb.array.entries=0\n"
        "      (the same without a nested TLB), or less {}\n",
        command_of(options), (folders.back() / "stats.txt").string());
  }
  return status;
}

}  // namespace

int run_run(const RunOptions& options, const Streams& streams) {
  if (const auto problem = find_mode_problem(options)) {
    streams.err << "nestwalk run: " << *problem << "\n";
    return kExitUsage;
  }
  if (const auto problem = find_wave_problem(options.wave)) {
    streams.err << "nestwalk run: " << *problem << "\n";
    return kExitUsage;
  }
  try {
    const RunParams params = load(options);
    open_workloads(params);
    const std::vector<Mode> modes = parse_modes(params.compare).modes;
    if (modes.empty()) {
      return run_one(params, options, streams);
    }
    if (!options.log.empty()) {
      streams.err << fmt::format(
          "nestwalk run: --log {}: a log is of one mode, and {} are compared; "
          "choose one with --mode\n",
          options.log, params.compare);
      return kExitUsage;
    }
    if (!options.wave.format.empty()) {
      streams.err << fmt::format(
          "nestwalk run: --wave {}: waves are of one mode, and {} are compared; choose one with "
          "--mode\n",
          options.wave.format, params.compare);
      return kExitUsage;
    }
    for (const Mode mode : modes) {
      RunParams one = params;
      one.mode = mode;
      for (const ParameterProblem& problem : find_problems(one)) {
        streams.err << fmt::format("nestwalk run: --compare {}: {}: {}\n",
                                   kModeNames[static_cast<unsigned>(mode)], problem.key_path,
                                   problem.message);
        return kExitUsage;
      }
    }
    return run_comparison(params, modes, options, streams);
  } catch (const ConfigError& error) {
    streams.err << error.what() << "\n";
  } catch (const TraceError& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
    return kExitInput;
  } catch (const std::invalid_argument& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
  } catch (const ResultsError& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
  } catch (const WaveError& error) {
    streams.err << "nestwalk run: " << error.what() << "\n";
  }
  return kExitUsage;
}

void add_run_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command =
      program.add_subcommand("run", "Run a configuration: a machine, its VMs and their workloads");
  command->add_option("config", options->config, "Configuration file, or - for standard input")
      ->required();
  command
      ->add_option("--set", options->overrides,
                   "Override one value: path=value, such as machine.dram.latency_cycles=300; "
                   "may be repeated")
      ->allow_extra_args(false);
  command->add_option("--mode", options->mode, "Run in this mode only: native, nested");
  command->add_option("--compare", options->compare,
                      "Run once per mode, side by side: native,nested");
  command->add_option("--warmup", options->warmup,
                      "Accesses before the statistics begin; as warmup_accesses=N");
  command->add_option("--measure", options->measure,
                      "Accesses after the warm-up at which the run ends; as measure_accesses=N");
  command->add_option("--stats-every", options->stats_every,
                      "Length of an interval of intervals.jsonl, in accesses; as "
                      "stats_every_accesses=N");
  command->add_option("--out", options->out, "Results folder; default: out/NNN-name");
  command->add_flag("--force", options->force, "Write into a results folder that exists");
  command->add_option(
      "--log", options->log,
      "File for a log of what software and hardware do, as JSON lines: exits, table "
      "writes, faults, invalidations");
  command->add_option("--log-limit", options->log_limit, "Most records of that log")
      ->capture_default_str();
  add_wave_options(*command, options->wave);
  command->footer(
      "Examples:\n"
      "  nestwalk run configs/examples/quickstart.yaml\n"
      "  nestwalk run configs/examples/gups.yaml --set vms.0.backing=2m --out out/gups-2m\n"
      "  nestwalk run configs/examples/gups.yaml --warmup 1000000 --measure 1000000\n"
      "What is written: stats.json, stats.txt and config.yaml, which repeats the run.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_run(*options, streams); };
  });
}

}  // namespace nestwalk
