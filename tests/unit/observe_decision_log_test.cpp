#include "model/observe/decision_log.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace nestwalk {
namespace {

TEST(DecisionLog, JsonTellsWhenWhoOnWhatAndWhy) {
  DecisionLog log;
  log.append({.time_cycles = 5000,
              .vm = 1,
              .inputs = {{"tlb_misses", 812}, {"share", 0.5}},
              .decision = "nested",
              .reason = "few misses"});
  EXPECT_EQ(log.to_json().dump(), R"({"dropped":0,"decisions":[{"time_cycles":5000,"vm":1,)"
                                  R"("inputs":{"tlb_misses":812.0,"share":0.5},)"
                                  R"("decision":"nested","reason":"few misses"}]})");
}

TEST(DecisionLog, KeepsTheNewestAndCountsTheRest) {
  DecisionLog log(3);
  for (std::uint64_t time = 0; time < 5; ++time) {
    log.append({.time_cycles = time, .vm = 0, .inputs = {}, .decision = "stay", .reason = ""});
  }
  ASSERT_EQ(log.decisions().size(), 3U);
  EXPECT_EQ(log.decisions().front().time_cycles, 2U);
  EXPECT_EQ(log.decisions().back().time_cycles, 4U);
  EXPECT_EQ(log.num_dropped(), 2U);
}

TEST(DecisionLog, InputThatIsNotFiniteIsNull) {
  DecisionLog log;
  log.append({.time_cycles = 0,
              .vm = 0,
              .inputs = {{"rate", std::numeric_limits<double>::quiet_NaN()}},
              .decision = "stay",
              .reason = "no data"});
  EXPECT_TRUE(log.to_json()["decisions"][0]["inputs"]["rate"].is_null());
}

}  // namespace
}  // namespace nestwalk
