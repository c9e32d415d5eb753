// Ranks of zipf popularity: rank k (from 0) with a weight of (k+1)^-exponent.
//
//   ZipfRanks ranks(1 << 20, 0.9);
//   ranks.draw(random);       // 0 most often
//
// Up to 2^20 ranks the inverse of the exact distribution is looked up in a table of 8 bytes a rank,
// one draw per rank, a guide by the leading bits of the draw saying where to look; beyond,
// rejection-inversion (Hoermann and Derflinger, 1996) needs no table, and a little over one draw
// per rank.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/arch/splitmix.h"

namespace nestwalk {

class ZipfRanks {
 public:
  static constexpr std::uint64_t kMaxTableRanks = std::uint64_t{1} << 20;

  ZipfRanks(std::uint64_t num_ranks, double exponent);

  [[nodiscard]] std::uint64_t draw(SplitMix& random) const;
  [[nodiscard]] std::size_t memory_bytes() const {
    return cumulative_ == nullptr
               ? 0
               : cumulative_->size() * sizeof(double) + guide_->size() * sizeof(std::uint32_t);
  }

 private:
  [[nodiscard]] std::uint64_t draw_from_table(SplitMix& random) const;
  [[nodiscard]] std::uint64_t draw_by_rejection(SplitMix& random) const;
  // The integral of x^-exponent from 1 to x, and its inverse.
  [[nodiscard]] double integral(double x) const;
  [[nodiscard]] double integral_inverse(double y) const;

  std::uint64_t num_ranks_;
  double exponent_;
  std::shared_ptr<const std::vector<double>> cumulative_;  // null above kMaxTableRanks
  // Where the search for a draw begins and ends: entry i is the first rank whose sum is i/size or
  // more.
  std::shared_ptr<const std::vector<std::uint32_t>> guide_;
  // Rejection: the integral at both ends of the ranks, and the distance below which no draw is
  // rejected.
  double low_ = 0;
  double high_ = 0;
  double accept_ = 0;
};

}  // namespace nestwalk
