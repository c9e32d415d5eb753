// Warm-up, region of interest and intervals of whole runs: the parts add up to the whole, begin and
// end where they should, and looking on changes nothing.
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/run_bench.h"
#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

using Json = nlohmann::json;

// Two processes on short slices: 4000 accesses.
RunParams two_processes(Timing timing) {
  RunParams params = small_run();
  params.machine.timing = timing;
  params.time_slice_accesses = 700;
  params.vms[0].processes.push_back(params.vms[0].processes[0]);
  params.vms[0].processes[1].workload.seed = 7;
  return params;
}

// Adds the counts of a part to a sum; fractions and extremes do not add up and are left out.
void add_to(Json& sum, const Json& part) {
  for (const auto& [name, value] : part.items()) {
    if (value.is_object() || value.is_array()) {
      if (value.is_array() && !value.empty() && value[0].is_object()) {  // buckets
        for (const Json& bucket : value) {
          Json& count = sum[name][bucket.at("from").dump()];
          count = bucket.at("count").get<std::uint64_t>() +
                  (count.is_null() ? 0 : count.get<std::uint64_t>());
        }
        continue;
      }
      if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
          add_to(sum[name], Json{{std::to_string(i), value[i]}});
        }
        continue;
      }
      add_to(sum[name], value);
    } else if (value.is_number_unsigned() && name != "min" && name != "max") {
      Json& count = sum[name];
      count = value.get<std::uint64_t>() + (count.is_null() ? 0 : count.get<std::uint64_t>());
    }
  }
}

Json sum_of(const std::vector<Json>& parts) {
  Json sum;
  for (const Json& part : parts) {
    add_to(sum, part);
  }
  return sum;
}

Json values(const std::string& report) {
  return Json::parse(report).at("statistics");
}

void expect_parts_add_up(const RunReport& report) {
  ASSERT_EQ(report.law_violations, std::vector<std::string>{});
  std::vector<Json> all;
  std::vector<Json> of_region;
  std::uint64_t at = 0;
  for (const IntervalReport& interval : report.intervals) {
    EXPECT_EQ(interval.begin_accesses, at);
    at = interval.end_accesses;
    all.push_back(Json::parse(interval.statistics));
    if (!interval.is_warmup) {
      of_region.push_back(all.back());
    }
  }
  EXPECT_EQ(at, report.warmup_accesses + report.measured_accesses);
  EXPECT_EQ(sum_of(all), sum_of({values(report.whole_run)}));
  EXPECT_EQ(sum_of(of_region), sum_of({values(report.statistics)}));
}

TEST(RunRegion, WithoutAnyTheStatisticsAreOfTheWholeRun) {
  const RunReport report = run_apart(small_run());
  EXPECT_EQ(report.end, "finished");
  EXPECT_EQ(report.statistics, report.whole_run);
  EXPECT_EQ(report.warmup_accesses, 0U);
  EXPECT_EQ(report.measured_accesses, 2000U);
  EXPECT_TRUE(report.intervals.empty());
}

TEST(RunRegion, BeginsAndEndsExactlyOnOneCore) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const std::uint32_t window : {1U, 16U}) {
      RunParams params = two_processes(timing);
      params.machine.core.window = window;
      params.region = {.warmup_accesses = 1234, .measure_accesses = 2001};
      const RunReport report = run_apart(params);
      EXPECT_EQ(report.end, "measured");
      EXPECT_EQ(report.warmup_accesses, 1234U);
      EXPECT_EQ(report.measured_accesses, 2001U);
      EXPECT_EQ(report.count("run.accesses"), 2001U);
      EXPECT_EQ(report.count("core0.reads") + report.count("core0.writes"), 2001U);
      EXPECT_EQ(values(report.whole_run)["run"]["accesses"], 1234 + 2001);
      // The region begins and ends with nothing under way, so that the laws hold in it as well.
      EXPECT_EQ(report.count("core0.mmu.l1_dtlb.lookups"),
                report.count("core0.mmu.l1_dtlb.hits") + report.count("core0.mmu.l1_dtlb.misses"));
      EXPECT_EQ(report.count("ledger.total.total"), report.count("run.cycles"));
      EXPECT_EQ(report.law_violations, std::vector<std::string>{});
    }
  }
}

