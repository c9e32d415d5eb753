#include "model/observe/statistics.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace nestwalk {
namespace {

class StatGroupTest : public testing::Test {
 protected:
  // A small machine with one statistic of every kind.
  void register_all(StatGroup& root) {
    StatGroup& tlb = root.group("core0.tlb");
    tlb.counter("lookups", &lookups_, "count", "Lookups.");
    tlb.counter("hits", &hits_, "count", "Lookups that hit.");
    tlb.derived(
        "hit_rate", [this] { return ratio(hits_, lookups_); }, "ratio", "Hits per lookup.");
    root.histogram("walker.latency", &latency_, "cycles", "Latency of walks.");
    root.positions("walker.references", &references_, "count", "Entries read.");
    root.group("core0").computed(
        "misses", [this] { return lookups_ - hits_; }, "count", "Lookups that missed.");
  }

  std::uint64_t lookups_ = 0;
  std::uint64_t hits_ = 0;
  Histogram latency_;
  PositionCounts references_{};
};

// Columns: the longest name has 28 letters, the longest value 7.
TEST_F(StatGroupTest, TextIsThisExactly) {
  lookups_ = 1000;
  hits_ = 875;
  latency_.add(24, 2);
  latency_.add(40);
  count_at(references_, {.g = 4, .h = 1}) = 3;
  count_at(references_, {.g = 0, .h = 4}) = 12;
  StatGroup root;
  register_all(root);
  EXPECT_EQ(root.to_text(),
            "core0.tlb.lookups                1000  # count, Lookups.\n"
            "core0.tlb.hits                    875  # count, Lookups that hit.\n"
            "core0.tlb.hit_rate              0.875  # ratio, Hits per lookup.\n"
            "core0.misses                      125  # count, Lookups that missed.\n"
            "walker.latency.count                3  # cycles, Latency of walks.\n"
            "walker.latency.sum                 88  # cycles, Latency of walks.\n"
            "walker.latency.min                 24  # cycles, Latency of walks.\n"
            "walker.latency.max                 40  # cycles, Latency of walks.\n"
            "walker.latency.mean           29.3333  # cycles, Latency of walks.\n"
            "walker.latency.from_16_to_31        2  # cycles, Latency of walks.\n"
            "walker.latency.from_32_to_63        1  # cycles, Latency of walks.\n"
            "walker.references.g4_h1             3  # count, Entries read.\n"
            "walker.references.g0_h4            12  # count, Entries read.\n"
            "walker.references.total            15  # count, Entries read.\n");
}

TEST_F(StatGroupTest, JsonHasValuesByGroupAndDescriptionsByName) {
  lookups_ = 4;
  hits_ = 1;
  latency_.add(24);
  count_at(references_, {.g = 2, .h = 3}) = 7;
  StatGroup root;
  register_all(root);
  const nlohmann::ordered_json json = root.to_json();
  EXPECT_EQ(json["schema_version"], 1);
  const auto& statistics = json["statistics"];
  EXPECT_EQ(statistics["core0"]["tlb"]["lookups"], 4);
  EXPECT_EQ(statistics["core0"]["tlb"]["hit_rate"], 0.25);
  EXPECT_EQ(statistics["core0"]["misses"], 3);
  EXPECT_EQ(statistics["walker"]["latency"].dump(),
            R"({"count":1,"sum":24,"min":24,"max":24,"mean":24.0,)"
            R"("buckets":[{"from":16,"to":31,"count":1}]})");
  EXPECT_EQ(statistics["walker"]["references"][2][3], 7);
  EXPECT_EQ(statistics["walker"]["references"].size(), kMaxLevels + 1);
  EXPECT_EQ(json["descriptions"]["core0.tlb.hit_rate"].dump(),
            R"({"unit":"ratio","text":"Hits per lookup."})");
  EXPECT_EQ(json["descriptions"].size(), 6U);
}

TEST_F(StatGroupTest, DivisionByZeroIsNullAndNeverNotANumber) {
  StatGroup root;
  register_all(root);
  const nlohmann::ordered_json json = root.to_json();
  EXPECT_TRUE(json["statistics"]["core0"]["tlb"]["hit_rate"].is_null());
  EXPECT_TRUE(json["statistics"]["walker"]["latency"]["mean"].is_null());
  EXPECT_EQ(root.to_text().find("nan"), std::string::npos);
}

TEST_F(StatGroupTest, LargeCountersAreExact) {
  lookups_ = 0xffff'ffff'ffff'ffff;
  StatGroup root;
  root.counter("lookups", &lookups_, "count", "Lookups.");
  EXPECT_EQ(root.to_json()["statistics"].dump(), R"({"lookups":18446744073709551615})");
  EXPECT_NE(root.to_text().find(" 18446744073709551615 "), std::string::npos);
}

TEST_F(StatGroupTest, EqualCountersGiveEqualBytes) {
  lookups_ = 3;
  hits_ = 1;
  StatGroup first;
  register_all(first);
  StatGroup second;
  register_all(second);
  EXPECT_EQ(first.to_json().dump(2), second.to_json().dump(2));
  EXPECT_EQ(first.to_text(), second.to_text());
}

TEST_F(StatGroupTest, ListIsInOrderOfRegistration) {
  StatGroup root;
  root.counter("z", &lookups_, "count", "First.");
  root.counter("b.a", &hits_, "bytes", "Second.");
  root.counter("a", &hits_, "count", "Third.");
  const auto list = root.list();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].name, "z");
  EXPECT_EQ(list[1].name, "b.a");
  EXPECT_EQ(list[1].unit, "bytes");
  EXPECT_EQ(list[1].text, "Second.");
  EXPECT_EQ(list[2].name, "a");
}

TEST_F(StatGroupTest, GroupsOfOneNameAreOneGroup) {
  StatGroup root;
  EXPECT_EQ(&root.group("vm0.process1"), &root.group("vm0").group("process1"));
}

TEST_F(StatGroupTest, IllegalAndRepeatedNamesAreFatal) {
  StatGroup root;
  root.counter("a.hits", &hits_, "count", "Hits.");
  EXPECT_DEATH(root.counter("a.hits", &hits_, "count", "Hits."), "registered once");
  EXPECT_DEATH(root.counter("a", &hits_, "count", "Hits."), "registered once");
  EXPECT_DEATH(static_cast<void>(root.group("a.hits.deep")), "not both");
  EXPECT_DEATH(root.counter("Hits", &hits_, "count", "Hits."), "a-z0-9_");
  EXPECT_DEATH(root.counter("a..b", &hits_, "count", "Hits."), "a-z0-9_");
  EXPECT_DEATH(root.counter("a.", &hits_, "count", "Hits."), "a-z0-9_");
  EXPECT_DEATH(root.counter("", &hits_, "count", "Hits."), "a-z0-9_");
  EXPECT_DEATH(root.counter("b", &hits_, "", "Hits."), "unit and a sentence");
}

}  // namespace
}  // namespace nestwalk
