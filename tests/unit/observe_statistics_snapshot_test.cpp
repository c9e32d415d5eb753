// Differences of two states of the statistics.
#include "model/observe/statistics_snapshot.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace nestwalk {
namespace {

struct Counters {
  std::uint64_t hits = 0;
  std::uint64_t lookups = 0;
  Histogram latency;
  PositionCounts positions{};

  [[nodiscard]] StatSnapshot snapshot() const {
    StatGroup root;
    StatGroup& tlb = root.group("core0.tlb");
    tlb.counter("hits", &hits, "count", "Hits.");
    tlb.computed(
        "misses", [this] { return lookups - hits; }, "count", "Misses.");
    tlb.derived(
        "hit_rate", [this] { return ratio(hits, lookups); }, "ratio", "Share of hits.");
    root.histogram("walker.latency", &latency, "cycles", "Latency.");
    root.positions("walker.positions", &positions, "count", "References.");
    return root.snapshot();
  }
};

TEST(StatSnapshot, ADifferenceIsWhatWasCountedInBetween) {
  Counters c;
  c.hits = 10;
  c.lookups = 100;
  c.latency.add(5, 3);
  c.positions[4][1] = 7;
  const StatSnapshot before = c.snapshot();
  c.hits += 30;
  c.lookups += 40;
  c.latency.add(6);
  c.latency.add(100);
  c.positions[4][1] += 2;
  c.positions[0][0] = 1;
  const auto values = c.snapshot().since(before).values_to_json();
  EXPECT_EQ(values["core0"]["tlb"]["hits"], 30);
  EXPECT_EQ(values["core0"]["tlb"]["misses"], 10);
  EXPECT_EQ(values["core0"]["tlb"]["hit_rate"], 0.75);  // 30 of 40, not a difference of two rates
  EXPECT_EQ(values["walker"]["latency"].dump(),
            R"({"count":2,"sum":106,"min":null,"max":null,"mean":53.0,)"
            R"("buckets":[{"from":4,"to":7,"count":1},{"from":64,"to":127,"count":1}]})");
  EXPECT_EQ(values["walker"]["positions"][4][1], 2);
  EXPECT_EQ(values["walker"]["positions"][0][0], 1);
}

TEST(StatSnapshot, SinceNothingIsEverything) {
  Counters c;
  c.hits = 3;
  c.lookups = 4;
  c.latency.add(9);
  EXPECT_EQ(c.snapshot().since(StatSnapshot()).to_json(), c.snapshot().to_json());
  EXPECT_EQ(c.snapshot().since(StatSnapshot()).to_text(), c.snapshot().to_text());
}

TEST(StatSnapshot, WhatAppearedInBetweenBeganAtZero) {
  const std::uint64_t old_count = 5;
  const std::uint64_t new_count = 8;
  StatGroup early;
  early.counter("a", &old_count, "count", "A.");
  StatGroup late;
  late.counter("b", &new_count, "count", "B.");
  late.counter("a", &new_count, "count", "A.");
  EXPECT_EQ(late.snapshot().since(early.snapshot()).values_to_json().dump(), R"({"b":8,"a":3})");
}

TEST(StatSnapshot, AnEmptyDifferenceIsZeroAndHasNoNumberToDivideBy) {
  Counters c;
  c.hits = 3;
  c.lookups = 4;
  c.latency.add(9);
  const StatSnapshot now = c.snapshot();
  EXPECT_FALSE(now.is_zero());
  const StatSnapshot none = now.since(now);
  EXPECT_TRUE(none.is_zero());
  EXPECT_TRUE(none.values_to_json()["core0"]["tlb"]["hit_rate"].is_null());
  EXPECT_NE(none.to_text().find("walker.latency.min"), std::string::npos);
  c.positions[1][1] = 1;
  EXPECT_FALSE(c.snapshot().since(now).is_zero());
}

}  // namespace
}  // namespace nestwalk
