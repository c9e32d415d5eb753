#include "tb/cosim_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string_view>
#include <utility>

#include "model/cli/interrupt.h"
#include "model/cli/junit.h"
#include "model/config/problem.h"
#include "model/sim/results.h"
#include "tb/cosim_bench.h"
#include "tb/cosim_coverage.h"
#include "tb/cosim_list.h"
#include "tb/cosim_parts.h"
#include "tb/coverage_report.h"
#include "tb/walker_set.h"
#include "tb/wave_bench.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || rest != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

// One that has exactly this name, else all that have the text in it.
void keep_chosen(std::vector<CosimEntryRun>& runs, const std::string& only) {
  const bool is_name = std::any_of(runs.begin(), runs.end(),
                                   [&](const CosimEntryRun& run) { return run.name == only; });
  std::erase_if(runs, [&](const CosimEntryRun& run) {
    return is_name ? run.name != only : run.name.find(only) == std::string::npos;
  });
}

int run_cases(const CosimOptions& options, const CosimEntryRun& entry, const Streams& streams) {
  // A part of a run takes the library that all parts take, whatever is edited meanwhile.
  WalkerStore store = default_walker_store();
  if (!options.result.empty()) {
    store.sources.clear();
  }
  CosimRun run(entry.params, open_walker_set(entry.params.walker, store));
  if (options.mistake) {
    run.plant(*options.mistake);
  }
  std::optional<BenchWaves> waves;
  if (!options.wave.empty()) {
    WaveFileParams file;
    file.path = options.wave;
    if (file.path.extension() == ".vcd") {
      file.format = WaveFormat::kVcd;
    }
    BenchWaves::Shape shape;
    shape.rtl_slots = run.bench().slots();
    waves.emplace(std::move(file), shape);
    waves->follow(run.bench());
  }
  CosimCoverage bins;
  if (!options.coverage.empty()) {
    run.observe_with([&bins](const Record& record) { bins.observe(record); });
  }
  const InterruptGuard guard;
  run.ask_before_each([] { return !InterruptGuard::is_requested(); });
  run.cases(*options.cases);
  const CosimResult& result = run.result();
  if (waves) {
    waves->close();
  }
  if (InterruptGuard::is_requested()) {
    streams.err << "nestwalk cosim: interrupted\n";
    return kExitInterrupted;
  }
  if (!options.coverage.empty()) {
    write_coverage_part(options.coverage, run.bench().walker(), bins);
  }
  if (!options.result.empty()) {
    const fs::path part = options.result + ".part";
    std::ofstream file(part, std::ios::binary);
    file << cosim_result_json(result);
    file.close();
    if (!file) {
      throw ResultsError(fmt::format("cannot write {}", part.string()));
    }
    fs::rename(part, options.result);  // whole or not there
  }
  if (result.failure) {
    const CosimFailure& failure = *result.failure;
    streams.out << fmt::format("FAIL  {}, case {}, after {} walks\n", entry.name, failure.number,
                               failure.walk);
    for (const std::string& problem : failure.problems) {
      streams.out << "      " << problem << "\n";
    }
    return kExitCheckFailed;
  }
  streams.out << fmt::format("ok    {}: {} walks in {} cases, {} cycles, {:.2f} s, 0 mismatches\n",
                             entry.name, result.num_walks, result.num_cases, result.num_cycles,
                             result.seconds);
  return kExitOk;
}

int run_chosen(const CosimOptions& options, const Streams& streams) {
  std::vector<CosimEntryRun> runs = load_cosim(options.config, options.overrides);
  keep_chosen(runs, options.only);
  if (runs.empty()) {
    streams.err << fmt::format("nestwalk cosim: no run of {} has '{}' in its name\n",
                               options.config, options.only);
    return kExitUsage;
  }
  if (!options.coverage.empty()) {
    for (CosimEntryRun& run : runs) {  // in place of another variant
      std::string& walker = run.params.walker;
      walker = walker.substr(0, walker.find('+')) + kCoverageVariant;
    }
  }
  if (options.bench) {
    for (const CosimEntryRun& run : runs) {
      streams.out << cosim_bench_text(run.name, measure_cosim(run.params));
      streams.out.flush();
    }
    return kExitOk;
  }
  if (options.cases) {
    if (runs.size() > 1) {
      streams.err << fmt::format(
          "nestwalk cosim: --cases is about one run, and {} has {}; choose one with --only\n",
          options.config, runs.size());
      return kExitUsage;
    }
    return run_cases(options, runs.front(), streams);
  }
  if (!options.wave.empty() || !options.result.empty()) {
    streams.err << fmt::format("nestwalk cosim: {} needs --cases: which cases it is about\n",
                               options.wave.empty() ? "--result" : "--wave");
    return kExitUsage;
  }
  if (options.resume && options.out.empty()) {
    streams.err << "nestwalk cosim: --resume needs the results folder to go on in: --out\n";
    return kExitUsage;
  }
  const std::string stem =
      options.config == "-" ? "stdin" : fs::path(options.config).stem().string();
  const fs::path folder =
      create_results_folder({options.out, options.force || options.resume}, "cosim-" + stem);
  return CosimParts(runs, folder, options, streams).run();
}

