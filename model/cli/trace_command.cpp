#include "model/cli/trace_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string_view>

#include "model/arch/paging_format.h"
#include "model/cli/run_figures.h"
#include "model/cli/trace_convert.h"
#include "model/cli/trace_head.h"
#include "model/cli/trace_pages.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"

namespace nestwalk {

namespace {

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) {
    size /= 1024;
  }
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string info_text(const TraceInfo& info, const TouchedPages& pages) {
  std::string text = fmt::format("{}: a trace, version {}\n  {:<16}{}\n  {:<16}{}\n", info.path,
                                 info.version, "recorded", info.command, "by", info.source);
  const auto line = [&](const char* name, std::uint64_t value, const std::string& note = {}) {
    text += fmt::format("  {:<16}{:>18}{}{}\n", name, with_separators(value),
                        note.empty() ? "" : "   ", note);
  };
  const auto share = [&](std::uint64_t part) {
    return info.num_accesses() == 0
               ? std::string()
               : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) /
                                             static_cast<double>(info.num_accesses()));
  };
  line("instructions", info.num_instructions);
  line("accesses", info.num_accesses());
  line("  reads", info.num_reads, share(info.num_reads));
  line("  writes", info.num_writes, share(info.num_writes));
  line("  fetches", info.num_fetches, share(info.num_fetches) + ", one for each change of line");
  line("4K pages touched", pages.num_distinct, size_text(pages.num_distinct << kSmallPageBits));
  line("  as data", pages.num_data);
  line("  as code", pages.num_code);
  line("events", info.num_events, "besides the regions below");
  line("bytes", info.file_bytes,
       fmt::format("{:.3f} per access",
                   static_cast<double>(info.file_bytes) /
                       static_cast<double>(std::max<std::uint64_t>(info.num_accesses(), 1))));
  text += fmt::format("  {} regions\n", info.initial_regions.size());
  for (const Region& region : info.initial_regions) {
    text += fmt::format("    {:#14x} {:>10} {} {}\n", region.start.value(),
                        size_text(region.length_bytes), rights_text(region.rights), region.name);
  }
  return text;
}

}  // namespace

int run_trace_info(const std::string& path, const Streams& streams) {
  try {
    const TraceInfo info = trace_info(path);
    streams.out << info_text(info, read_touched_pages(path));
    return kExitOk;
  } catch (const TraceError& error) {
    streams.err << "nestwalk trace: " << error.what() << "\n";
    return kExitInput;
  }
}

namespace {

void add_info(CLI::App& trace, CommandRunner& runner) {
  const auto path = std::make_shared<std::string>();
  CLI::App* info = trace.add_subcommand(
      "info", "What was recorded, how much, which pages and regions; reads the whole file");
  info->add_option("file", *path, "The trace file (.nwt)")->required();
  info->callback([path, &runner] {
    runner = [path](const Streams& streams) { return run_trace_info(*path, streams); };
  });
}

void add_head(CLI::App& trace, CommandRunner& runner) {
  const auto options = std::make_shared<TraceHeadOptions>();
  CLI::App* head = trace.add_subcommand("head", "The first records as text");
  head->add_option("file", options->path, "The trace file (.nwt)")->required();
  head->add_option("-n", options->num_records, "How many records; 20 without it");
  head->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_trace_head(*options, streams); };
  });
}

void add_output(CLI::App& command, const std::shared_ptr<TraceConvertOptions>& options) {
  command.add_option("-o,--output", options->output, "The trace file (.nwt) to write")->required();
  command.add_flag_callback(
      "--force", [options] { options->overwrite = Overwrite::kYes; }, "Replace a file that exists");
}

void add_slice(CLI::App& trace, CommandRunner& runner) {
  const auto options = std::make_shared<TraceConvertOptions>();
  CLI::App* slice = trace.add_subcommand(
      "slice", "A part of a trace as a trace of its own, with what is mapped at that place");
  slice->add_option("file", options->input, "The trace file (.nwt)")->required();
  slice->add_option("--from", options->from, "The access to begin with, counted from 0");
  slice->add_option("--count", options->count, "How many accesses")->required();
  add_output(*slice, options);
  slice->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_trace_slice(*options, streams); };
  });
}

void add_import(CLI::App& trace, CommandRunner& runner) {
  const auto options = std::make_shared<TraceConvertOptions>();
  CLI::App* import = trace.add_subcommand(
      "import",
      "A trace of another tool as a trace of this one: ChampSim, lackey and other text forms,\n"
      "packed with xz, gzip or zstd or not at all, told by their content");
  import->add_option("file", options->input, "The file to import")->required();
  import->add_option("--max-accesses", options->count, "Stop after so many; 0: no limit");
  add_output(*import, options);
  import->footer("docs/reference/trace.md lists the forms.");
  import->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_trace_import(*options, streams);
};
}  // namespace
);
}  // namespace nestwalk

}  // namespace

void add_trace_command(CLI::App& program, CommandRunner& runner) {
  CLI::App* trace = program.add_subcommand(
      "trace", "Look into trace files, cut them, import those of other tools");
  trace->footer(
      "Examples:\n"
      "  nestwalk trace info configs/traces/cc1-histogram.nwt\n"
      "  nestwalk trace head -n 40 configs/traces/cc1-histogram.nwt\n"
      "  nestwalk trace slice --from 1000000 --count 50000 -o part.nwt \\\n"
      "      configs/traces/cc1-histogram.nwt\n"
      "  nestwalk trace import mcf.champsim.xz -o mcf.nwt");
  add_info(*trace, runner);
  add_head(*trace, runner);
  add_slice(*trace, runner);
  add_import(*trace, runner);
  for (CLI::App* command : trace->get_subcommands([](CLI::App*) { return true; })) {
    command->allow_extras();  // a word too many is reported by the program
  }
}

}  // namespace nestwalk
