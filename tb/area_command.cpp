#include "tb/area_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string_view>
#include <thread>

#include "model/cli/process_pool.h"
#include "tb/area.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExamples = R"(Examples:
  nestwalk area one_slot four_slots                  named sets of the walker
  nestwalk area Slots=2,NtlbEntries=8                any other
  nestwalk area --module l1_tlb Entries4k=16         the TLB
  nestwalk area --module tlb_walker --modules        TLB and walker, module by module
A set of 16 slots with caches takes a few minutes.)";

struct NamedSubject {
  std::string name;
  AreaSubject subject;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

std::vector<NamedSubject> subjects_of(const AreaOptions& options) {
  std::vector<NamedSubject> subjects;
  const bool is_walker = options.module == AreaOptions{}.module;
  const auto add_named = [&](const WalkerSet& set) {
    subjects.push_back({std::string(set.name), {options.module, split(set.parameters, ' ')}});
  };
  for (const std::string& set : options.sets) {
    if (set.find('=') == std::string::npos) {
      if (!is_walker) {
        throw AreaError(fmt::format(
            "{}: the named sets are those of nested_walker; give {} parameters like Name=4", set,
            options.module));
      }
      add_named(find_walker_set(set));
    } else {
      subjects.push_back({set, {options.module, split(set, ',')}});
    }
  }
  if (options.sets.empty() && is_walker) {
    for (const WalkerSet& set : walker_sets()) {
      add_named(set);
    }
  } else if (options.sets.empty()) {
    subjects.push_back({"default", {options.module, {}}});
  }
  return subjects;
}

// The program as it would be found by a shell; empty if there is none.
fs::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return access(name.c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
  }
  const char* path = std::getenv("PATH");
  for (const std::string& folder : split(path == nullptr ? "" : path, ':')) {
    const fs::path candidate = fs::path(folder) / name;
    if (access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return {};
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder of its own for scripts and logs; gone with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "nestwalk-area-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw AreaError(fmt::format("{}: cannot be made", name));
    }
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The last lines of a log, which say what went wrong.
std::string tail_of(const std::string& text) {
  constexpr std::size_t kEnough = 1000;
  return text.size() <= kEnough ? text : "..." + text.substr(text.size() - kEnough);
}

// What each script prints. Sets share scripts: each is run once.
std::map<std::string, std::string> run_scripts(const std::vector<std::string>& scripts,
                                               const fs::path& yosys, unsigned num_at_a_time) {
  const ScratchFolder folder;
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    const fs::path script = folder.path() / fmt::format("{}.ys", i);
    std::ofstream(script) << scripts[i];
    jobs.push_back(
        {{yosys.string(), "-QT", script.string()}, folder.path() / fmt::format("{}.log", i)});
  }
  std::map<std::string, std::string> printed;
  std::string problem;
  ProcessPool(num_at_a_time).run(jobs, [&](const FinishedJob& job) {
    std::string text = read_file(jobs[job.index].log);
    if (job.status != 0 && problem.empty()) {
      problem = fmt::format("yosys ended with status {}:\n{}", job.status, tail_of(text));
    }
    printed[scripts[job.index]] = std::move(text);
  });
  if (!problem.empty()) {
    throw AreaError(problem);
  }
  if (printed.size() != scripts.size()) {
    throw AreaError("interrupted");
  }
  return printed;
}

std::string table_text(const std::vector<NamedSubject>& subjects, const std::vector<Area>& areas,
                       bool lists_modules) {
  std::string text = fmt::format("{:<28} {:>10} {:>11}\n", "set", "cells", "flip-flops");
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    text += fmt::format("{:<28} {:>10} {:>11}\n", subjects[i].name, areas[i].num_cells,
                        areas[i].num_flip_flops);
    for (std::size_t m = 0; lists_modules && m < areas[i].modules.size(); ++m) {
      const ModuleArea& module = areas[i].modules[m];
      text += fmt::format("  {:>4} x {:<19} {:>10} {:>11}\n", module.num_instances, module.name,
                          module.num_cells, module.num_flip_flops);
    }
  }
  return text;
}

