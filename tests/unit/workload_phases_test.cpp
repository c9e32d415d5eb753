// Phases against the generators that they are made of.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tests/unit/workload_generated.h"

namespace nestwalk {
namespace {

std::vector<GeneratedAccess> part(const std::vector<GeneratedAccess>& all, std::size_t first,
                                  std::size_t count) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

// The accesses of a phase on its own, at its place.
std::vector<GeneratedAccess> alone(PhaseParams phase, std::uint64_t num_accesses, Gva base) {
  phase.num_accesses = num_accesses;
  return accesses_of(read_all(*make_generator(phase, base)));
}

TEST(Phases, TakeTurnsAndGoOnWhereTheyWere) {
  WorkloadParams p = small_workload(WorkloadKind::kPhases);
  p.phases = {phase_of(WorkloadKind::kZipf, 70), phase_of(WorkloadKind::kBtree, 500)};
  p.repeat = 4;
  p.num_accesses = 1;  // of no meaning: phases have their own
  const std::vector<GeneratedAccess> all = Generated(p).accesses;
  ASSERT_EQ(all.size(), 4 * 570U);
  const Gva first(p.base_address);
  const Gva second = make_generator(p.phases[0], first)->regions_end();
  const std::vector<GeneratedAccess> zipf = alone(p.phases[0], 4 * 70, first);
  const std::vector<GeneratedAccess> btree = alone(p.phases[1], 4 * 500, second);
  for (std::size_t turn = 0; turn < 4; ++turn) {
    EXPECT_TRUE(part(all, turn * 570, 70) == part(zipf, turn * 70, 70)) << turn;
    EXPECT_TRUE(part(all, turn * 570 + 70, 500) == part(btree, turn * 500, 500)) << turn;
  }
}

TEST(Phases, StartAnewWithFreshRegions) {
  WorkloadParams p = small_workload(WorkloadKind::kPhases);
  p.phases = {phase_of(WorkloadKind::kStream, 300), phase_of(WorkloadKind::kChurn, 2000)};
  p.phases[0].starts_anew = true;
  p.phases[0].footprint_bytes = 3 * 4096;
  p.phases[1].starts_anew = true;
  p.phases[1].churn.num_regions = 5;
  p.repeat = 3;
  const Generated generated(p);
  const Gva first(p.base_address);
  const Gva second = make_generator(p.phases[0], first)->regions_end();
  const std::vector<OwnedRecord> turns[2] = {read_all(*make_generator(p.phases[0], first)),
                                             read_all(*make_generator(p.phases[1], second))};
  // Each turn is the whole stream of its generator, then unmaps what that left mapped.
  std::size_t at = 0;
  for (std::uint64_t turn = 0; turn < 2 * p.repeat; ++turn) {
    std::map<std::uint64_t, std::uint64_t> live;
    for (const OwnedRecord& expected : turns[turn % 2]) {
      ASSERT_TRUE(generated.records.at(at++) == expected) << "turn " << turn;
      if (expected.is_event && expected.event.kind == TraceEventKind::kMap) {
        live[expected.event.region.start.value()] = expected.event.region.length_bytes;
      } else if (expected.is_event) {
        live.erase(expected.event.region.start.value());
      }
    }
    ASSERT_FALSE(live.empty());
    for (; !live.empty(); ++at) {
      const OwnedRecord& record = generated.records.at(at);
      ASSERT_TRUE(record.is_event && record.event.kind == TraceEventKind::kUnmap);
      ASSERT_EQ(live[record.event.region.start.value()], record.event.region.length_bytes);
      live.erase(record.event.region.start.value());
    }
  }
  EXPECT_EQ(at, generated.records.size());
}

}  // namespace
}  // namespace nestwalk
