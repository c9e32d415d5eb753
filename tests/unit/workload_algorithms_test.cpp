// STREAM, pointer chase, B-tree and churn against plain programs for the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/workload_generated.h"

namespace nestwalk {
namespace {

TEST(StreamKernels, RunTheLoopsOfTheBenchmark) {
  for (std::size_t k = 0; k < kStreamKernelNames.size(); ++k) {
    WorkloadParams p = small_workload(WorkloadKind::kStream);
    p.stream.kernel = static_cast<StreamKernel>(k);
    p.footprint_bytes = 3 * 8192 + 4000;
    p.num_accesses = 25000;
    const Generated generated(p);
    ASSERT_EQ(generated.regions.size(), 3U);
    const std::uint64_t a = generated.start_of("[stream a]");
    const std::uint64_t b = generated.start_of("[stream b]");
    const std::uint64_t c = generated.start_of("[stream c]");
    constexpr std::uint64_t kNumElements = 1024;
    std::vector<GeneratedAccess> expected;
    const auto runs = [&](StreamKernel kernel) {
      return p.stream.kernel == StreamKernel::kAll || p.stream.kernel == kernel;
    };
    while (expected.size() < p.num_accesses) {
      for (std::uint64_t j = 0; j < kNumElements && runs(StreamKernel::kCopy); ++j) {
        expected.insert(expected.end(), {read_at(a + 8 * j), write_at(c + 8 * j)});
      }
      for (std::uint64_t j = 0; j < kNumElements && runs(StreamKernel::kScale); ++j) {
        expected.insert(expected.end(), {read_at(c + 8 * j), write_at(b + 8 * j)});
      }
      for (std::uint64_t j = 0; j < kNumElements && runs(StreamKernel::kAdd); ++j) {
        expected.insert(expected.end(),
                        {read_at(a + 8 * j), read_at(b + 8 * j), write_at(c + 8 * j)});
      }
      for (std::uint64_t j = 0; j < kNumElements && runs(StreamKernel::kTriad); ++j) {
        expected.insert(expected.end(),
                        {read_at(b + 8 * j), read_at(c + 8 * j), write_at(a + 8 * j)});
      }
    }
    expected.resize(p.num_accesses);
    EXPECT_TRUE(generated.accesses == expected) << kStreamKernelNames[k];
  }
}

TEST(PointerChase, VisitsEveryNodeOnceACycle) {
  for (const std::uint64_t node_bytes : {8, 64, 72, 4096}) {
    for (const std::uint64_t num_nodes : {1, 2, 3, 1000, 4097}) {
      WorkloadParams p = small_workload(WorkloadKind::kPointerChase);
      p.pointer_chase.node_bytes = node_bytes;
      p.footprint_bytes = std::max<std::uint64_t>(num_nodes * node_bytes, 4096);
      const std::uint64_t expected_nodes = p.footprint_bytes / node_bytes;
      p.num_accesses = 3 * expected_nodes;
      const Generated generated(p);
      const std::uint64_t nodes = generated.start_of("[nodes]");
      std::set<std::uint64_t> seen;
      for (std::uint64_t i = 0; i < expected_nodes; ++i) {
        const GeneratedAccess& access = generated.accesses[i];
        EXPECT_FALSE(access.is_write);
        EXPECT_EQ((access.address - nodes) % node_bytes, 0U);
        EXPECT_LE(access.address + 8, nodes + p.footprint_bytes);
        seen.insert(access.address);
        // What follows a node depends on the node alone.
        EXPECT_EQ(generated.accesses[i + expected_nodes], access);
        EXPECT_EQ(generated.accesses[i + 2 * expected_nodes], access);
      }
      EXPECT_EQ(seen.size(), expected_nodes);
    }
  }
}

// A B+tree in memory: words by address, loaded in order, keys 2 * rank + 1.
class PlainTree {
 public:
  PlainTree(std::uint64_t base, std::uint64_t num_keys, std::uint64_t fanout) : fanout_(fanout) {
    // The nodes of each level: the items that each holds begin at (first item number, smallest
    // key).
    struct Item {
      std::uint64_t smallest_key;
      std::uint64_t content;
    };
    std::vector<std::vector<std::vector<Item>>> levels;  // leaves first
    std::vector<Item> items;
    for (std::uint64_t rank = 0; rank < num_keys; ++rank) {
      items.push_back({2 * rank + 1, rank});
    }
    for (;;) {
      auto& nodes = levels.emplace_back();
      for (std::uint64_t i = 0; i < items.size(); i += fanout) {
        nodes.emplace_back(
            items.begin() + static_cast<std::ptrdiff_t>(i),
            items.begin() + static_cast<std::ptrdiff_t>(std::min(i + fanout, items.size())));
      }
      if (nodes.size() == 1) {
        break;
      }
      items.clear();
      for (std::uint64_t i = 0; i < nodes.size(); ++i) {
        items.push_back({nodes[i].front().smallest_key, i});
      }
    }
    // Places, from the root.
    height_ = levels.size();
    const std::uint64_t node_bytes = 16 + 16 * fanout;
    std::vector<std::uint64_t> level_start(levels.size());
    std::uint64_t place = base;
    for (std::size_t level = levels.size(); level-- > 0;) {
      level_start[level] = place;
      place += levels[level].size() * node_bytes;
    }
    root_ = base;
    for (std::size_t level = 0; level < levels.size(); ++level) {
      for (std::uint64_t i = 0; i < levels[level].size(); ++i) {
        const std::uint64_t node = level_start[level] + i * node_bytes;
        const std::vector<Item>& content = levels[level][i];
        sizes_[node] = content.size();
        for (std::uint64_t j = 0; j < content.size(); ++j) {
          memory_[node + 16 + 8 * j] = content[j].smallest_key;
          memory_[node + 16 + 8 * (fanout + j)] =
              level == 0 ? content[j].content
                         : level_start[level - 1] + content[j].content * node_bytes;
        }
      }
    }
  }