std::string json_text(const std::vector<NamedSubject>& subjects, const std::vector<Area>& areas) {
  using Json = nlohmann::ordered_json;
  Json sets = Json::array();
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    Json parameters = Json::object();
    for (const std::string& parameter : subjects[i].subject.parameters) {
      const std::size_t equals = parameter.find('=');
      parameters[parameter.substr(0, equals)] = std::stoul(parameter.substr(equals + 1));
    }
    Json modules = Json::array();
    for (const ModuleArea& module : areas[i].modules) {
      modules.push_back({{"module", module.name},
                         {"instances", module.num_instances},
                         {"cells", module.num_cells},
                         {"flip_flops", module.num_flip_flops}});
    }
    sets.push_back({{"set", subjects[i].name},
                    {"module", subjects[i].subject.module},
                    {"parameters", parameters},
                    {"cells", areas[i].num_cells},
                    {"flip_flops", areas[i].num_flip_flops},
                    {"modules", modules}});
  }
  return sets.dump(2) + "\n";
}

}  // namespace

int run_area(const AreaOptions& options, const Streams& streams) {
  const auto refuse = [&](const std::string& message, ExitStatus status) {
    streams.err << "nestwalk area: " << message << "\n";
    return status;
  };
  const fs::path rtl = options.rtl.empty() ? default_walker_store().sources / "rtl" : options.rtl;
  if (!fs::is_directory(rtl / "walker")) {
    return refuse(fmt::format("{}: no RTL there; expected the folder rtl of the sources (--rtl)",
                              rtl.string()),
                  kExitUsage);
  }
  const std::string program = options.yosys.empty() ? "yosys" : options.yosys;
  const fs::path yosys = find_program(program);
  if (yosys.empty()) {
    return refuse(program +
                      ": no such program; Yosys maps the RTL to gates (./nestwalk setup "
                      "installs it, --yosys names another)",
                  kExitUsage);
  }
  std::vector<NamedSubject> subjects;
  std::vector<std::string> scripts;
  try {
    subjects = subjects_of(options);
    for (const NamedSubject& named : subjects) {
      check_subject(named.subject, rtl);
      for (const std::string& script : area_scripts(named.subject, rtl)) {
        if (std::find(scripts.begin(), scripts.end(), script) == scripts.end()) {
          scripts.push_back(script);
        }
      }
    }
  } catch (const std::runtime_error& error) {
    return refuse(error.what(), kExitUsage);
  }
  try {
    const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
    const auto printed = run_scripts(scripts, yosys, options.jobs == 0 ? processors : options.jobs);
    std::vector<Area> areas;
    for (const NamedSubject& named : subjects) {
      std::vector<std::string> statistics;
      for (const std::string& script : area_scripts(named.subject, rtl)) {
        statistics.push_back(printed.at(script));
      }
      areas.push_back(area_of(named.subject, statistics));
    }
    streams.out << (options.is_json ? json_text(subjects, areas)
                                    : table_text(subjects, areas, options.lists_modules));
  } catch (const AreaError& error) {
    return refuse(error.what(), kExitCheckFailed);
  }
  return kExitOk;
}

void add_area_command(CLI::App& program, CommandRunner& runner) {
  CLI::App* command = program.add_subcommand("area", "Cells and flip-flops of the RTL, by Yosys");
  const auto options = std::make_shared<AreaOptions>();
  command->add_option("sets", options->sets,
                      "Named sets, or parameters like Slots=4,NtlbEntries=8");
  command->add_option("--module", options->module, "Top module of the RTL")->capture_default_str();
  command->add_flag("--modules", options->lists_modules, "Module by module");
  command->add_flag("--json", options->is_json, "As JSON, module by module");
  command->add_option("--jobs", options->jobs, "Runs of Yosys at a time (default: processors)");
  command->add_option("--yosys", options->yosys, "The program (default: the one in PATH)");
  command->add_option("--rtl", options->rtl, "Folder of the RTL (default: that of this build)");
  command->footer(std::string(kExamples));
  command->callback([options, &runner] {
    runner = [options](const Streams& streams) { return run_area(*options, streams); };
  });
}

}  // namespace nestwalk
