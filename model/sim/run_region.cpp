#include "model/sim/run_region.h"

#include <algorithm>

namespace nestwalk {

RunRegion::RunRegion(const RegionParams& params)
    : params_(params), has_begun_(params.warmup_accesses == 0) {}

std::uint64_t RunRegion::next() const {
  return std::min(next_boundary(), next_interval_end());
}

std::uint64_t RunRegion::next_boundary() const {
  if (!has_begun_) {
    return params_.warmup_accesses;
  }
  return params_.measure_accesses == 0 || is_complete_ ? kNever
                                                       : begin_.accesses + params_.measure_accesses;
}

// Intervals are counted from the start of the run, and anew from the start of the region.
std::uint64_t RunRegion::next_interval_end() const {
  const std::uint64_t length = params_.stats_every_accesses;
  if (length == 0 || is_complete_) {
    return kNever;
  }
  const std::uint64_t origin = has_begun_ ? begin_.accesses : 0;
  return origin + ((interval_begin_.accesses - origin) / length + 1) * length;
}

void RunRegion::reach(const RunPoint& point, const OnInterval& on_interval) {
  const bool is_boundary = point.accesses >= next_boundary();
  if (is_boundary || point.accesses >= next_interval_end()) {
    end_interval(point, on_interval);
  }
  if (is_boundary && !has_begun_) {
    has_begun_ = true;
    begin_ = point;
  } else if (is_boundary) {
    is_complete_ = true;
  }
}

void RunRegion::finish(const RunPoint& point, const OnInterval& on_interval) {
  end_interval(point, on_interval);
  if (!has_begun_) {
    begin_ = point;  // all of it was warm-up
  }
  measured_accesses_ = point.accesses - begin_.accesses;
  statistics_ = point.statistics.since(begin_.statistics);
}

void RunRegion::end_interval(const RunPoint& point, const OnInterval& on_interval) {
  if (params_.stats_every_accesses == 0) {
    return;
  }
  RunInterval interval;
  interval.index = num_intervals_;
  interval.begin_accesses = interval_begin_.accesses;
  interval.end_accesses = point.accesses;
  interval.is_warmup = !has_begun_;
  interval.statistics = point.statistics.since(interval_begin_.statistics);
  interval_begin_ = point;
  // The last one may be empty: the run has ended with an interval.
  if (!interval.statistics.is_zero() && on_interval) {
    ++num_intervals_;
    on_interval(interval);
  }
}

}  // namespace nestwalk
