// Kind bfs: breadth-first searches of a Kronecker graph, one after another, from random vertices
// that have edges. The graph lies in memory as compressed rows: for each vertex the begin and the
// end of its part of the array of targets, in an array of pairs; rows stand in the order in which
// the generator makes them, while vertices are labelled by a random permutation, as in Graph500, so
// that those with many edges are spread. The other arrays are the queue and the parents, in which 0
// is a vertex that was not reached; each search maps fresh, hence zeroed, parents.
//
// The queue and the set of reached vertices are kept, so host memory grows with what a search
// reaches, not with the graph.
#include <tsl/robin_map.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/random_permutation.h"
#include "model/workload/rmat_graph.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPairBytes = 2 * kWordBytes;

// A set of vertices, 64 to a word: all words where those are few, else those that are not zero.
class VertexSet {
 public:
  explicit VertexSet(std::uint64_t num_vertices)
      : all_(num_vertices <= kMaxDense ? (num_vertices + 63) / 64 : 0) {}

  // False if it was there.
  bool insert(std::uint64_t vertex) {
    std::uint64_t& word = all_.empty() ? some_[vertex / 64] : all_[vertex / 64];
    const std::uint64_t bit = std::uint64_t{1} << vertex % 64;
    const bool is_new = (word & bit) == 0;
    word |= bit;
    return is_new;
  }
  void clear() {
    std::fill(all_.begin(), all_.end(), 0);
    some_.clear();
  }

 private:
  static constexpr std::uint64_t kMaxDense = std::uint64_t{1} << 24;  // 2 MiB

  // Multiplying spreads the numbers, which are small and dense, over the buckets.
  struct Hash {
    std::size_t operator()(std::uint64_t number) const { return number * 0x9E3779B97F4A7C15 >> 20; }
  };
  std::vector<std::uint64_t> all_;
  tsl::robin_map<std::uint64_t, std::uint64_t, Hash> some_;
};

class BreadthFirstSearch {
 public:
  static constexpr std::size_t kMaxBurst = 4;

  BreadthFirstSearch(const GeneratorParams& params, RegionPlan& plan)
      : graph_(params.bfs.scale, params.bfs.edge_factor, params.seed),
        labels_(graph_.num_vertices(), params.seed),
        pairs_(plan.add("rows", graph_.num_vertices() * kPairBytes)),
        targets_(plan.add("targets", graph_.num_edges() * kWordBytes)),
        queue_array_(plan.add("queue", graph_.num_vertices() * kWordBytes)),
        parents_(plan.add("parents", graph_.num_vertices() * kWordBytes)),
        parents_region_(plan.regions().back()),
        random_(params.seed ^ kRootSeed),
        reached_(graph_.num_vertices()) {}

  void burst(BurstWriter& writer) {
    switch (state_) {
      case State::kRoot:
        reach(writer, draw_root());
        state_ = State::kSearch;
        return;
      case State::kUnmap:
        writer.unmap(parents_region_.start, parents_region_.length_bytes);
        state_ = State::kMap;
        return;
      case State::kMap:
        writer.map(parents_region_);
        state_ = State::kRoot;
        return;
      case State::kSearch:
        search(writer);
        return;
    }
  }

 private:
  enum class State : std::uint8_t { kRoot, kSearch, kUnmap, kMap };

  static constexpr std::uint64_t kRootSeed = 0x726f6f7473;

  std::uint64_t draw_root() {
    for (;;) {
      const std::uint64_t vertex = random_.draw() % graph_.num_vertices();
      if (graph_.row(vertex).num_edges > 0) {
        return vertex;
      }
    }
  }

  // The next edge of the current vertex, or the next vertex.
  void search(BurstWriter& writer) {
    if (next_edge_ < row_.num_edges) {
      writer.read(targets_ + (row_.first_edge + next_edge_) * kWordBytes);
      const std::uint64_t target = graph_.target(row_, next_edge_++);
      writer.read(parents_ + labels_.at(target) * kWordBytes);
      reach(writer, target);
      return;
    }
    writer.read(queue_array_ + num_taken_++ * kWordBytes);
    row_ = graph_.row(queue_.front());
    queue_.pop_front();
    next_edge_ = 0;
    const Gva pair = pairs_ + labels_.at(row_.vertex) * kPairBytes;
    writer.read(pair);
    writer.read(pair + kWordBytes);
    end_if_done();
  }

  void reach(BurstWriter& writer, std::uint64_t vertex) {
    if (reached_.insert(vertex)) {
      writer.write(parents_ + labels_.at(vertex) * kWordBytes);
      writer.write(queue_array_ + num_queued_++ * kWordBytes);
      queue_.push_back(vertex);
    }
    end_if_done();
  }

  void end_if_done() {
    if (next_edge_ == row_.num_edges && queue_.empty()) {
      state_ = State::kUnmap;
      row_ = {};
      next_edge_ = num_taken_ = num_queued_ = 0;
      reached_.clear();
    }
  }

  RmatGraph graph_;
  RandomPermutation labels_;
  Gva pairs_;
  Gva targets_;
  Gva queue_array_;
  Gva parents_;
  Region parents_region_;
  SplitMix random_;
  VertexSet reached_;
  State state_ = State::kRoot;
  std::deque<std::uint64_t> queue_;
  std::uint64_t num_taken_ = 0;
  std::uint64_t num_queued_ = 0;
  RmatGraph::Row row_;  // of the current vertex
  std::uint64_t next_edge_ = 0;
};

}  // namespace

std::unique_ptr<Generator> make_bfs(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  BreadthFirstSearch search(params, plan);
  return std::make_unique<GeneratedStream<BreadthFirstSearch>>(params, plan, std::move(search));
}

}  // namespace nestwalk
