#include "model/cli/wave_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <sstream>
#include <vector>

#include "model/observe/wave_view.h"

namespace nestwalk {

namespace {

namespace fs = std::filesystem;

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((fs::path(folder) / program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

bool has_display() {
  return std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
}

bool is_wave_file(const fs::path& path) {
  return path.extension() == ".fst" || path.extension() == ".vcd";
}

}  // namespace

std::optional<fs::path> find_waves(const fs::path& place) {
  if (fs::is_regular_file(place) && is_wave_file(place)) {
    return place;
  }
  for (const char* name : {"waves.fst", "waves.vcd"}) {
    if (fs::is_regular_file(place / name)) {
      return place / name;
    }
  }
  return std::nullopt;
}

int run_wave(const WaveCommandOptions& options, const Streams& streams) {
  if (!fs::exists(options.results)) {
    streams.err << fmt::format("nestwalk wave: there is no {}\n", options.results);
    return kExitInput;
  }
  const std::optional<fs::path> waves = find_waves(options.results);
  if (!waves) {
    streams.err << fmt::format(
        "nestwalk wave: {} holds no waves.fst and no waves.vcd; `nestwalk run CONFIG --wave fst` "
        "records them\n",
        options.results);
    return kExitInput;
  }
  std::vector<std::string> words = {"gtkwave", waves->string()};
  if (const fs::path view = wave_view_path(*waves); fs::exists(view)) {
    words.push_back(view.string());
  }
  const std::string command = fmt::format("{}", fmt::join(words, " "));
  if (options.is_printed) {
    streams.out << command << "\n";
    return kExitOk;
  }
  if (!is_installed(words.front()) || !has_display()) {
    const char* reason =
        has_display() ? "GTKWave is not installed (apt-get install gtkwave)"
                      : "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set)";
    streams.out << fmt::format("{}.\nWhere it can be opened: {}\n", reason, command);
    return kExitOk;
  }
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  streams.out << command << std::endl;  // before another program takes over
  execvp(arguments.front(), arguments.data());
  streams.err << fmt::format("nestwalk wave: {} cannot be started\n", words.front());
  return kExitCheckFailed;
}

void add_wave_command(CLI::App& program, CommandRunner& runner) {
  const auto options = std::make_shared<WaveCommandOptions>();
  CLI::App* command =
      program.add_subcommand("wave", "Open the waves of a run in GTKWave, or say how");
  command->add_option("results", options->results, "Results folder, or a wave file")->required();
  command->add_flag("--print", options->is_printed, "Print the command instead of running it");
  command->footer(
      "Examples:\n"
      "  nestwalk run configs/examples/quickstart.yaml --mode nested --wave fst --wave-to walk:50 "
      "--out out/w\n"
      "  nestwalk wave out/w");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_wave(*options, streams); };
  });
}

}  // namespace nestwalk
