// `nestwalk config`: shows, checks and documents configurations without running them.
//
//   nestwalk config show FILE [--set path=value]   every parameter with its value, as YAML
//   nestwalk config check FILE...                  every problem, with its position
//   nestwalk config schema                         JSON Schema of a configuration file
//   nestwalk config reference                      the reference page, in Markdown
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct ConfigShowOptions {
  std::string config;                  // a path, or "-"
  std::vector<std::string> overrides;  // path=value
};

struct ConfigCheckOptions {
  std::vector<std::string> configs;    // paths, or "-"
  std::vector<std::string> overrides;  // path=value, on top of each
};

void add_config_command(CLI::App& program, CommandRunner& runner);

// The commands after their options were read.
int run_config_show(const ConfigShowOptions& options, const Streams& streams);
int run_config_check(const ConfigCheckOptions& options, const Streams& streams);

// Documents that the repository keeps a copy of; those of a co-simulation by --of cosim.
enum class ConfigRoot : std::uint8_t { kRun, kCosim };
[[nodiscard]] std::string config_schema_text(ConfigRoot root);
[[nodiscard]] std::string config_reference_text(ConfigRoot root);

}  // namespace nestwalk
