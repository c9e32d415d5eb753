#include "model/cli/regression_list.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "model/config/binder.h"
#include "model/config/problem.h"
#include "model/config/run_config.h"

namespace nestwalk {

namespace {

std::vector<std::string> split(std::string text, char separator) {
  std::replace(text.begin(), text.end(), separator, ' ');
  std::istringstream words(text);
  std::vector<std::string> parts;
  for (std::string word; words >> word;) {
    parts.push_back(word);
  }
  return parts;
}

std::string name_of(const RegressionEntry& entry) {
  const auto stem = [](const std::string& path) {
    return std::filesystem::path(path).stem().string();
  };
  return !entry.name.empty()       ? entry.name
         : !entry.trace.empty()    ? "trace-" + stem(entry.trace)
         : !entry.workload.empty() ? "workload-" + entry.workload
                                   : stem(entry.config);
}

std::vector<std::string> overrides_of(const RegressionParams& list, const RegressionEntry& entry) {
  std::vector<std::string> overrides = split(list.set, ' ');
  const std::string workload = "vms.0.processes.0.workload.";
  if (!entry.trace.empty()) {
    overrides.push_back(workload + "kind=trace");
    overrides.push_back(workload + "trace=" + entry.trace);
  }
  if (!entry.workload.empty()) {
    overrides.push_back(workload + "kind=" + entry.workload);
  }
  const std::vector<std::string> own = split(entry.set, ' ');
  overrides.insert(overrides.end(), own.begin(), own.end());
  return overrides;
}

// Reads the configuration as the run will.
RunParams load(const std::string& config, const std::vector<std::string>& overrides) {
  ConfigDocument document = ConfigDocument::load(config);
  for (const std::string& assignment : overrides) {
    document.set(assignment);
  }
  return load_run(document);
}

}  // namespace

std::vector<RegressionRun> load_regression(const std::string& path) {
  const ConfigDocument document = ConfigDocument::load(path);
  const auto list = bind_config<RegressionParams>(document);
  std::vector<RegressionRun> runs;
  std::vector<ConfigProblem> problems;
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.runs.size(); ++i) {
    const RegressionEntry& entry = list.runs[i];
    const std::string key = fmt::format("runs.{}", i);
    if (entry.config.empty()) {
      problems.push_back(document.problem_at(key, "an entry needs a config: the file to run"));
      continue;
    }
    for (const std::string& mode : split(entry.modes, ',')) {
      for (const std::string& timing : split(entry.timings, ',')) {
        RegressionRun run;
        run.name = fmt::format("{}-{}-{}", name_of(entry), mode, timing);
        run.config = entry.config;
        run.overrides = overrides_of(list, entry);
        run.overrides.insert(run.overrides.end(),
                             {"mode=" + mode, "compare=\"\"", "machine.timing=" + timing});
        run.end = entry.end;
        if (!names.insert(run.name).second) {
          problems.push_back(
              document.problem_at(key, fmt::format("a second run '{}'; give it a name", run.name)));
        }
        try {
          run.params = load(run.config, run.overrides);
        } catch (const ConfigError& error) {
          problems.push_back(
              document.problem_at(key, fmt::format("run '{}': {}", run.name, error.what())));
        }
        runs.push_back(std::move(run));
      }
    }
  }
  if (!problems.empty()) {
    throw ConfigError(std::move(problems));
  }
  return runs;
}

}  // namespace nestwalk
