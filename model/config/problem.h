// What is wrong with a configuration, and where. Problems are collected, so that a user sees all of
// them at once:
//
//   configs/quickstart.yaml:12:5: unknown key 'latncy_cycles' in 'tlb'; did you mean ...
//   --set tlb.ways=many: 'tlb.ways': found 'many', expected an integer from 0 to 1048576 ways
//
// Not for faults of a running model.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace nestwalk {

struct ConfigProblem {
  std::string file;  // as the user named it, "<stdin>", or "--set path=value"
  int line = 0;      // from 1; 0 when the problem has no position
  int column = 0;
  std::string key_path;  // "tlb.page_4k.ways", empty for the whole file
  std::string message;   // what was found, what is allowed, the nearest name

  // "file:line:column: message"
  [[nodiscard]] std::string to_string() const;
};

// what() is one line per problem, in the order of their positions.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<ConfigProblem> problems);
  [[nodiscard]] const std::vector<ConfigProblem>& problems() const { return problems_; }

 private:
  std::vector<ConfigProblem> problems_;
};

}  // namespace nestwalk
