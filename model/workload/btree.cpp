// Kind btree: look-ups of random keys in a B+tree that was loaded in order, so that all nodes but
// the last of each level are full. From the root to the leaf, each node is searched by halving;
// inner nodes then give a child pointer, the leaf gives the value. A node is a header of 16 bytes,
// `fanout` keys, and `fanout` pointers or values. An inner node's key i is the smallest key of its
// child i; key 0 exists and is never looked at.
//
// Keys are named by their rank: where a search goes follows from ranks alone.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/word_operation.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kHeaderBytes = 16;
constexpr std::size_t kMaxNodeReads = 17;  // halving 65,535 keys, and the pointer or the key itself

class Btree {
 public:
  // One node, and the value behind a leaf.
  static constexpr std::size_t kMaxBurst = kMaxNodeReads + WordOperation::kMaxRecords;

  Btree(const GeneratorParams& params, RegionPlan& plan)
      : num_keys_(params.btree.num_keys),
        fanout_(params.btree.fanout),
        node_bytes_(kHeaderBytes + fanout_ * 2 * kWordBytes),
        random_(params.seed),
        operation_(params) {
    // From the leaves up; then placed from the root down, each level behind the one above it.
    std::uint64_t num_nodes = num_keys_;
    std::uint64_t keys_per_item = 1;
    std::uint64_t total = 0;
    do {
      const std::uint64_t num_items = num_nodes;
      num_nodes = (num_items + fanout_ - 1) / fanout_;
      levels_.insert(levels_.begin(), Level{keys_per_item, num_items, Gva()});
      keys_per_item *= fanout_;
      total += num_nodes;
    } while (num_nodes > 1);
    Gva place = plan.add("btree", total * node_bytes_);
    for (Level& level : levels_) {
      level.first_node = place;
      place = place + (level.num_items + fanout_ - 1) / fanout_ * node_bytes_;
    }
  }

  void burst(BurstWriter& writer) {
    if (depth_ == 0) {
      key_ = random_.draw() % num_keys_;
    }
    const Level& level = levels_[depth_];
    const std::uint64_t item = key_ / level.keys_per_item;
    const std::uint64_t node = item / fanout_;
    const std::uint64_t num_in_node = std::min(fanout_, level.num_items - node * fanout_);
    const std::uint64_t slot = item - node * fanout_;
    const Gva keys = level.first_node + node * node_bytes_ + kHeaderBytes;
    // The last key that is not above the one looked for.
    std::uint64_t low = 0;
    std::uint64_t size = num_in_node;
    while (size > 1) {
      const std::uint64_t half = size / 2;
      writer.read(keys + (low + half) * kWordBytes);
      low += slot >= low + half ? half : 0;
      size -= half;
    }
    const Gva found = keys + (fanout_ + low) * kWordBytes;
    if (++depth_ < levels_.size()) {
      writer.read(found);
    } else {
      depth_ = 0;
      writer.read(keys + low * kWordBytes);  // is it the key that was looked for?
      operation_.apply(writer, found);
    }
  }

 private:
  // Items are what the nodes of a level hold: keys in the leaves, else the nodes of the next level.
  struct Level {
    std::uint64_t keys_per_item;
    std::uint64_t num_items;
    Gva first_node;
  };

  std::uint64_t num_keys_;
  std::uint64_t fanout_;
  std::uint64_t node_bytes_;
  std::vector<Level> levels_;  // root first
  SplitMix random_;
  WordOperation operation_;
  std::size_t depth_ = 0;
  std::uint64_t key_ = 0;
};

}  // namespace

std::unique_ptr<Generator> make_btree(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  Btree tree(params, plan);
  return std::make_unique<GeneratedStream<Btree>>(params, plan, std::move(tree));
}

}  // namespace nestwalk
