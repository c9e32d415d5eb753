// What is wrong with a trace, or with recording one: one message that names the file, the place in
// it, what was found there and what was expected. A mistake of the input, not of the model.
//
//   throw TraceError({.path = path, .offset = 0, .found = "an empty file", .expected = "a trace"});
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace nestwalk {

struct TraceProblem {
  std::string path;
  std::uint64_t offset = 0;
  std::string found;
  std::string expected;
  std::string unit = "byte";  // what the offset counts: byte, line, record
};

class TraceError : public std::runtime_error {
 public:
  explicit TraceError(TraceProblem problem)
      : std::runtime_error(message(problem)), problem_(std::move(problem)) {}

  [[nodiscard]] const TraceProblem& problem() const { return problem_; }

 private:
  static std::string message(const TraceProblem& p) {
    return p.path + ": " + p.unit + " " + std::to_string(p.offset) + ": found " + p.found +
           ", expected " + p.expected;
  }

  TraceProblem problem_;
};

}  // namespace nestwalk
