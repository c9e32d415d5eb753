// What holds for every generator, whatever its algorithm.
#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/workload_generated.h"

namespace nestwalk {
namespace {

class EveryGenerator : public ::testing::TestWithParam<WorkloadKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryGenerator, ::testing::ValuesIn(generated_kinds()),
                         [](const auto& kind) { return std::string(name_of(kind.param)); });

// FNV-1a over everything that a record says.
class Checksum {
 public:
  void add(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      sum_ = (sum_ ^ (value >> (8 * byte) & 0xff)) * 0x100000001b3;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325;
};

std::uint64_t checksum_of(const WorkloadParams& params) {
  Checksum sum;
  for (const OwnedRecord& record : read_all(*make_stream(params))) {
    sum.add(record.is_event ? 1 : 0);
    if (record.is_event) {
      sum.add(static_cast<std::uint64_t>(record.event.kind));
      sum.add(record.event.region.start.value());
      sum.add(record.event.region.length_bytes);
    } else {
      sum.add(record.record.address.value());
      sum.add(static_cast<std::uint64_t>(record.record.type));
      sum.add(record.record.size_bytes);
      sum.add(record.record.num_instructions);
    }
  }
  return sum.value();
}

// The same on every machine: with another compiler or processor these must not change. That the
// streams are right is for the tests of each algorithm; a change here that is meant needs only the
// new numbers, and a line in the changelog, as results with that generator change.
TEST_P(EveryGenerator, IsTheSameEverywhere) {
  const std::map<WorkloadKind, std::uint64_t> expected = {
      {WorkloadKind::kGups, 0x9f2bdf64b16b4c47},
      {WorkloadKind::kZipf, 0x24d8610aa99d0413},
      {WorkloadKind::kStream, 0x881dce6cd756c126},
      {WorkloadKind::kPointerChase, 0x612c91e023e24393},
      {WorkloadKind::kBfs, 0xff4aa3389e93a49b},
      {WorkloadKind::kHashJoin, 0xfac70333754d4f9e},
      {WorkloadKind::kBtree, 0x1d636d6176b1cc07},
      {WorkloadKind::kChurn, 0xb5e8b3d746124587},
      {WorkloadKind::kPhases, 0x44396f7f2b27ec3b},
  };
  EXPECT_EQ(checksum_of(small_workload(GetParam())), expected.at(GetParam()));
}

TEST_P(EveryGenerator, DependsOnItsSeed) {
  WorkloadParams params = small_workload(GetParam());
  const std::uint64_t first = checksum_of(params);
  params.seed = 43;
  for (PhaseParams& phase : params.phases) {
    phase.seed = 43;
  }
  if (GetParam() == WorkloadKind::kStream) {
    EXPECT_EQ(checksum_of(params), first) << "loops over arrays have nothing random";
  } else {
    EXPECT_NE(checksum_of(params), first);
  }
}

TEST_P(EveryGenerator, IsTheSameInBatchesOfEverySize) {
  WorkloadParams params = small_workload(GetParam());
  params.num_accesses = 20000;
  const std::vector<OwnedRecord> all = read_all(*make_stream(params), 4096);
  for (const std::size_t batch_size : {1, 2, 3, 7, 64}) {
    EXPECT_TRUE(read_all(*make_stream(params), batch_size) == all) << batch_size;
  }
}

TEST_P(EveryGenerator, RewindsAndClonesAnywhere) {
  WorkloadParams params = small_workload(GetParam());
  const std::unique_ptr<Stream> stream = make_stream(params);
  const std::vector<OwnedRecord> all = read_all(*stream);
  std::vector<TraceRecord> batch(997);
  for (const int num_batches : {0, 1, 30}) {
    stream->rewind();
    std::size_t count = 0;
    for (int i = 0; i < num_batches; ++i) {
      count += stream->next_batch(batch);
    }
    std::unique_ptr<Stream> clone = stream->clone();
    const std::vector<OwnedRecord> rest(all.begin() + static_cast<std::ptrdiff_t>(count),
                                        all.end());
    EXPECT_TRUE(read_all(*stream) == rest) << num_batches;
    EXPECT_TRUE(read_all(*clone) == rest) << num_batches;
    clone->rewind();
    EXPECT_TRUE(read_all(*clone) == all) << num_batches;
  }
}

TEST_P(EveryGenerator, MakesAsManyAccessesAsItSays) {
  for (const std::uint64_t num_accesses : {1, 2, 3, 4, 5, 6, 7, 20, 1001}) {
    WorkloadParams params = small_workload(GetParam());
    params.num_accesses = num_accesses;
    std::uint64_t expected = num_accesses;
    if (GetParam() == WorkloadKind::kPhases) {
      expected = 0;
      for (PhaseParams& phase : params.phases) {
        phase.num_accesses = num_accesses;
        expected += num_accesses * params.repeat;
      }
    }
    const std::unique_ptr<Stream> stream = make_stream(params);
    EXPECT_EQ(stream->num_accesses(), expected);
    EXPECT_EQ(accesses_of(read_all(*stream, 10)).size(), expected);
  }
}

TEST_P(EveryGenerator, AccessesOnlyWhatIsMapped) {
  WorkloadParams params = small_workload(GetParam());
  params.base_address = 0x123456000;
  params.instructions_per_access = 5;
  for (PhaseParams& phase : params.phases) {
    phase.instructions_per_access = 5;
  }
  std::map<std::uint64_t, std::uint64_t> live;  // end by start
  for (const OwnedRecord& owned : read_all(*make_stream(params))) {
    if (owned.is_event) {
      const std::uint64_t start = owned.event.region.start.value();
      const std::uint64_t end = start + owned.event.region.length_bytes;
      ASSERT_EQ(start % 4096, 0U);
      ASSERT_EQ(end % 4096, 0U);
      ASSERT_GT(end, start);
      ASSERT_GE(start, params.base_address);
      if (owned.event.kind == TraceEventKind::kMap) {
        EXPECT_TRUE(owned.event.region.rights.read && owned.event.region.rights.write);
        EXPECT_FALSE(owned.event.region.name.empty());
        const auto next = live.lower_bound(start);
        ASSERT_TRUE(next == live.end() || next->first >= end) << "overlaps the region above";
        ASSERT_TRUE(next == live.begin() || std::prev(next)->second <= start)
            << "overlaps the region below";
        live[start] = end;
      } else {
        ASSERT_EQ(owned.event.kind, TraceEventKind::kUnmap);
        ASSERT_TRUE(live.count(start) == 1 && live[start] == end) << "never mapped like this";
        live.erase(start);
      }
      continue;
    }
    const std::uint64_t address = owned.record.address.value();
    const auto above = live.upper_bound(address);
    ASSERT_NE(above, live.begin()) << std::hex << address;
    ASSERT_LE(address + 8, std::prev(above)->second) << std::hex << address;
    ASSERT_EQ(address % 8, 0U);
    ASSERT_EQ(owned.record.size_bytes, 8U);
    ASSERT_EQ(owned.record.num_instructions, 5U);
  }
}

std::vector<std::string> problems_of(const WorkloadParams& params) {
  std::vector<std::string> keys;
  for (const ParameterProblem& problem : find_problems(params)) {
    EXPECT_FALSE(problem.message.empty());
    keys.push_back(problem.key_path);
  }
  EXPECT_EQ(keys.empty(), [&] {
    try {
      (void)make_stream(params);
      return true;
    } catch (const std::invalid_argument&) {
      return false;
    }
  }());
  return keys;
}

TEST(WorkloadRules, NameTheKeyThatDoesNotFit) {
  using Keys = std::vector<std::string>;
  for (const WorkloadKind kind : generated_kinds()) {
    EXPECT_EQ(problems_of(small_workload(kind)), Keys()) << name_of(kind);
  }
  WorkloadParams p = small_workload(WorkloadKind::kStream);
  p.footprint_bytes = 3 * 4096 - 1;
  EXPECT_EQ(problems_of(p), Keys{"footprint_bytes"});

  p = small_workload(WorkloadKind::kPointerChase);
  p.pointer_chase.node_bytes = 12;
  EXPECT_EQ(problems_of(p), Keys{"pointer_chase.node_bytes"});
  p.pointer_chase.node_bytes = p.footprint_bytes + 8;
  EXPECT_EQ(problems_of(p), Keys{"pointer_chase.node_bytes"});

  p = small_workload(WorkloadKind::kChurn);
  p.churn.min_region_bytes = p.churn.max_region_bytes + 4096;
  EXPECT_EQ(problems_of(p), Keys{"churn.min_region_bytes"});
  p.churn.min_region_bytes = 4100;
  EXPECT_EQ(problems_of(p), Keys{"churn.min_region_bytes"});
  p.churn.min_region_bytes = 4096;
  p.churn.max_region_bytes = 8191;
  EXPECT_EQ(problems_of(p), Keys{"churn.max_region_bytes"});
  p.kind = WorkloadKind::kGups;
  EXPECT_EQ(problems_of(p), Keys()) << "of no concern to gups";
  p.base_address = 0x1001;
  EXPECT_EQ(problems_of(p), Keys{"base_address"});

  p = small_workload(WorkloadKind::kPhases);
  p.phases[3].footprint_bytes = 4096;
  EXPECT_EQ(problems_of(p), Keys{"phases.3.footprint_bytes"});
  p.phases.clear();
  EXPECT_EQ(problems_of(p), Keys{"phases"});
  p.phases = {phase_of(WorkloadKind::kGups, std::uint64_t{1} << 62),
              phase_of(WorkloadKind::kZipf, std::uint64_t{1} << 62)};
  p.repeat = 1;
  EXPECT_EQ(problems_of(p), Keys());
  p.repeat = 2;
  EXPECT_EQ(problems_of(p), Keys{"repeat"});
}

}  // namespace
}  // namespace nestwalk
