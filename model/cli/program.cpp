#include "model/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "model/cli/bench_command.h"
#include "model/cli/config_command.h"
#include "model/cli/experiment_command.h"
#include "model/cli/record_command.h"
#include "model/cli/regress_command.h"
#include "model/cli/run_command.h"
#include "model/cli/trace_command.h"
#include "model/cli/walk_command.h"
#include "model/cli/walk_engine_reference.h"
#include "model/cli/wave_command.h"
#include "model/params/nearest_name.h"
#include "model/sim/walk_service_tlm.h"

namespace nestwalk {

namespace {

constexpr std::string_view kExamples = R"(Examples:
  nestwalk run configs/examples/quickstart.yaml
  nestwalk experiment shadow-is-native
  nestwalk record -o ls.nwt -- ls -l
  nestwalk walk --explain configs/examples/walk/cold_4x4.jsonl
  nestwalk walk --snapshot tests/fixtures/linux-nested
`nestwalk COMMAND --help` tells more about a command.
Exit status: 0 success, 1 a check failed, 2 wrong usage or configuration, 3 wrong input,
130 interrupted.)";

WalkServices walk_services(const ProgramExtensions& extensions) {
  WalkServices services = {{"reference", [] { return std::make_unique<ReferenceWalkService>(); }},
                           {"tlm", make_tlm_walk_service}};
  services.insert(extensions.walk_engines.begin(), extensions.walk_engines.end());
  return services;
}

// The app that the command line has reached: the chosen subcommand, or the program itself.
const CLI::App& chosen(const CLI::App& program) {
  const CLI::App* app = &program;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
  }
  return *app;
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::string did_you_mean(std::string_view found, const std::vector<std::string>& names) {
  const std::optional<std::string> nearest = nearest_name(found, names);
  return nearest ? fmt::format("; did you mean {}?", *nearest) : std::string();
}

int usage_error(const CLI::App& app, const Streams& streams, const std::string& message) {
  const std::string name = full_name(app);
  streams.err << fmt::format("{}: {}\n  {} --help tells more\n", name, message, name);
  return kExitUsage;
}

// What is left over is a mistake: an unknown command or option, or one argument too many.
std::optional<std::string> find_left_over(const CLI::App& program, const CLI::App& app) {
  std::vector<std::string> left = program.remaining(true);
  std::erase(left, "--");  // what follows it has gone to its option
  if (left.empty()) {
    return std::nullopt;
  }
  const std::string& word = left.front();
  if (word.size() > 1 && word.front() == '-') {
    const std::string option = word.substr(0, word.find('='));
    return fmt::format("unknown option {}{}", option, did_you_mean(option, option_names(app)));
  }
  const std::vector<std::string> names = command_names(app);
  if (!names.empty()) {
    return fmt::format("unknown command {}{}\n  commands: {}", word, did_you_mean(word, names),
                       fmt::join(names, ", "));
  }
  return fmt::format("one argument too many: {}", word);
}

int parse_and_run(CLI::App& program, const CommandRunner& runner, int argc, const char* const* argv,
                  const Streams& streams) {
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    streams.out << program.help();
    return kExitOk;
  } catch (const CLI::CallForVersion&) {
    streams.out << program.version() << "\n";
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return usage_error(chosen(program), streams, error.what());
  }
  const CLI::App& app = chosen(program);
  if (const auto left_over = find_left_over(program, app)) {
    return usage_error(app, streams, *left_over);
  }
  if (!runner) {
    streams.err << app.help();
    return kExitUsage;
  }
  return runner(streams);
}

}  // namespace

int run_program(int argc, const char* const* argv, const Streams& streams,
                const ProgramExtensions& extensions) {
  try {
    CLI::App program("Nested paging, modelled: page walks, TLBs and a hypervisor", "nestwalk");
    program.set_version_flag("--version", "nestwalk " NESTWALK_VERSION);
    program.footer(std::string(kExamples));
    program.allow_extras();  // reported by find_left_over, with the nearest name
    CommandRunner runner;
    add_run_command(program, runner);
    add_walk_command(program, runner, walk_services(extensions));
    add_record_command(program, runner);
    add_trace_command(program, runner);
    add_config_command(program, runner);
    add_bench_command(program, runner);
    add_regress_command(program, runner);
    add_experiment_command(program, runner);
    add_wave_command(program, runner);
    for (const auto& add_command : extensions.commands) {
      add_command(program, runner);
    }
    for (CLI::App* command : program.get_subcommands([](CLI::App*) { return true; })) {
      command->allow_extras();
    }
    return parse_and_run(program, runner, argc, argv, streams);
  } catch (const std::bad_alloc&) {
    streams.err << "nestwalk: out of memory\n";
  } catch (const std::exception&) {
    streams.err << "nestwalk: internal error; please report it with the command line\n";
  }
  return kExitCheckFailed;
}

}  // namespace nestwalk
