// The hash join against one with a real hash table, and its matches against nested loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/workload/join_tables.h"
#include "tests/unit/workload_generated.h"

namespace nestwalk {
namespace {

struct Tables {
  std::vector<std::uint64_t> build;
  std::vector<std::uint64_t> probe;

  explicit Tables(const JoinTables& tables) {
    for (std::uint64_t i = 0; i < tables.num_build(); ++i) {
      build.push_back(tables.build_key(i));
    }
    for (std::uint64_t i = 0; i < tables.num_probe(); ++i) {
      probe.push_back(tables.probe_key(i));
    }
  }

  [[nodiscard]] std::uint64_t nested_loop_matches() const {
    std::uint64_t count = 0;
    for (const std::uint64_t key : probe) {
      count += static_cast<std::uint64_t>(std::count(build.begin(), build.end(), key));
    }
    return count;
  }
};

// One join as a program would do it, with its accesses; returns the number of matches.
std::uint64_t plain_join(const Tables& tables, std::uint64_t num_buckets,
                         const Generated& generated, std::vector<GeneratedAccess>& out) {
  const std::uint64_t build = generated.start_of("[build]");
  const std::uint64_t probe = generated.start_of("[probe]");
  const std::uint64_t buckets = generated.start_of("[buckets]");
  const std::uint64_t nodes = generated.start_of("[nodes]");
  const std::uint64_t result = generated.start_of("[result]");
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::vector<std::uint64_t> head(num_buckets, kNone);
  std::vector<std::uint64_t> next(tables.build.size(), kNone);
  for (std::uint64_t i = 0; i < tables.build.size(); ++i) {
    const std::uint64_t bucket = tables.build[i] % num_buckets;
    next[i] = head[bucket];
    head[bucket] = i;
    const std::uint64_t node = nodes + 24 * i;
    out.insert(out.end(), {read_at(build + 16 * i), read_at(build + 16 * i + 8),
                           read_at(buckets + 8 * bucket), write_at(node), write_at(node + 8),
                           write_at(node + 16), write_at(buckets + 8 * bucket)});
  }
  std::uint64_t num_matches = 0;
  for (std::uint64_t i = 0; i < tables.probe.size(); ++i) {
    const std::uint64_t bucket = tables.probe[i] % num_buckets;
    out.insert(out.end(), {read_at(probe + 16 * i), read_at(probe + 16 * i + 8),
                           read_at(buckets + 8 * bucket)});
    for (std::uint64_t at = head[bucket]; at != kNone; at = next[at]) {
      const std::uint64_t node = nodes + 24 * at;
      out.push_back(read_at(node));
      if (tables.build[at] == tables.probe[i]) {
        out.insert(out.end(), {read_at(node + 8), write_at(result + 16 * num_matches),
                               write_at(result + 16 * num_matches + 8)});
        ++num_matches;
        break;
      }
      out.push_back(read_at(node + 16));
    }
  }
  return num_matches;
}

TEST(HashJoin, JoinsAsNestedLoopsDo) {
  for (const std::uint64_t num_build : {1, 2, 7, 1024, 1500}) {
    for (const double match_fraction : {0.0, 0.3, 1.0}) {
      WorkloadParams p = small_workload(WorkloadKind::kHashJoin);
      p.num_accesses = 60000;
      p.hash_join = {num_build, 2000, match_fraction};
      p.seed = num_build;
      SCOPED_TRACE(std::to_string(num_build) + " tuples, fraction " +
                   std::to_string(match_fraction));
      const JoinTables join(p.hash_join, p.seed);
      const Tables tables(join);
      const Generated generated(p);
      std::vector<GeneratedAccess> expected;
      const std::uint64_t num_matches = plain_join(tables, join.num_buckets(), generated, expected);
      EXPECT_EQ(num_matches, tables.nested_loop_matches());
      EXPECT_NEAR(static_cast<double>(num_matches), 2000 * match_fraction,
                  5 * std::sqrt(2000 * match_fraction * (1 - match_fraction)));
      const std::size_t length = expected.size();
      while (expected.size() < generated.accesses.size()) {  // the same join again and again
        expected.push_back(expected[expected.size() - length]);
      }
      ASSERT_GE(expected.size(), 2 * length);
      expected.resize(generated.accesses.size());
      EXPECT_TRUE(generated.accesses == expected);
    }
  }
}

TEST(JoinTables, BuildKeysAreDistinctAndChainsHoldThemAll) {
  const JoinTables join({1500, 10, 0.5}, 9);
  std::set<std::uint64_t> keys;
  for (std::uint64_t i = 0; i < 1500; ++i) {
    keys.insert(join.build_key(i));
  }
  EXPECT_EQ(keys.size(), 1500U);
  EXPECT_EQ(join.num_buckets(), 2048U);
  std::set<std::uint64_t> found;
  for (std::uint64_t bucket = 0; bucket < join.num_buckets(); ++bucket) {
    for (const JoinTables::Node& node : join.chain(bucket)) {
      EXPECT_EQ(join.build_key(node.tuple), node.key);
      EXPECT_EQ(join.bucket_of(node.key), bucket);
      EXPECT_TRUE(found.insert(node.key).second);
    }
  }
  EXPECT_EQ(found, keys);
}

}  // namespace
}  // namespace nestwalk
