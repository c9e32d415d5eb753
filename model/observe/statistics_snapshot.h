// The values of all statistics at one point of a run, and their output. The difference of two of
// them is what was counted in between, so that no module has to reset anything.
//
//   const StatSnapshot warm = root.snapshot();
//   ...
//   const StatSnapshot region = root.snapshot().since(warm);
//   region.to_json();
//
// A fraction of a difference is formed anew from its two counts. Not for: checking counter laws,
// which hold for a whole run (a difference may have lost what was under way at its two ends).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model/observe/histogram.h"
#include "model/observe/statistics.h"

namespace nestwalk {

class StatSnapshot {
 public:
  using Value = std::variant<std::uint64_t, Ratio, Histogram, PositionCounts>;
  struct Statistic {
    StatDescription description;
    Value value;
  };

  // Nothing is known yet: the start of a run.
  StatSnapshot() = default;

  void add(StatDescription description, const Value& value);
  [[nodiscard]] const std::vector<Statistic>& statistics() const { return statistics_; }

  // What was counted since `earlier`. A statistic that `earlier` does not have began at zero.
  [[nodiscard]] StatSnapshot since(const StatSnapshot& earlier) const;
  [[nodiscard]] bool is_zero() const;

  // {"schema_version", "statistics": nested by group, "descriptions": dotted name -> {unit, text}}
  // A histogram is {count, sum, min, max, mean, buckets: [{from, to, count}]}, empty buckets left
  // out, min and max null where a difference cannot know them; a position table is a matrix, row g,
  // column h.
  [[nodiscard]] nlohmann::ordered_json to_json() const;
  // Its "statistics" alone.
  [[nodiscard]] nlohmann::ordered_json values_to_json() const;

  // One line per value: "name  value  # unit, text". Histograms and position tables take one line
  // per number, non-zero buckets and positions only.
  [[nodiscard]] std::string to_text() const;

 private:
  std::vector<Statistic> statistics_;
};

}  // namespace nestwalk
