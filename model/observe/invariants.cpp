#include "model/observe/invariants.h"

#include <utility>

#include <fmt/format.h>

namespace nestwalk {

void CounterLaws::expect_equal(std::string name, Count left, Count right) {
  laws_.push_back({std::move(name), Relation::kEqual, std::move(left), std::move(right)});
}

void CounterLaws::expect_at_most(std::string name, Count left, Count right) {
  laws_.push_back({std::move(name), Relation::kAtMost, std::move(left), std::move(right)});
}

std::vector<std::string> CounterLaws::check() const {
  std::vector<std::string> violations;
  for (const Law& law : laws_) {
    const std::uint64_t left = law.left();
    const std::uint64_t right = law.right();
    const bool is_equal = law.relation == Relation::kEqual;
    if (is_equal ? left != right : left > right) {
      violations.push_back(
          fmt::format("{}: expected {} {} {}", law.name, left, is_equal ? "==" : "<=", right));
    }
  }
  return violations;
}

}  // namespace nestwalk
