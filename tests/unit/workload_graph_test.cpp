// The Kronecker graph against the law that it is drawn from, and the search against a plain one
// over the list of its edges.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "model/workload/random_permutation.h"
#include "model/workload/rmat_graph.h"
#include "tests/unit/workload_generated.h"

namespace nestwalk {
namespace {

TEST(RmatGraph, RowsAreThePrefixSumsOfTheirLengths) {
  // Below, at and above the number of levels that are kept in a table.
  for (const unsigned scale : {1U, 2U, 13U, 14U, 15U, 17U}) {
    const RmatGraph graph(scale, 3, scale);
    std::uint64_t sum = 0;
    for (std::uint64_t v = 0; v < graph.num_vertices(); ++v) {
      const RmatGraph::Row row = graph.row(v);
      ASSERT_EQ(row.vertex, v);
      if (row.num_edges > 0) {
        ASSERT_EQ(row.first_edge, sum) << "scale " << scale;
      }
      sum += row.num_edges;
    }
    EXPECT_EQ(sum, std::uint64_t{3} << scale);
  }
}

// Each bit of the two ends of an edge falls into the four quadrants by A, B, C and D, whatever the
// other bits.
TEST(RmatGraph, EdgesFollowTheQuadrants) {
  constexpr unsigned kScale = 16;
  constexpr std::array<double, 4> kExpected = {.57, .19, .19, .05};
  for (const std::uint64_t seed : {1, 2}) {
    const RmatGraph graph(kScale, 4, seed);
    std::array<std::array<std::uint64_t, 4>, kScale> counts = {};
    std::array<std::uint64_t, 4> low_pairs = {};  // of the lowest bit, below a highest one of 1, 1
    for (std::uint64_t v = 0; v < graph.num_vertices(); ++v) {
      const RmatGraph::Row row = graph.row(v);
      for (std::uint64_t i = 0; i < row.num_edges; ++i) {
        const std::uint64_t target = graph.target(row, i);
        ASSERT_LT(target, graph.num_vertices());
        for (unsigned bit = 0; bit < kScale; ++bit) {
          ++counts[bit][(v >> bit & 1) * 2 + (target >> bit & 1)];
        }
        if ((v & target) >> (kScale - 1) == 1) {
          ++low_pairs[(v & 1) * 2 + (target & 1)];
        }
      }
    }
    const auto expect_law = [&](const std::array<std::uint64_t, 4>& count,
                                const std::string& what) {
      const auto total = static_cast<double>(count[0] + count[1] + count[2] + count[3]);
      for (unsigned q = 0; q < 4; ++q) {
        const double p = kExpected[q];
        EXPECT_NEAR(static_cast<double>(count[q]), total * p, 5 * std::sqrt(total * p * (1 - p)))
            << what << ", quadrant " << q << ", seed " << seed;
      }
    };
    for (unsigned bit = 0; bit < kScale; ++bit) {
      expect_law(counts[bit], "bit " + std::to_string(bit));
    }
    expect_law(low_pairs, "the lowest bit where both highest are 1");
  }
}

// The part of the lower half is binomial: its mean and variance, for exact trials (n <= 64) and the
// normal approximation.
TEST(RmatGraph, HalvesAreBinomial) {
  for (const std::uint64_t edge_factor : {1U, 16U, 32U, 33U, 1000U, 1U << 20, 1U << 30}) {
    constexpr int kNumGraphs = 2000;
    const auto n = static_cast<double>(2 * edge_factor);  // two vertices
    double sum = 0;
    double squares = 0;
    for (std::uint64_t seed = 0; seed < kNumGraphs; ++seed) {
      const double distance =
          static_cast<double>(RmatGraph(1, edge_factor, seed).row(0).num_edges) - .76 * n;
      sum += distance;
      squares += distance * distance;
    }
    const double variance = n * .76 * .24;
    // The mean is rounded down, and 2^-16 is the grain of the probability.
    EXPECT_NEAR(sum / kNumGraphs, 0, 5 * std::sqrt(variance / kNumGraphs) + .5) << n;
    EXPECT_NEAR(squares / kNumGraphs / variance, 1, 5 * std::sqrt(2.0 / kNumGraphs) + .05) << n;
  }
}

// A plain search over the materialised graph, which writes down every access it makes.
class PlainSearch {
 public:
  PlainSearch(const WorkloadParams& p, const Generated& generated)
      : rows_(generated.start_of("[rows]")),
        targets_(generated.start_of("[targets]")),
        queue_(generated.start_of("[queue]")),
        parents_(generated.start_of("[parents]")) {
    const RmatGraph graph(p.bfs.scale, p.bfs.edge_factor, p.seed);
    const RandomPermutation labels(graph.num_vertices(), p.seed);
    begin_.resize(graph.num_vertices());
    end_.resize(graph.num_vertices());
    for (std::uint64_t v = 0; v < graph.num_vertices(); ++v) {
      begin_[labels.at(v)] = edges_.size();
      const RmatGraph::Row row = graph.row(v);
      for (std::uint64_t i = 0; i < row.num_edges; ++i) {
        edges_.push_back(labels.at(graph.target(row, i)));
      }
      end_[labels.at(v)] = edges_.size();
    }
  }

