// Counts of values in buckets that double in width: 0, 1, 2-3, 4-7, 8-15 ... A value.
//
//   Histogram latency_cycles;
//   latency_cycles.add(37);
//   latency_cycles.count_in(Histogram::bucket_of(37));  // 1
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace nestwalk {

class Histogram {
 public:
  static constexpr unsigned kNumBuckets = 65;

  void add(std::uint64_t value, std::uint64_t times = 1) {
    if (times == 0) {
      return;
    }
    buckets_[bucket_of(value)] += times;
    count_ += times;
    sum_ += value * times;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  void add(const Histogram& other) {
    for (unsigned bucket = 0; bucket < kNumBuckets; ++bucket) {
      buckets_[bucket] += other.buckets_[bucket];
    }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  // What was counted since `earlier`, an older state of this histogram. Its least and greatest
  // value are known only if nothing had been counted then.
  [[nodiscard]] Histogram since(const Histogram& earlier) const {
    Histogram difference = *this;
    if (earlier.count_ != 0) {
      for (unsigned bucket = 0; bucket < kNumBuckets; ++bucket) {
        difference.buckets_[bucket] -= earlier.buckets_[bucket];
      }
      difference.count_ -= earlier.count_;
      difference.sum_ -= earlier.sum_;
      difference.has_extremes_ = false;
    }
    return difference;
  }

  [[nodiscard]] static constexpr unsigned bucket_of(std::uint64_t value) {
    return static_cast<unsigned>(std::bit_width(value));
  }
  // The values of a bucket, both included.
  [[nodiscard]] static constexpr std::uint64_t lowest(unsigned bucket) {
    return bucket == 0 ? 0 : std::uint64_t{1} << (bucket - 1);
  }
  [[nodiscard]] static constexpr std::uint64_t highest(unsigned bucket) {
    return bucket == 0 ? 0 : lowest(bucket) + (lowest(bucket) - 1);
  }

  [[nodiscard]] std::uint64_t count_in(unsigned bucket) const { return buckets_[bucket]; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  // False for a difference: min() and max() then mean nothing.
  [[nodiscard]] bool has_extremes() const { return has_extremes_; }
  // Zero while nothing was counted.
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

 private:
  std::array<std::uint64_t, kNumBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_ = 0;
  bool has_extremes_ = true;
};

}  // namespace nestwalk