  // The accesses of a look-up by comparing keys, and the rank that it finds.
  std::uint64_t look_up(std::uint64_t key, std::vector<GeneratedAccess>& out) const {
    std::uint64_t node = root_;
    for (std::size_t depth = 0;; ++depth) {
      std::uint64_t low = 0;
      std::uint64_t size = sizes_.at(node);
      while (size > 1) {
        const std::uint64_t half = size / 2;
        if (load(node + 16 + 8 * (low + half), out) <= key) {
          low += half;
        }
        size -= half;
      }
      const std::uint64_t found = node + 16 + 8 * (fanout_ + low);
      if (depth + 1 == height_) {
        EXPECT_EQ(load(node + 16 + 8 * low, out), key);
        return load(found, out);
      }
      node = load(found, out);
    }
  }

  [[nodiscard]] std::uint64_t value_at(std::uint64_t address) const { return memory_.at(address); }

 private:
  std::uint64_t load(std::uint64_t address, std::vector<GeneratedAccess>& out) const {
    out.push_back(read_at(address));
    return memory_.at(address);
  }

  std::uint64_t fanout_;
  std::size_t height_ = 0;
  std::uint64_t root_ = 0;
  std::map<std::uint64_t, std::uint64_t> memory_;
  std::map<std::uint64_t, std::uint64_t> sizes_;
};

TEST(Btree, FindsKeysAsARealTreeDoes) {
  struct Shape {
    std::uint64_t num_keys;
    std::uint32_t fanout;
    std::size_t accesses_per_look_up;  // at most
  };
  for (const Shape& shape : {Shape{1, 2, 2},
                             {2, 2, 3},
                             {3, 2, 5},
                             {1000, 2, 21},
                             {1000, 3, 22},
                             {4097, 16, 18},
                             {5000, 255, 20}}) {
    WorkloadParams p = small_workload(WorkloadKind::kBtree);
    p.btree = {shape.num_keys, shape.fanout};
    p.num_accesses = 50000;
    SCOPED_TRACE(std::to_string(shape.num_keys) + " keys, fanout " + std::to_string(shape.fanout));
    const Generated generated(p);
    const PlainTree tree(generated.start_of("[btree]"), shape.num_keys, shape.fanout);
    std::vector<int> times(shape.num_keys);
    int num_look_ups = 0;
    for (std::size_t at = 0; at + shape.accesses_per_look_up <= generated.accesses.size();) {
      // Which key is wanted shows at the end of the look-up only: try the ends that are there.
      std::vector<GeneratedAccess> expected;
      bool is_found = false;
      for (std::size_t length = 2; length <= shape.accesses_per_look_up && !is_found; ++length) {
        const std::uint64_t key_place = generated.accesses[at + length - 2].address;
        const std::uint64_t value_place = generated.accesses[at + length - 1].address;
        if (value_place != key_place + std::uint64_t{8} * shape.fanout) {
          continue;
        }
        expected.clear();
        const std::uint64_t key = tree.value_at(key_place);
        if (key % 2 == 0 || tree.value_at(value_place) != key / 2) {
          continue;  // an inner node
        }
        is_found = tree.look_up(key, expected) == key / 2 && expected.size() == length &&
                   std::equal(expected.begin(), expected.end(),
                              generated.accesses.begin() + static_cast<std::ptrdiff_t>(at));
        times[key / 2] += is_found ? 1 : 0;
      }
      ASSERT_TRUE(is_found) << "the look-up at access " << at;
      at += expected.size();
      ++num_look_ups;
    }
    // All keys alike.
    const double mean = static_cast<double>(num_look_ups) / static_cast<double>(shape.num_keys);
    for (const int count : times) {
      ASSERT_NEAR(count, mean, 6 * std::sqrt(mean) + 6);
    }
  }
}

TEST(Churn, AShortRunOfTheDefaultsUnmaps) {
  WorkloadParams p;
  p.kind = WorkloadKind::kChurn;
  p.num_accesses = 10'000;
  const std::unique_ptr<Stream> stream = make_stream(p);
  std::array<TraceRecord, 256> batch;
  std::size_t num_unmaps = 0;
  while (const std::size_t count = stream->next_batch(batch)) {
    for (std::size_t i = 0; i < count; ++i) {
      num_unmaps += batch[i].event != nullptr && batch[i].event->kind == TraceEventKind::kUnmap;
    }
  }
  EXPECT_GE(num_unmaps, 8U);
}

TEST(Churn, KeepsAFixedNumberOfRegionsAndWritesEachPageOnce) {
  WorkloadParams p = small_workload(WorkloadKind::kChurn);
  p.operation = WorkloadOperation::kRead;
  const Generated generated(p);
  std::map<std::uint64_t, std::uint64_t> live;  // length by start
  std::set<std::uint64_t> sizes;
  std::uint64_t to_write = 0;
  std::uint64_t write_end = 0;
  std::uint64_t num_uses = 0;
  std::uint64_t expected_uses = 0;
  int num_maps = 0;
  for (const OwnedRecord& owned : generated.records) {
    if (!owned.is_event) {
      const std::uint64_t address = owned.record.address.value();
      if (to_write < write_end) {
        ASSERT_EQ(owned.record.type, AccessType::kWrite);
        ASSERT_EQ(address, to_write);
        to_write += 4096;
      } else {
        ASSERT_EQ(owned.record.type, AccessType::kRead);
        ++num_uses;
      }
      continue;
    }
    const Region& region = owned.event.region;
    ASSERT_EQ(to_write, write_end) << "every page was written";
    ASSERT_EQ(num_uses, expected_uses);
    num_uses = 0;
    if (owned.event.kind == TraceEventKind::kUnmap) {
      ASSERT_EQ(live.size(), p.churn.num_regions) << "unmapped only when all live";
      live.erase(region.start.value());
      expected_uses = 0;  // its place is filled at once
      continue;
    }
    expected_uses = p.churn.accesses_per_region;
    ++num_maps;
    live[region.start.value()] = region.length_bytes;
    ASSERT_LE(live.size(), p.churn.num_regions);
    ASSERT_GE(region.length_bytes, p.churn.min_region_bytes);
    ASSERT_LE(region.length_bytes, p.churn.max_region_bytes);
    sizes.insert(region.length_bytes);
    to_write = region.start.value();
    write_end = to_write + region.length_bytes;
  }
  EXPECT_GT(num_maps, 500);
  EXPECT_EQ(sizes.size(), (p.churn.max_region_bytes - p.churn.min_region_bytes) / 4096 + 1);
}

}  // namespace
}  // namespace nestwalk
