#include "model/cli/wave_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <string_view>

namespace nestwalk {

namespace {

constexpr std::array<std::string_view, 2> kFormats = {"fst", "vcd"};

std::optional<std::string> find_window_problem(const WaveOptions& options) {
  const std::array<std::pair<std::string_view, const std::string*>, 2> points = {
      std::pair{std::string_view("--wave-from"), &options.from},
      std::pair{std::string_view("--wave-to"), &options.to}};
  for (const auto& [option, text] : points) {
    if (!text->empty() && !parse_wave_point(*text)) {
      return fmt::format("{} {}: expected {}", option, *text, kWavePointForms);
    }
  }
  if (!options.from.empty() && !options.to.empty()) {
    const WavePoint from = *parse_wave_point(options.from);
    const WavePoint to = *parse_wave_point(options.to);
    if (from.is_walk == to.is_walk && to.number < from.number) {
      return fmt::format("--wave-to {} lies before --wave-from {}", options.to, options.from);
    }
  }
  if (!options.around_failure.empty()) {
    const auto cycles = parse_wave_point(options.around_failure);
    if (!cycles || cycles->is_walk || cycles->number == 0) {
      return fmt::format("--wave-around-failure {}: expected a number of cycles, at least 1",
                         options.around_failure);
    }
    if (!options.from.empty() || !options.to.empty()) {
      return fmt::format("--wave-around-failure {}: a window of its own; leave out {}",
                         options.around_failure,
                         options.from.empty() ? "--wave-to" : "--wave-from");
    }
  }
  return std::nullopt;
}

}  // namespace

void add_wave_options(CLI::App& command, WaveOptions& options) {
  command.add_option("--wave", options.format,
                     "Record waves into the results folder: fst, or vcd (much larger)");
  command.add_option("--wave-from", options.from,
                     fmt::format("Begin of what is recorded: {}", kWavePointForms));
  command.add_option("--wave-to", options.to, "End of what is recorded, likewise");
  command.add_option("--wave-around-failure", options.around_failure,
                     "Record so many cycles before and after the first failure, and nothing "
                     "without one");
}

std::optional<std::string> find_wave_problem(const WaveOptions& options) {
  if (options.format.empty()) {
    for (const auto& [option, text] :
         {std::pair{"--wave-from", &options.from}, std::pair{"--wave-to", &options.to},
          std::pair{"--wave-around-failure", &options.around_failure}}) {
      if (!text->empty()) {
        return fmt::format("{} {}: nothing is recorded without --wave fst", option, *text);
      }
    }
    return std::nullopt;
  }
  if (options.format != kFormats[0] && options.format != kFormats[1]) {
    return fmt::format("--wave {}: no such format; formats: {}, {}", options.format, kFormats[0],
                       kFormats[1]);
  }
  if (!WaveFile::is_available()) {
    return fmt::format("--wave {}: {}", options.format, WaveFile::what_is_missing());
  }
  return find_window_problem(options);
}

WaveFormat format_of(const WaveOptions& options) {
  return options.format == kFormats[1] ? WaveFormat::kVcd : WaveFormat::kFst;
}

WaveWindow window_of(const WaveOptions& options) {
  WaveWindow window;
  window.from = parse_wave_point(options.from);
  window.to = parse_wave_point(options.to);
  if (const auto cycles = parse_wave_point(options.around_failure)) {
    window.around_failure_cycles = cycles->number;
  }
  return window;
}

std::filesystem::path wave_path(const std::filesystem::path& folder, WaveFormat format) {
  return folder / fmt::format("waves.{}", kFormats.at(static_cast<std::size_t>(format)));
}

void remove_waves(const std::filesystem::path& folder) {
  for (const char* name : {"waves.fst", "waves.vcd", "waves.gtkw", "waves-filters"}) {
    std::error_code ignored;
    std::filesystem::remove_all(folder / name, ignored);
  }
}

}  // namespace nestwalk
