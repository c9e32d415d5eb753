// The options of a subcommand that records waves, understood and checked.
//
//   WaveOptions options;                    // as the command line gave them
//   add_wave_options(*command, options);
//   if (const auto problem = find_wave_problem(options)) { ... }
//   const WaveWindow window = window_of(options);
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "model/observe/wave_file.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct WaveOptions {
  std::string format;  // empty: no waves
  std::string from;    // a point; empty: the beginning
  std::string to;
  std::string around_failure;  // cycles; empty: no such window
};

void add_wave_options(CLI::App& command, WaveOptions& options);

// What is wrong with them, with the option's name, or nothing.
[[nodiscard]] std::optional<std::string> find_wave_problem(const WaveOptions& options);

// Of options without a problem.
[[nodiscard]] WaveFormat format_of(const WaveOptions& options);
[[nodiscard]] WaveWindow window_of(const WaveOptions& options);

// Where the waves of a results folder are: waves.fst or waves.vcd.
[[nodiscard]] std::filesystem::path wave_path(const std::filesystem::path& folder,
                                              WaveFormat format);
// Takes those of another run away.
void remove_waves(const std::filesystem::path& folder);

}  // namespace nestwalk
