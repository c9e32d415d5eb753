// `nestwalk wave`: opens the waves of a results folder in GTKWave, or says how.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct WaveCommandOptions {
  std::string results;  // a folder, or a wave file
  bool is_printed = false;
};

void add_wave_command(CLI::App& program, CommandRunner& runner);

// The command after its options were read.
int run_wave(const WaveCommandOptions& options, const Streams& streams);

// The wave file that a folder holds, or that the path itself is. Nothing: there is none.
[[nodiscard]] std::optional<std::filesystem::path> find_waves(const std::filesystem::path& place);

}  // namespace nestwalk
