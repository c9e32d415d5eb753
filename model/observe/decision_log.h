// What a policy decided, when, on which numbers and why. Bounded: the newest entries stay.
//
//   log.append({.time_cycles = now, .vm = 1, .inputs = {{"tlb_misses", 812}, {"exits", 3}},
//               .decision = "nested", .reason = "tlb_misses below its threshold"});
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace nestwalk {

struct DecisionInput {
  std::string name;
  double value = 0;
};

struct Decision {
  std::uint64_t time_cycles = 0;
  std::uint32_t vm = 0;
  std::vector<DecisionInput> inputs;
  std::string decision;
  std::string reason;
};

class DecisionLog {
 public:
  static constexpr std::size_t kDefaultCapacity = 100000;

  explicit DecisionLog(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  void append(Decision decision);

  [[nodiscard]] const std::deque<Decision>& decisions() const { return decisions_; }
  [[nodiscard]] std::uint64_t num_dropped() const { return num_dropped_; }

  // {"dropped", "decisions": [{time_cycles, vm, inputs: {name: value}, decision, reason}]}, oldest
  // first; an input that is not a finite number is null.
  [[nodiscard]] nlohmann::ordered_json to_json() const;

 private:
  std::size_t capacity_;
  std::deque<Decision> decisions_;
  std::uint64_t num_dropped_ = 0;
};

}  // namespace nestwalk
