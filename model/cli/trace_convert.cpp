#include "model/cli/trace_convert.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <ostream>

#include "model/cli/interrupt.h"
#include "model/cli/progress.h"
#include "model/cli/run_figures.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_import.h"
#include "model/workload/trace_slice.h"

namespace nestwalk {

namespace {

std::string next_text(const std::string& output) {
  return fmt::format(
      "next: ./nestwalk run configs/examples/quickstart.yaml"
      " --set vms.0.processes.0.workload.trace={}\n",
      output);
}

// `convert` writes the part file and returns what is said about it.
int run(const TraceConvertOptions& options, const Streams& streams,
        const std::function<std::string(const std::string& part_path)>& convert) {
  if (const auto obstacle = find_obstacle(options.output, options.overwrite)) {
    streams.err << "nestwalk trace: " << *obstacle << "\n";
    return kExitUsage;
  }
  try {
    const OutputFile output(options.output);
    const std::string said = convert(output.part_path());
    if (const auto problem = output.finish()) {
      streams.err << "nestwalk trace: " << *problem << "\n";
      return kExitUsage;
    }
    streams.out << options.output << "\n\n" << said << next_text(options.output);
    return kExitOk;
  } catch (const TraceError& error) {
    streams.err << "nestwalk trace: " << error.what() << "\n";
    return kExitInput;
  }
}

std::string line(const char* name, std::uint64_t value) {
  return fmt::format("  {:<24}{:>18}\n", name, with_separators(value));
}

}  // namespace

int run_trace_slice(const TraceConvertOptions& options, const Streams& streams) {
  return run(options, streams, [&](const std::string& part_path) {
    const SliceResult result = slice_trace({.input_path = options.input,
                                            .output_path = part_path,
                                            .from = options.from,
                                            .count = options.count});
    std::string text =
        line("accesses", result.num_accesses) + line("instructions", result.num_instructions) +
        line("regions at the start", result.num_regions) + line("bytes", result.file_bytes);
    if (result.num_accesses < options.count) {
      text += fmt::format("  the trace ends there, {} accesses before the end of the slice\n",
                          with_separators(options.count - result.num_accesses));
    }
    return text;
  });
}

int run_trace_import(const TraceConvertOptions& options, const Streams& streams) {
  bool is_interrupted = false;
  const int status = run(options, streams, [&](const std::string& part_path) {
    ProgressLine progress(streams.err, is_terminal(2));
    const std::optional<std::uint64_t> total =
        options.count == 0 ? std::nullopt : std::optional(options.count);
    const InterruptGuard guard;
    const ImportResult result = import_trace(
        {.input_path = options.input, .output_path = part_path, .max_accesses = options.count},
        [&](std::uint64_t num_accesses) {
          progress.show("importing", num_accesses, total);
          return !InterruptGuard::is_requested();
        });
    progress.clear();
    is_interrupted = InterruptGuard::is_requested();
    return fmt::format("  {:<24}{:>18}\n", "format", result.format) +
           fmt::format("  {:<24}{:>18}\n", "packed with", result.compression) +
           line("accesses", result.num_accesses) + line("instructions", result.num_instructions) +
           line("4K pages touched", result.num_pages) + line("regions", result.num_regions) +
           line("bytes", result.file_bytes) +
           (is_interrupted ? "  interrupted; the trace is complete up to there\n" : "");
  });
  return status == kExitOk && is_interrupted ? kExitInterrupted : status;
}

}  // namespace nestwalk
