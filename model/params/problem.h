// A rule between parameters that does not hold, as find_problems() of a parameter struct reports
// it.
//
//   for (const ParameterProblem& problem : find_problems(params)) {
//     report(problem.key_path, problem.message);
//   }
//
// Not for a single value out of its range: its descriptor says that.
#pragma once

#include <string>

namespace nestwalk {

struct ParameterProblem {
  std::string key_path;  // from the struct that was asked
  std::string message;
};

}  // namespace nestwalk