TEST(RunRegion, IntervalsAddUpToTheTotal) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    RunParams params = two_processes(timing);
    params.region.stats_every_accesses = 999;
    const RunReport report = run_apart(params);
    EXPECT_EQ(report.end, "finished");
    EXPECT_EQ(report.intervals.size(), 5U);  // the last one is shorter
    for (std::size_t i = 0; i + 1 < report.intervals.size(); ++i) {
      EXPECT_EQ(report.intervals[i].end_accesses, 999 * (i + 1));
    }
    expect_parts_add_up(report);
  }
}

TEST(RunRegion, IntervalsBeginAnewWithTheRegion) {
  RunParams params = two_processes(Timing::kLt);
  params.region = {.warmup_accesses = 1250, .measure_accesses = 1500, .stats_every_accesses = 500};
  const RunReport report = run_apart(params);
  std::vector<std::uint64_t> ends;
  for (const IntervalReport& interval : report.intervals) {
    ends.push_back(interval.end_accesses);
    EXPECT_EQ(interval.is_warmup, interval.end_accesses <= 1250);
  }
  EXPECT_EQ(ends, (std::vector<std::uint64_t>{500, 1000, 1250, 1750, 2250, 2750}));
  expect_parts_add_up(report);
}

// Intervals are looked at without emptying the core: the run is the same, cycle for cycle.
TEST(RunRegion, LookingOnChangesNothing) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    for (const std::uint32_t window : {1U, 16U}) {
      RunParams params = two_processes(timing);
      params.machine.core.window = window;
      const RunReport alone = run_apart(params);
      params.region.stats_every_accesses = 333;
      EXPECT_EQ(run_apart(params).whole_run, alone.whole_run)
          << kTimingNames[static_cast<unsigned>(timing)] << " window " << window;
    }
  }
}

// Timing lt makes one access after the other, so that a boundary costs nothing either.
TEST(RunRegion, AWarmUpDoesNotChangeTheWholeRun) {
  RunParams params = two_processes(Timing::kLt);
  const RunReport alone = run_apart(params);
  params.region.warmup_accesses = 1333;
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.whole_run, alone.whole_run);
  EXPECT_EQ(report.measured_accesses, 4000U - 1333U);
  EXPECT_LT(report.count("vm0.guest.faults"), alone.count("vm0.guest.faults"));
}

TEST(RunRegion, AWarmUpLongerThanTheRunMeasuresNothing) {
  RunParams params = small_run();
  params.region.warmup_accesses = 2001;
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "finished");
  EXPECT_EQ(report.warmup_accesses, 2000U);
  EXPECT_EQ(report.measured_accesses, 0U);
  EXPECT_EQ(report.count("core0.mmu.translations"), 0U);
}

// With several cores there is no point at which all stand still; the parts add up all the same.
TEST(RunRegion, SeveralCoresRandomly) {
  constexpr std::uint64_t kSeed = 20;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  SplitMix64 random(kSeed);
  for (int i = 0; i < 8; ++i) {
    RunParams params = two_processes(random.below(2) == 0 ? Timing::kLt : Timing::kAt);
    params.machine.cores = 2 + static_cast<std::uint32_t>(random.below(3));
    params.machine.core.window = 1 + static_cast<std::uint32_t>(random.below(8));
    params.machine.core.quantum_cycles = 100 + random.below(20000);
    params.vms[0].vm.vcpus = params.machine.cores;
    params.region.warmup_accesses = random.below(2000);
    params.region.measure_accesses = 1 + random.below(1500);
    params.region.stats_every_accesses = 1 + random.below(700);
    const RunReport report = run_apart(params);
    EXPECT_EQ(report.end, "measured");
    EXPECT_GE(report.warmup_accesses, params.region.warmup_accesses);
    EXPECT_GE(report.measured_accesses + report.warmup_accesses,
              params.region.warmup_accesses + params.region.measure_accesses);
    expect_parts_add_up(report);
    if (HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace nestwalk
