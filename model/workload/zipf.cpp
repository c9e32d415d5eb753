#include "model/workload/zipf.h"

#include <algorithm>
#include <cmath>

#include "model/arch/check.h"

namespace nestwalk {
namespace {

constexpr std::size_t kGuideSize = std::size_t{1} << 16;

}  // namespace

ZipfRanks::ZipfRanks(std::uint64_t num_ranks, double exponent)
    : num_ranks_(num_ranks), exponent_(exponent) {
  fatal_unless(num_ranks > 0 && exponent >= 0, "a zipf distribution has ranks and a skew");
  if (num_ranks <= kMaxTableRanks) {
    auto table = std::make_shared<std::vector<double>>(num_ranks);
    double sum = 0;
    for (std::uint64_t k = 0; k < num_ranks; ++k) {
      sum += std::pow(static_cast<double>(k + 1), -exponent);
      (*table)[k] = sum;
    }
    for (double& value : *table) {
      value /= sum;
    }
    auto guide = std::make_shared<std::vector<std::uint32_t>>(kGuideSize + 1);
    auto rank = table->begin();
    for (std::size_t i = 0; i <= kGuideSize; ++i) {
      // Powers of two: the quotient is exact, as is the search in draw_from_table().
      const double bound = static_cast<double>(i) / static_cast<double>(kGuideSize);
      rank = std::find_if(rank, table->end(), [bound](double value) { return value >= bound; });
      (*guide)[i] = static_cast<std::uint32_t>(rank - table->begin());
    }
    cumulative_ = std::move(table);
    guide_ = std::move(guide);
    return;
  }
  // The first rank's part of the hat is only as wide as its weight, 1, so that it is never
  // rejected.
  low_ = integral(1.5) - 1;
  high_ = integral(static_cast<double>(num_ranks) + 0.5);
  accept_ = 2 - integral_inverse(integral(2.5) - std::pow(2.0, -exponent));
}

std::uint64_t ZipfRanks::draw(SplitMix& random) const {
  return cumulative_ != nullptr ? draw_from_table(random) : draw_by_rejection(random);
}

std::uint64_t ZipfRanks::draw_from_table(SplitMix& random) const {
  const double u = random.unit();
  const auto part = static_cast<std::size_t>(u * static_cast<double>(kGuideSize));
  const auto found = std::lower_bound(cumulative_->begin() + (*guide_)[part],
                                      cumulative_->begin() + (*guide_)[part + 1], u);
  const auto rank = static_cast<std::uint64_t>(found - cumulative_->begin());
  return std::min(rank, num_ranks_ - 1);  // rounding may leave the last value below 1
}

std::uint64_t ZipfRanks::draw_by_rejection(SplitMix& random) const {
  while (true) {
    const double u = high_ + random.unit() * (low_ - high_);
    const double x = integral_inverse(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(num_ranks_));
    if (k - x <= accept_ || u >= integral(k + 0.5) - std::pow(k, -exponent_)) {
      return static_cast<std::uint64_t>(k) - 1;
    }
  }
}

// (x^(1-e) - 1) / (1-e), written so that it stays exact around e = 1, where it is log x.
double ZipfRanks::integral(double x) const {
  const double power = 1 - exponent_;
  const double log_x = std::log(x);
  return power == 0 ? log_x : std::expm1(power * log_x) / power;
}

double ZipfRanks::integral_inverse(double y) const {
  const double power = 1 - exponent_;
  // Rounding may take the argument to -1 or below for steep distributions.
  return power == 0 ? std::exp(y) : std::exp(std::log1p(std::max(power * y, -1.0)) / power);
}

}  // namespace nestwalk