  // Levels by label, -1 where not reached.
  std::vector<int> search(std::uint64_t root, std::vector<GeneratedAccess>& out) const {
    std::vector<int> level(begin_.size(), -1);
    std::vector<std::uint64_t> queue;
    const auto visit = [&](std::uint64_t label, int depth) {
      level[label] = depth;
      out.push_back(write_at(parents_ + 8 * label));
      out.push_back(write_at(queue_ + 8 * queue.size()));
      queue.push_back(label);
    };
    visit(root, 0);
    for (std::size_t head = 0; head < queue.size(); ++head) {
      const std::uint64_t label = queue[head];
      out.push_back(read_at(queue_ + 8 * head));
      out.push_back(read_at(rows_ + 16 * label));
      out.push_back(read_at(rows_ + 16 * label + 8));
      for (std::uint64_t e = begin_[label]; e < end_[label]; ++e) {
        out.push_back(read_at(targets_ + 8 * e));
        out.push_back(read_at(parents_ + 8 * edges_[e]));
        if (level[edges_[e]] < 0) {
          visit(edges_[e], level[label] + 1);
        }
      }
    }
    return level;
  }

  // Every edge goes at most one level down, and every level but the first is reached by an edge.
  void expect_levels(const std::vector<int>& level, std::uint64_t root) const {
    std::vector<bool> has_parent(level.size());
    has_parent[root] = true;
    for (std::uint64_t v = 0; v < level.size(); ++v) {
      for (std::uint64_t e = begin_[v]; e < end_[v] && level[v] >= 0; ++e) {
        ASSERT_GE(level[edges_[e]], 0);
        ASSERT_LE(level[edges_[e]], level[v] + 1);
        if (level[edges_[e]] == level[v] + 1) {
          has_parent[edges_[e]] = true;
        }
      }
    }
    for (std::uint64_t v = 0; v < level.size(); ++v) {
      ASSERT_TRUE(level[v] < 0 || has_parent[v]);
    }
  }

  [[nodiscard]] std::uint64_t label_at(std::uint64_t parent_address) const {
    return (parent_address - parents_) / 8;
  }

 private:
  std::uint64_t rows_;
  std::uint64_t targets_;
  std::uint64_t queue_;
  std::uint64_t parents_;
  std::vector<std::uint64_t> begin_;
  std::vector<std::uint64_t> end_;
  std::vector<std::uint64_t> edges_;
};

TEST(Bfs, SearchesAsAPlainSearchDoes) {
  for (const std::uint32_t scale : {3U, 8U, 11U}) {
    WorkloadParams p = small_workload(WorkloadKind::kBfs);
    p.bfs.scale = scale;
    p.bfs.edge_factor = 4;
    p.seed = scale;
    const Generated generated(p);
    const PlainSearch plain(p, generated);
    std::vector<GeneratedAccess> expected;
    std::size_t num_searches = 0;
    while (expected.size() < generated.accesses.size()) {
      // The search begins with the write of its root's parent.
      const std::uint64_t root = plain.label_at(generated.accesses[expected.size()].address);
      const std::vector<int> level = plain.search(root, expected);
      plain.expect_levels(level, root);
      ++num_searches;
    }
    EXPECT_GE(num_searches, 2U) << "a larger num_accesses reaches the next search";
    expected.resize(generated.accesses.size());
    EXPECT_TRUE(generated.accesses == expected) << "scale " << scale;

    // Fresh parents before each search but the first.
    std::size_t num_unmaps = 0;
    for (const OwnedRecord& record : generated.records) {
      if (record.is_event && record.event.kind == TraceEventKind::kUnmap) {
        EXPECT_EQ(record.event.region.start.value(), generated.start_of("[parents]"));
        ++num_unmaps;
      }
    }
    EXPECT_EQ(num_unmaps, num_searches - 1);
  }
}

}  // namespace
}  // namespace nestwalk
