#include "model/workload/rmat_graph.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/arch/check.h"
#include "model/arch/splitmix.h"

namespace nestwalk {
namespace {

constexpr unsigned kMaxTableScale = 14;
constexpr unsigned kMaxScale = 40;
constexpr std::uint64_t kMaxEdges = std::uint64_t{1} << 50;

// Probabilities in units of 2^-16.
constexpr std::uint32_t kLowerRow = 49807;      // A + B = .76
constexpr std::uint32_t kOneBelowZero = 16384;  // B / (A + B): target bit 1, source bit 0
constexpr std::uint32_t kOneBelowOne = 13653;   // D / (C + D)

// Far apart and odd, so that neighbouring items start at unrelated places of the generator.
constexpr std::uint64_t kBlockStep = 0xD1342543DE82EF95;
constexpr std::uint64_t kVertexStep = 0xAF251AF3B0F025B5;
constexpr std::uint64_t kEdgeStep = 0xB564EF22EC7AECE5;

// 64 independent bits, each 1 with the probability: from its lowest binary digit up, a random bit
// decides between what the digits so far say and the digit.
std::uint64_t random_bits(SplitMix& random, std::uint32_t probability) {
  std::uint64_t bits = 0;
  for (int digit = std::countr_zero(probability); digit < 16; ++digit) {
    const std::uint64_t draw = random.draw();
    bits = (probability >> digit & 1) != 0 ? bits | draw : bits & draw;
  }
  return bits;
}

// Square roots are among the operations that IEEE 754 rounds in one way only.
std::uint64_t square_root(std::uint64_t value) {
  return static_cast<std::uint64_t>(std::sqrt(static_cast<double>(value)));
}

// How many of n edges fall into the lower half: exact trials up to 64, then the normal
// approximation in integers, its deviate the sum of 256 coins, smoothed.
std::uint64_t draw_lower(SplitMix random, std::uint64_t n) {
  if (n <= 64) {
    const std::uint64_t trials = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
    return static_cast<std::uint64_t>(std::popcount(random_bits(random, kLowerRow) & trials));
  }
  const std::uint64_t mean = n / 25 * 19 + n % 25 * 19 / 25;  // .76 n
  const std::uint64_t variance_2_16 = (n / 625 * 114 << 16) + (n % 625 * 114 << 16) / 625;
  std::int64_t deviate = -128 * 256;
  for (int i = 0; i < 4; ++i) {
    deviate += std::popcount(random.draw()) * 256;
  }
  deviate += static_cast<std::int64_t>(random.draw() % 256) - 128;
  // The deviate counts in 2^-11, the root in 2^-8.
  const auto distance =
      deviate * static_cast<std::int64_t>(square_root(variance_2_16)) / (std::int64_t{1} << 19);
  const std::int64_t drawn = static_cast<std::int64_t>(mean) + distance;
  return static_cast<std::uint64_t>(
      std::clamp(drawn, std::int64_t{0}, static_cast<std::int64_t>(n)));
}

}  // namespace

RmatGraph::RmatGraph(unsigned scale, std::uint64_t edge_factor, std::uint64_t seed)
    : scale_(scale), table_scale_(std::min(scale, kMaxTableScale)) {
  fatal_unless(
      scale >= 1 && scale <= kMaxScale && edge_factor >= 1 && edge_factor <= kMaxEdges >> scale,
      "a graph has at most 2^40 vertices and 2^50 edges");
  num_edges_ = edge_factor << scale;
  SplitMix random(seed);
  row_seed_ = random.draw();
  edge_seed_ = random.draw();

  const std::uint64_t num_blocks = std::uint64_t{1} << table_scale_;
  std::vector<std::uint64_t> counts(2 * num_blocks);
  counts[1] = num_edges_;
  for (std::uint64_t block = 1; block < num_blocks; ++block) {
    counts[2 * block] = lower_half(block, counts[block]);
    counts[2 * block + 1] = counts[block] - counts[2 * block];
  }
  auto first_edges = std::make_shared<std::vector<std::uint64_t>>(num_blocks + 1);
  for (std::uint64_t i = 0; i < num_blocks; ++i) {
    (*first_edges)[i + 1] = (*first_edges)[i] + counts[num_blocks + i];
  }
  first_edges_ = std::move(first_edges);
}

std::uint64_t RmatGraph::lower_half(std::uint64_t block, std::uint64_t num_edges) const {
  return num_edges == 0 ? 0 : draw_lower(SplitMix(row_seed_ + block * kBlockStep), num_edges);
}

RmatGraph::Row RmatGraph::row(std::uint64_t vertex) const {
  unsigned bits_left = scale_ - table_scale_;
  const std::uint64_t top = vertex >> bits_left;
  Row row{.vertex = vertex,
          .first_edge = (*first_edges_)[top],
          .num_edges = (*first_edges_)[top + 1] - (*first_edges_)[top]};
  while (bits_left > 0 && row.num_edges > 0) {
    const std::uint64_t block = (std::uint64_t{1} << (scale_ - bits_left)) | vertex >> bits_left;
    const std::uint64_t lower = lower_half(block, row.num_edges);
    --bits_left;
    if ((vertex >> bits_left & 1) == 0) {
      row.num_edges = lower;
    } else {
      row.first_edge += lower;
      row.num_edges -= lower;
    }
  }
  return row;
}

std::uint64_t RmatGraph::target(const Row& row, std::uint64_t index) const {
  SplitMix random(edge_seed_ + row.vertex * kVertexStep + index * kEdgeStep);
  const std::uint64_t below_zero = random_bits(random, kOneBelowZero);
  const std::uint64_t below_one = random_bits(random, kOneBelowOne);
  return ((below_zero & ~row.vertex) | (below_one & row.vertex)) & (num_vertices() - 1);
}

}  // namespace nestwalk
