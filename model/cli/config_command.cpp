#include "model/cli/config_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "model/config/problem.h"
#include "model/config/reference.h"
#include "model/config/resolved.h"
#include "model/config/run_config.h"
#include "model/config/schema.h"
#include "model/params/cosim.h"

namespace nestwalk {

namespace {

RunParams load(const std::string& config, const std::vector<std::string>& overrides) {
  ConfigDocument document = ConfigDocument::load(config);
  for (const std::string& assignment : overrides) {
    document.set(assignment);
  }
  return load_run(document);
}

// A document with nothing in it gives the defaults.
DescribeFunction describe_defaults(ConfigRoot root) {
  if (root == ConfigRoot::kCosim) {
    const auto defaults = std::make_shared<CosimParams>();
    return [defaults](ParameterVisitor& v) { describe(*defaults, v); };
  }
  const auto defaults = std::make_shared<RunParams>(load_run(ConfigDocument()));
  return [defaults](ParameterVisitor& v) { describe(*defaults, v); };
}

void add_overrides(CLI::App& command, std::vector<std::string>& overrides) {
  command
      .add_option("--set", overrides,
                  "Override one value: path=value, such as machine.dram.latency_cycles=300; may be "
                  "repeated")
      ->allow_extra_args(false);
}

void add_show(CLI::App& config, CommandRunner& runner) {
  const auto options = std::make_shared<ConfigShowOptions>();
  CLI::App* command =
      config.add_subcommand("show", "Print every parameter with the value it has, as YAML");
  command->add_option("config", options->config, "Configuration file, or - for standard input")
      ->required();
  add_overrides(*command, options->overrides);
  command->footer(
      "Example:\n"
      "  nestwalk config show configs/examples/quickstart.yaml --set machine.clock_mhz=2000\n"
      "What is printed is itself a configuration.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_config_show(*options, streams); };
  });
}

void add_check(CLI::App& config, CommandRunner& runner) {
  const auto options = std::make_shared<ConfigCheckOptions>();
  CLI::App* command =
      config.add_subcommand("check", "Say ok, or everything that is wrong and where");
  command->add_option("configs", options->configs, "Configuration files, or - for standard input")
      ->required();
  add_overrides(*command, options->overrides);
  command->footer(
      "Example:\n"
      "  nestwalk config check configs/examples/*.yaml\n"
      "Exit status: 0 if every file is ok, 2 otherwise.");
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_config_check(*options, streams); };
  });
}

void add_document(CLI::App& command, CommandRunner& runner, std::string (*text)(ConfigRoot)) {
  const auto root = std::make_shared<ConfigRoot>(ConfigRoot::kRun);
  command.add_option("--of", *root, "Of what: run (default), or cosim")
      ->transform(CLI::Transformer(std::map<std::string, ConfigRoot>{
          {"run", ConfigRoot::kRun}, {"cosim", ConfigRoot::kCosim}}));
  command.callback([root, text, &runner] {
    runner = [root, text](const Streams& streams) {
      streams.out << text(*root);
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace

std::string config_schema_text(ConfigRoot root) {
  return json_schema_of(describe_defaults(root),
                        root == ConfigRoot::kRun ? "Nestwalk run" : "Nestwalk co-simulation")
             .dump(2) +
         "\n";
}

std::string config_reference_text(ConfigRoot root) {
  return reference_markdown_of(describe_defaults(root), root == ConfigRoot::kRun
                                                            ? "Configuration reference"
                                                            : "Co-simulation parameters");
}

int run_config_show(const ConfigShowOptions& options, const Streams& streams) {
  try {
    streams.out << resolved_yaml(load(options.config, options.overrides));
    return kExitOk;
  } catch (const ConfigError& error) {
    streams.err << error.what() << "\n";
    return kExitUsage;
  }
}

int run_config_check(const ConfigCheckOptions& options, const Streams& streams) {
  int status = kExitOk;
  for (const std::string& config : options.configs) {
    try {
      (void)load(config, options.overrides);
      streams.out << fmt::format("{}: ok\n", config);
    } catch (const ConfigError& error) {
      streams.err << error.what() << "\n";
      status = kExitUsage;
    }
  }
  return status;
}

void add_config_command(CLI::App& program, CommandRunner& runner) {
  CLI::App* config = program.add_subcommand("config", "Show, check and document configurations");
  config->footer(
      "Examples:\n"
      "  nestwalk config show configs/machines/zen2.yaml\n"
      "  nestwalk config check configs/examples/*.yaml\n"
      "  nestwalk config schema > configs/schema.json");
  add_show(*config, runner);
  add_check(*config, runner);
  add_document(*config->add_subcommand("schema", "Print the JSON Schema of a configuration file"),
               runner, config_schema_text);
  add_document(*config->add_subcommand("reference", "Print the reference page, in Markdown"),
               runner, config_reference_text);
  for (CLI::App* command : config->get_subcommands([](CLI::App*) { return true; })) {
    command->allow_extras();  // a word too many is reported by the program, with the nearest name
  }
}

}  // namespace nestwalk
