// Laws that the counters of a run must obey, checked when it ends.
//
//   CounterLaws laws;
//   laws.expect_equal("l1d: lookups == hits + misses", [&] { return s.lookups; },
//                     [&] { return s.hits + s.misses; });
//   for (const std::string& violation : laws.check()) { ... }
//
// Both sides are read at check(), so a law is stated once, where the counters are made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nestwalk {

class CounterLaws {
 public:
  using Count = std::function<std::uint64_t()>;

  void expect_equal(std::string name, Count left, Count right);
  void expect_at_most(std::string name, Count left, Count right);

  [[nodiscard]] std::size_t num_laws() const { return laws_.size(); }
  // One line per law that does not hold: its name and both values.
  [[nodiscard]] std::vector<std::string> check() const;

 private:
  enum class Relation : std::uint8_t { kEqual, kAtMost };
  struct Law {
    std::string name;
    Relation relation;
    Count left;
    Count right;
  };

  std::vector<Law> laws_;
};

}  // namespace nestwalk
