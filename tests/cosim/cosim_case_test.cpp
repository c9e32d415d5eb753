// Cases of a co-simulation: the same whatever ran before, and what the configuration turns off does
// not happen.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tb/cosim_bench.h"
#include "tb/cosim_coverage.h"
#include "tb/cosim_list.h"
#include "tb/cosim_run.h"

namespace nestwalk {
namespace {

CosimParams small(const std::string& walker) {
  CosimParams params;
  params.walker = walker;
  params.walks_per_case = 50;
  return params;
}

CosimResult result_of(const CosimParams& params, const CaseRange& range) {
  CosimRun run(params, params.walker);
  run.cases(range);
  EXPECT_FALSE(run.result().failure) << run.result().failure->problems.front();
  return run.result();
}

std::uint64_t count(const CosimResult& result, EventKind kind) {
  return result.events[static_cast<unsigned>(kind)];
}

TEST(CosimCase, IsTheSameWhateverRanBefore) {
  for (const char* walker : {"one_slot", "ntlb"}) {
    const CosimParams params = small(walker);
    CosimResult parts = result_of(params, {0, 7});
    const CosimResult last = result_of(params, {7, 8});
    parts.add(last);
    const CosimResult all = result_of(params, {0, 8});
    EXPECT_EQ(all.num_cycles, parts.num_cycles);
    EXPECT_EQ(all.events, parts.events);
    EXPECT_EQ(all.num_walks, 400U);
    EXPECT_GT(last.num_cycles, 0U);
  }
}

TEST(CosimCase, AnotherSeedGivesOtherCases) {
  CosimParams params = small("one_slot");
  const CosimResult first = result_of(params, {0, 4});
  params.seed = 2;
  EXPECT_NE(result_of(params, {0, 4}).num_cycles, first.num_cycles);
}

TEST(CosimCase, EverythingHappens) {
  const CosimResult result = result_of(small("ntlb"), {0, 60});
  for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
    EXPECT_GT(result.events.at(kind), 10U) << kEventKindNames.at(kind);
  }
  EXPECT_GT(result.num_resets, 0U);
  EXPECT_GT(result.num_errors, 0U);
  EXPECT_GT(result.num_racing_writes, 0U);
}

TEST(CosimCase, WhatIsTurnedOffDoesNotHappen) {
  CosimParams params = small("four_slots");
  params.traffic.invalidation_percent = 0;
  params.traffic.reset_percent = 0;
  params.memory.bus_error_percent = 0;
  params.memory.poison_percent = 0;
  params.memory.racing_write_percent = 0;
  const CosimResult result = result_of(params, {0, 40});
  EXPECT_EQ(count(result, EventKind::kInvalidate) + count(result, EventKind::kKill), 0U);
  EXPECT_EQ(result.num_resets, 0U);
  EXPECT_EQ(result.num_errors, 0U);
  EXPECT_EQ(result.num_racing_writes, 0U);
  EXPECT_EQ(count(result, EventKind::kAccept), result.num_walks);
}

// Cold walks of 4 over 4 levels to the end: 24 reads each, in an order in which answers never
// overtake each other.
TEST(CosimCase, HealthyTablesGiveDeepWalks) {
  CosimParams params = small("one_slot");
  params.tables.guest_formats = "x86-4level";
  params.tables.host_formats = "ept-4level";
  params.tables.broken_percent = 0;
  params.tables.restricted_percent = 0;
  params.tables.guest_large_percent = 0;
  params.tables.host_large_percent = 0;
  params.memory = {
      .in_order = true, .bus_error_percent = 0, .poison_percent = 0, .racing_write_percent = 0};
  params.traffic.invalidation_percent = 0;
  params.traffic.reset_percent = 0;
  const CosimResult result = result_of(params, {0, 40});
  EXPECT_GT(count(result, EventKind::kRead), 12 * result.num_walks);
}

TEST(CosimCase, AMistakeInTheRecordIsFoundWhereItIs) {
  const CosimParams params = small("one_slot");
  CosimRun run(params, params.walker);
  run.plant({EventKind::kRead, 40});
  run.cases({0, 100});
  ASSERT_TRUE(run.result().failure);
  const CosimFailure& failure = *run.result().failure;
  EXPECT_NE(failure.problems.front().find("read: address is 0x"), std::string::npos)
      << failure.problems.front();
  // It is found again by its number alone.
  CosimRun again(params, params.walker);
  again.plant({EventKind::kRead, 40});
  again.cases({failure.number, failure.number + 1});
  ASSERT_TRUE(again.result().failure);
  EXPECT_EQ(again.result().failure->walk, failure.walk);
  EXPECT_EQ(again.result().failure->problems.size(), failure.problems.size());
}

// The recorded stimulus gives the same walks again without the bench (measure_cosim checks that).
// The bound is far below what is measured on an idle machine: docs/reference/cosim.md.
TEST(CosimCase, TheRtlTakesMostOfTheTime) {
  CosimParams params = small("one_slot");
  params.walks = 3000;
  const CosimSpeed speed = measure_cosim(params);
  EXPECT_EQ(speed.num_walks, 3000U);
  EXPECT_GT(speed.bare_seconds, 0.4 * speed.cosim_seconds) << cosim_bench_text("one-slot", speed);
}

TEST(CosimCase, CoverageNamesItsHoles) {
  CosimParams params = small("one_slot");
  CosimCoverage coverage;
  EXPECT_EQ(coverage.num_hit(), 0U);
  CosimRun run(params, params.walker);
  run.observe_with([&coverage](const Record& record) { coverage.observe(record); });
  run.cases({0, 100});
  EXPECT_GT(coverage.num_hit(), coverage.num_bins() / 2);
  const std::vector<std::string> holes = coverage.holes();
  ASSERT_FALSE(holes.empty());  // a hundred cases are too few for all
  EXPECT_EQ(coverage.num_hit() + holes.size(), coverage.num_bins());
  EXPECT_NE(coverage.text().find("hole: " + holes.front()), std::string::npos);
  EXPECT_NE(coverage.html().find("<tr class=\"hole\"><td>"), std::string::npos);
  CosimCoverage other;  // of another process
  EXPECT_TRUE(other.add(coverage.counts()));
  EXPECT_EQ(other.counts(), coverage.counts());
  EXPECT_FALSE(other.add("3 invalidation: nothing\n"));
  EXPECT_FALSE(other.add(""));
}

TEST(CosimCase, AResultSurvivesItsFile) {
  CosimResult result = result_of(small("one_slot"), {0, 2});
  result.failure = CosimFailure{17, 3, {"one \"thing\"", "another"}};
  const std::string text = cosim_result_json(result);
  const auto read = parse_cosim_result(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(cosim_result_json(*read), text);
  EXPECT_FALSE(parse_cosim_result("{\"walks\": 3}"));
  EXPECT_FALSE(parse_cosim_result(text.substr(0, text.size() / 2)));
}

TEST(CosimList, TheShippedListsLoad) {
  const std::string folder = std::string(NESTWALK_SOURCE_DIR) + "/configs/regressions/";
  std::uint64_t walks = 0;
  for (const CosimEntryRun& run : load_cosim(folder + "cosim.yaml", {})) {
    walks += run.params.walks;
  }
  EXPECT_GE(walks, 100000U);
  walks = 0;
  const std::vector<CosimEntryRun> full = load_cosim(folder + "cosim-full.yaml", {});
  for (const CosimEntryRun& run : full) {
    walks += run.params.walks;
  }
  EXPECT_GE(walks, 10000000U);
  EXPECT_GE(full.size(), 8U);
}

}  // namespace
}  // namespace nestwalk
