#include "model/cli/walk_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "model/cli/walk_snapshot_command.h"
#include "model/cli/walk_stream.h"
#include "model/params/nearest_name.h"

namespace nestwalk {

namespace {

constexpr std::string_view kExamples = R"(Examples:
  nestwalk walk configs/examples/walk/cold_4x4.jsonl             answers as JSON lines
  nestwalk walk --explain configs/examples/walk/cold_4x4.jsonl   the same for people
  some-generator | nestwalk walk - | some-checker
  nestwalk walk --snapshot tests/fixtures/linux-nested           every page of a real guest
  nestwalk walk --snapshot DIR --address 0x7f0012345000 --explain
The format of requests and answers is described in docs/reference/walk.md.)";

int usage_error(const Streams& streams, const std::string& message) {
  streams.err << "nestwalk walk: " << message << "\n";
  return kExitUsage;
}

// Options that mean nothing together, in words; empty if there are none.
std::string find_conflict(const WalkOptions& options) {
  const bool has_snapshot = !options.snapshot.empty();
  if (has_snapshot && !options.requests.empty()) {
    return "give either a file of requests or --snapshot, not both";
  }
  if (!has_snapshot && options.requests.empty()) {
    return "nothing to walk: name a file of requests, `-` for the standard input, or --snapshot "
           "DIR";
  }
  if (!has_snapshot) {
    const bool has_image_option = options.json || options.all || !options.address.empty() ||
                                  !options.type.empty() || !options.privilege.empty() ||
                                  !options.gcr3.empty() || !options.ncr3.empty() ||
                                  !options.guest_format.empty() || !options.host_format.empty();
    return has_image_option
               ? "--json, --all, --address, --type, --privilege and the registers belong to "
                 "--snapshot; requests say it themselves"
               : "";
  }
  if (options.explain && options.address.empty()) {
    return "--explain with --snapshot needs --address: it explains one walk";
  }
  if (options.address.empty() && !(options.type.empty() && options.privilege.empty())) {
    return "--type and --privilege belong to --address; every leaf is read at its own privilege";
  }
  if (!options.address.empty() && (options.all || options.json)) {
    return "--all and --json are for every leaf; with --address the answer is JSON anyway";
  }
  return options.all && options.json ? "--all writes JSON lines already; leave --json out" : "";
}

int walk_requests(const WalkOptions& options, WalkService& service, const Streams& streams) {
  if (options.requests == "-") {
    return answer_requests({"<stdin>", options.explain}, service, streams);
  }
  std::ifstream file;
  if (!std::filesystem::is_directory(options.requests)) {
    file.open(options.requests, std::ios::binary);
  }
  if (!file.is_open()) {
    streams.err << "nestwalk walk: " << options.requests
                << ": no such file, or not readable; expected a file with one request per line\n";
    return kExitInput;
  }
  return answer_requests({options.requests, options.explain}, service,
                         {file, streams.out, streams.err});
}

}  // namespace

void add_walk_command(CLI::App& program, CommandRunner& runner, const WalkServices& engines) {
  CLI::App* command =
      program.add_subcommand("walk", "Walk page tables: requests as JSON lines, or an image");
  const auto options = std::make_shared<WalkOptions>();
  command->add_option("requests", options->requests, "File of requests, one per line; - is stdin");
  command->add_option("--engine", options->engine, "What performs the walks")
      ->capture_default_str();
  command->add_flag("--explain", options->explain, "Explain each walk to a person, not as JSON");
  command->add_option("--snapshot", options->snapshot, "Folder with a page-table image");
  command->add_option("--address", options->address, "Image: walk this one address (0x...)");
  command->add_option("--type", options->type, "Image, one address: read (default), write, fetch");
  command->add_option("--privilege", options->privilege,
                      "Image, one address: supervisor (default), user");
  command->add_flag("--json", options->json, "Image: the summary as JSON");
  command->add_flag("--all", options->all, "Image: an answer per leaf, as JSON lines");
  command->add_option("--guest-format", options->guest_format, "Image: format of the guest tables");
  command->add_option("--gcr3", options->gcr3, "Image: root of the guest tables (0x...)");
  command->add_option("--host-format", options->host_format,
                      "Image: format of the host tables, or none");
  command->add_option("--ncr3", options->ncr3, "Image: root of the host tables (0x...)");
  command->footer(std::string(kExamples));
  command->callback([options, &runner, engines] {
    runner = [options, engines](const Streams& streams) {
      return run_walk(*options, engines, streams);
    };
  });
}

int run_walk(const WalkOptions& options, const WalkServices& engines, const Streams& streams) {
  const auto engine = engines.find(options.engine);
  if (engine == engines.end()) {
    std::vector<std::string> names;
    for (const auto& [name, factory] : engines) {
      names.push_back(name);
    }
    const auto nearest = nearest_name(options.engine, names);
    return usage_error(streams,
                       fmt::format("unknown engine \"{}\"; there {}: {}{}", options.engine,
                                   names.size() == 1 ? "is" : "are", fmt::join(names, ", "),
                                   nearest ? "; did you mean " + *nearest + "?" : ""));
  }
  if (const std::string conflict = find_conflict(options); !conflict.empty()) {
    return usage_error(streams, conflict);
  }
  std::unique_ptr<WalkService> service;
  try {
    service = engine->second();
  } catch (const std::runtime_error& error) {
    return usage_error(streams, fmt::format("engine {}: {}", options.engine, error.what()));
  }
  return options.snapshot.empty() ? walk_requests(options, *service, streams)
                                  : run_walk_snapshot(options, *service, streams);
}

}  // namespace nestwalk
