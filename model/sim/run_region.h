// Which part of a run its statistics are of: a warm-up first, then the region of interest, and
// intervals of equal length over both. It says at how many accesses something is due next, keeps
// the statistics as they were at the end of the warm-up, and makes the intervals.
//
//   RunRegion region({.warmup_accesses = 1000, .measure_accesses = 5000});
//   if (num_retired >= region.next()) {
//     region.reach({num_retired, snapshot()}, on_interval);
//   }
//   region.finish({num_retired, snapshot()}, on_interval);
//   region.statistics();
//
// Accesses are those of all workloads that have retired on any core, given-up ones included. Not
// for: stopping the run or its cores; the caller does that.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>

#include "model/observe/statistics_snapshot.h"
#include "model/params/run.h"

namespace nestwalk {

// A point of a run.
struct RunPoint {
  std::uint64_t accesses = 0;
  StatSnapshot statistics;  // since the start
};

struct RunInterval {
  std::uint64_t index = 0;
  std::uint64_t begin_accesses = 0;
  std::uint64_t end_accesses = 0;
  bool is_warmup = false;
  StatSnapshot statistics;  // of the interval
};

class RunRegion {
 public:
  using OnInterval = std::function<void(const RunInterval&)>;
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit RunRegion(const RegionParams& params);

  // The number of accesses at which reach() is to be called; kNever: not any more.
  [[nodiscard]] std::uint64_t next() const;
  // Whether the region begins or ends there, so that nothing should be under way. The end of an
  // interval must not disturb the run.
  [[nodiscard]] bool is_boundary_next() const { return next() == next_boundary(); }
  void reach(const RunPoint& point, const OnInterval& on_interval);
  void finish(const RunPoint& point, const OnInterval& on_interval);

  // The warm-up, if there is one, is over: the region has begun.
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  // All of it was measured.
  [[nodiscard]] bool is_complete() const { return is_complete_; }

  // After finish(): of the region. Zero if it has not begun.
  [[nodiscard]] std::uint64_t warmup_accesses() const { return begin_.accesses; }
  [[nodiscard]] std::uint64_t measured_accesses() const { return measured_accesses_; }
  [[nodiscard]] const StatSnapshot& statistics() const { return statistics_; }

 private:
  [[nodiscard]] std::uint64_t next_boundary() const;
  [[nodiscard]] std::uint64_t next_interval_end() const;
  void end_interval(const RunPoint& point, const OnInterval& on_interval);

  RegionParams params_;
  bool has_begun_;
  bool is_complete_ = false;
  RunPoint begin_;           // of the region
  RunPoint interval_begin_;  // of the interval under way
  std::uint64_t num_intervals_ = 0;
  std::uint64_t measured_accesses_ = 0;
  StatSnapshot statistics_;
};

}  // namespace nestwalk
