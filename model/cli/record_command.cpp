#include "model/cli/record_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>

#include "model/cli/interrupt.h"
#include "model/cli/output_file.h"
#include "model/cli/progress.h"
#include "model/cli/run_figures.h"
#include "model/cli/trace_pages.h"
#include "model/workload/recorder.h"
#include "model/workload/trace_error.h"

namespace nestwalk {

namespace {

std::string end_text(const RecordResult& result, bool is_interrupted) {
  if (is_interrupted) {
    return "interrupted; the trace is complete up to there";
  }
  if (result.stopped_early) {
    return "stopped at the limit";
  }
  if (result.signal != 0) {
    return fmt::format("ended by signal {}", result.signal);
  }
  return fmt::format("ended with status {}", result.exit_status);
}

std::string summary_text(const RecordResult& result, std::uint64_t num_pages, bool is_interrupted) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value, const std::string& note = {}) {
    text += fmt::format("  {:<24}{:>18}{}{}\n", name, value, note.empty() ? "" : "   ", note);
  };
  const double bytes_per_access =
      static_cast<double>(result.file_bytes) /
      static_cast<double>(std::max<std::uint64_t>(result.num_accesses, 1));
  line("accesses", with_separators(result.num_accesses));
  line("instructions", with_separators(result.num_instructions));
  line("4K pages touched", with_separators(num_pages));
  line("bytes", with_separators(result.file_bytes),
       fmt::format("{:.3f} per access", bytes_per_access));
  line("processes", with_separators(result.num_processes));
  line("events", with_separators(result.num_events), "mappings, forks and the like");
  line("regions at the start", with_separators(result.num_regions));
  if (result.num_added_regions != 0) {
    line("regions added", with_separators(result.num_added_regions),
         "for accesses outside all that was seen to be mapped");
  }
  if (result.num_widened_regions != 0) {
    line("regions widened", with_separators(result.num_widened_regions),
         "by a right that the program used");
  }
  return text + fmt::format("  the program {}\n", end_text(result, is_interrupted));
}

int record(const RecordCommandOptions& options, const Streams& streams) {
  const OutputFile output(options.output);
  RecordOptions recorder;
  recorder.command = options.command;
  recorder.output_path = output.part_path();
  recorder.max_accesses = options.max_accesses;
  recorder.compression_level = options.compression_level;
  recorder.follow = options.only_first_process ? Follow::kNone : Follow::kChildren;

  ProgressLine line(streams.err, is_terminal(2));
  const std::optional<std::uint64_t> total =
      options.max_accesses == 0 ? std::nullopt : std::optional(options.max_accesses);
  const InterruptGuard guard;
  const RecordResult result = record_program(recorder, [&](const RecordProgress& progress) {
    line.show("recording", progress.num_accesses, total);
    return !InterruptGuard::is_requested();
  });
  line.clear();
  if (const auto problem = output.finish()) {
    streams.err << "nestwalk record: " << *problem << "\n";
    return kExitUsage;
  }
  const std::uint64_t num_pages = read_touched_pages(options.output).num_distinct;
  const bool is_interrupted = InterruptGuard::is_requested();
  streams.out << fmt::format("{}\n\n{}", options.output,
                             summary_text(result, num_pages, is_interrupted))
              << fmt::format(
                     "next: ./nestwalk run configs/examples/quickstart.yaml"
                     " --set vms.0.processes.0.workload.trace={}\n"
                     "      or ./nestwalk trace info {}\n",
                     options.output, options.output);
  return is_interrupted ? kExitInterrupted : kExitOk;
}

}  // namespace

int run_record(const RecordCommandOptions& options, const Streams& streams) {
  if (const auto obstacle = find_obstacle(options.output, options.overwrite)) {
    streams.err << "nestwalk record: " << *obstacle << "\n";
    return kExitUsage;
  }
  try {
    return record(options, streams);
  } catch (const TraceError& error) {
    const TraceProblem& problem = error.problem();
    streams.err << fmt::format("nestwalk record: {}: {}; expected {}\n", problem.path,
                               problem.found, problem.expected);
    return kExitUsage;
  }
}

void add_record_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<RecordCommandOptions>();
  CLI::App* command = program.add_subcommand("record", "Record a program's accesses into a trace");
  command->add_option("-o,--output", options->output, "The trace file to write, such as ls.nwt")
      ->required();
  command->add_option("--max-accesses", options->max_accesses,
                      "End the recording, and the program, after so many; 0: no limit");
  command->add_flag("--no-children", options->only_first_process,
                    "Record the first process alone, not those that it starts");
  command
      ->add_option("--compression-level", options->compression_level,
                   "Of zstd, 1 to 19: the higher, the smaller the file and the slower")
      ->check(CLI::Range(1, 19));
  command->add_flag_callback(
      "--force", [options] { options->overwrite = Overwrite::kYes; }, "Replace a file that exists");
  command->add_option("command", options->command, "The program and its arguments, after --")
      ->required();
  command->footer(
      "Examples:\n"
      "  nestwalk record -o ls.nwt -- ls -l\n"
      "  nestwalk record -o cc1.nwt --max-accesses 20000000 -- \\\n"
      "      $(gcc -print-prog-name=cc1) -quiet file.c -o /dev/null\n"
      "  nestwalk record -o build.nwt -- sh -c 'cc -c a.c && cc -c b.c'\n"
      "The program runs under Valgrind, about a hundred times slower, with its own input and\n"
      "output, and with every process that it starts. docs/guide/recording.md tells more.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_record(*options, streams); };
  });
}

}  // namespace nestwalk
