#include "tb/cosim_list.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <utility>

#include "model/config/binder.h"
#include "model/config/problem.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

void append_words(std::vector<std::string>& words, const std::string& text) {
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
}

CosimParams load_params(ConfigDocument document, const std::vector<std::string>& overrides) {
  for (const std::string& assignment : overrides) {
    document.set(assignment);
  }
  auto params = bind_config<CosimParams>(document);
  std::vector<ConfigProblem> problems;
  for (const ParameterProblem& problem : find_problems(params)) {
    problems.push_back(document.problem_at(problem.key_path, problem.message));
  }
  try {
    (void)find_walker_set(params.walker);
  } catch (const WalkerSetError& error) {
    problems.push_back(document.problem_at("walker", error.what()));
  }
  if (!problems.empty()) {
    throw ConfigError(std::move(problems));
  }
  return params;
}

std::vector<CosimEntryRun> load_list(const ConfigDocument& document,
                                     const std::vector<std::string>& overrides) {
  const auto list = bind_config<CosimListParams>(document);
  std::vector<CosimEntryRun> runs;
  std::vector<ConfigProblem> problems;
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.runs.size(); ++i) {
    const CosimEntry& entry = list.runs[i];
    const std::string key = fmt::format("runs.{}", i);
    if (entry.name.empty() || !names.insert(entry.name).second) {
      problems.push_back(document.problem_at(
          key, entry.name.empty() ? std::string("an entry needs a name")
                                  : fmt::format("a second run '{}'", entry.name)));
    }
    std::vector<std::string> words;
    append_words(words, list.set);
    append_words(words, entry.set);
    words.insert(words.end(), overrides.begin(), overrides.end());
    const std::string& config = entry.config.empty() ? list.config : entry.config;
    try {
      runs.push_back(
          {entry.name,
           load_params(config.empty() ? ConfigDocument() : ConfigDocument::load(config), words)});
    } catch (const ConfigError& error) {
      problems.push_back(
          document.problem_at(key, fmt::format("run '{}': {}", entry.name, error.what())));
    }
  }
  if (!problems.empty()) {
    throw ConfigError(std::move(problems));
  }
  return runs;
}

}  // namespace

std::vector<CosimEntryRun> load_cosim(const std::string& path,
                                      const std::vector<std::string>& overrides) {
  const ConfigDocument document = ConfigDocument::load(path);
  if (document.root().find("runs") != nullptr) {
    return load_list(document, overrides);
  }
  const std::string name = path == "-" ? "cosim" : std::filesystem::path(path).stem().string();
  return {{name, load_params(document, overrides)}};
}

}  // namespace nestwalk
