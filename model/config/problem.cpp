#include "model/config/problem.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace nestwalk {
namespace {

std::vector<ConfigProblem> sorted(std::vector<ConfigProblem> problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const auto& left, const auto& right) {
    return std::tuple(left.line == 0, std::string_view(left.file), left.line, left.column) <
           std::tuple(right.line == 0, std::string_view(right.file), right.line, right.column);
  });
  return problems;
}

std::string joined(const std::vector<ConfigProblem>& problems) {
  std::string result;
  for (const ConfigProblem& problem : problems) {
    if (!result.empty()) {
      result += '\n';
    }
    result += problem.to_string();
  }
  return result;
}

}  // namespace

std::string ConfigProblem::to_string() const {
  std::string result = file;
  if (line > 0) {
    result += ':' + std::to_string(line) + ':' + std::to_string(column);
  }
  return result + ": " + message;
}

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : std::runtime_error(joined(sorted(problems))), problems_(sorted(std::move(problems))) {}

}  // namespace nestwalk
