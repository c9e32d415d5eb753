// Lays the arrays of a generator out in its address space: one region each, one behind the other,
// each on a boundary of 2 MiB, so that large pages fit.
//
//   RegionPlan plan(base);
//   const Gva rows = plan.add("rows", num_rows * 8);
//   plan.regions();   // to be mapped
//
// Not for what is mapped during a run: a stream says that by events.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "model/workload/stream.h"

namespace nestwalk {

class RegionPlan {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kAlignmentBytes = std::uint64_t{2} << 20;

  // The base itself is taken as it is.
  explicit RegionPlan(Gva base) : next_(base) {}

  // Room without a region.
  Gva reserve(std::uint64_t num_bytes) {
    const Gva start = next_;
    next_ = Gva(round_up(start.value() + num_bytes, kAlignmentBytes));
    return start;
  }
  Gva add(std::string_view name, std::uint64_t num_bytes) {
    const Gva start = reserve(num_bytes);
    regions_.push_back({.start = start,
                        .length_bytes = round_up(num_bytes, kPageBytes),
                        .rights = {.read = true, .write = true},
                        .name = fmt::format("[{}]", name)});
    return start;
  }

  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] Gva next() const { return next_; }

 private:
  static std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
  }

  std::vector<Region> regions_;
  Gva next_;
};

}  // namespace nestwalk
