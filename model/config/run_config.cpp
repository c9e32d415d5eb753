#include "model/config/run_config.h"

#include <utility>
#include <vector>

namespace nestwalk {

RunParams load_run(const ConfigDocument& document, PathCheck path_check) {
  RunParams params = bind_config<RunParams>(document, path_check);
  std::vector<ConfigProblem> problems;
  for (const ParameterProblem& problem : find_problems(params)) {
    problems.push_back(document.problem_at(problem.key_path, problem.message));
  }
  if (!problems.empty()) {
    throw ConfigError(std::move(problems));
  }
  return params;
}

}  // namespace nestwalk