void set_from_text(CLI::App& command, const char* name, const char* text, const char* expected,
                   const std::function<bool(const std::string&)>& take) {
  command.add_option_function<std::string>(
      name,
      [take, name, expected](const std::string& value) {
        if (!take(value)) {
          throw CLI::ValidationError(
              fmt::format("{}: found '{}', expected {}", name, value, expected));
        }
      },
      text);
}

}  // namespace

std::optional<CaseRange> parse_case_range(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto first = parse_number(std::string_view(text).substr(0, colon));
  if (!first) {
    return std::nullopt;
  }
  if (colon == std::string::npos) {
    return CaseRange{*first, *first + 1};
  }
  const auto end = parse_number(std::string_view(text).substr(colon + 1));
  if (!end || *end <= *first) {
    return std::nullopt;
  }
  return CaseRange{*first, *end};
}

std::optional<PlantedMistake> parse_mistake(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto kind = std::find(kEventKindNames.begin(), kEventKindNames.end(),
                              std::string_view(text).substr(0, colon));
  if (colon == std::string::npos || kind == kEventKindNames.end()) {
    return std::nullopt;
  }
  const auto number = parse_number(std::string_view(text).substr(colon + 1));
  if (!number) {
    return std::nullopt;
  }
  return PlantedMistake{static_cast<EventKind>(kind - kEventKindNames.begin()), *number};
}

int run_cosim(const CosimOptions& options, const Streams& streams) {
  try {
    return run_chosen(options, streams);
  } catch (const ConfigError& error) {
    streams.err << error.what() << "\n";
    return kExitUsage;
  } catch (const ResultsError& error) {
    streams.err << "nestwalk cosim: " << error.what() << "\n";
  } catch (const WalkerSetError& error) {
    streams.err << "nestwalk cosim: " << error.what() << "\n";
  } catch (const CoverageError& error) {
    streams.err << "nestwalk cosim: " << error.what() << "\n";
  } catch (const WaveError& error) {
    streams.err << "nestwalk cosim: " << error.what() << "\n";
  }
  return kExitUsage;
}

void add_cosim_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<CosimOptions>();
  CLI::App* command =
      program.add_subcommand("cosim", "Hold the RTL walker against the model, over random tables");
  command
      ->add_option("config", options->config,
                   "One configuration, or a list such as configs/regressions/cosim.yaml")
      ->required();
  command
      ->add_option("--set", options->overrides,
                   "Override one value of every run: path=value; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--only", options->only, "Only the run of this name, or with it in its name");
  command->add_option("--jobs", options->jobs, "Parts at a time; default: one for each processor");
  command->add_option("--part-walks", options->part_walks, "Walks of a part; default: 100000")
      ->check(CLI::PositiveNumber);
  command->add_option("--out", options->out, "Results folder; default: out/NNN-cosim-CONFIG");
  command->add_option(
      "--coverage", options->coverage,
      "An HTML page: functional bins, and lines, branches and bits of the RTL; with "
      "--cases the stem of the files with their counts");
  command->add_flag("--bench", options->bench,
                    "Measure the speed beside that of the RTL alone on the same stimulus");
  command->add_flag("--force", options->force, "Write into a results folder that exists");
  command->add_flag("--resume", options->resume,
                    "Go on in the folder of --out: parts that have passed are not done again");
  set_from_text(*command, "--cases", "Only case N, or cases A:B without B, in this process",
                "a case, such as 17, or a range, such as 0:157",
                [options](const std::string& text) {
                  options->cases = parse_case_range(text);
                  return options->cases.has_value();
                });
  command->add_option(
      "--wave", options->wave,
      "With --cases: a file for their waves, .fst or .vcd, with a save file beside");
  command->add_option("--result", options->result, "With --cases: a file for the figures, as JSON");
  set_from_text(
      *command, "--plant",
      "Change the address of the N-th record of a kind in each case, KIND:N: shows what a "
      "mismatch looks like",
      "KIND:N, such as read:3", [options](const std::string& text) {
        options->mistake = parse_mistake(text);
        return options->mistake.has_value();
      });
  command->footer(
      "Examples:\n"
      "  nestwalk cosim configs/regressions/cosim.yaml\n"
      "  nestwalk cosim configs/regressions/cosim-full.yaml --resume --out out/cosim-full\n"
      "  nestwalk cosim configs/regressions/cosim.yaml --only one-slot --cases 17\n"
      "What is written: a folder for each run, junit.xml and cosim.json.\n"
      "Exit status: 0 if RTL and model agreed everywhere, else 1.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_cosim(*options, streams); };
  });
}

}  // namespace nestwalk
