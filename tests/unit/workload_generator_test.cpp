#include "model/workload/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/trace_error.h"
#include "model/workload/zipf.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

WorkloadParams params_of(WorkloadKind kind, std::uint64_t num_accesses) {
  WorkloadParams params;
  params.kind = kind;
  params.num_accesses = num_accesses;
  return params;
}

std::vector<OwnedRecord> records_of(const WorkloadParams& params) {
  return read_all(*make_stream(params), 100);
}

std::vector<std::uint64_t> addresses_of(const std::vector<OwnedRecord>& records) {
  std::vector<std::uint64_t> addresses;
  for (const OwnedRecord& record : records) {
    if (!record.is_event) {
      addresses.push_back(record.record.address.value());
    }
  }
  return addresses;
}

// The streams that other programs were measured with begin like this.
TEST(Generator, TheDefaultsAreTheCommonStreams) {
  EXPECT_EQ(addresses_of(records_of(params_of(WorkloadKind::kGups, 3))),
            (std::vector<std::uint64_t>{0x10002feb6e90, 0x1000b266f100, 0x1000130f9f50}));
  EXPECT_EQ(addresses_of(records_of(params_of(WorkloadKind::kZipf, 3))),
            (std::vector<std::uint64_t>{0x100027ba6818, 0x1000b9c7fca0, 0x100089cf6830}));
}

TEST(Generator, MapsItsRegionFirstAndStaysInIt) {
  for (const WorkloadKind kind : {WorkloadKind::kGups, WorkloadKind::kZipf}) {
    for (const std::uint64_t footprint : {std::uint64_t{4096}, std::uint64_t{12289}, 3 * kGiB}) {
      WorkloadParams params = params_of(kind, 1000);
      params.footprint_bytes = footprint;
      params.base_address = 0x7000;
      params.instructions_per_access = 3;
      const std::vector<OwnedRecord> records = records_of(params);
      ASSERT_EQ(records.size(), 1001U);
      ASSERT_TRUE(records[0].is_event);
      EXPECT_EQ(records[0].event.kind, TraceEventKind::kMap);
      const Region& region = records[0].event.region;
      EXPECT_EQ(region.start, Gva(0x7000));
      EXPECT_EQ(region.length_bytes, (footprint + 4095) / 4096 * 4096);
      EXPECT_TRUE(region.rights.read && region.rights.write && !region.rights.execute);
      for (std::size_t i = 1; i < records.size(); ++i) {
        const TraceRecord& record = records[i].record;
        EXPECT_TRUE(region.contains(record.address) && region.contains(record.address + 7));
        EXPECT_EQ(record.address.value() % 8, 0U);
        EXPECT_EQ(record.size_bytes, 8);
        EXPECT_EQ(record.num_instructions, 3U);
      }
    }
  }
}

TEST(Generator, TheOperationDoesNotChangeTheAddresses) {
  WorkloadParams params = params_of(WorkloadKind::kGups, 1000);
  const std::vector<std::uint64_t> expected = addresses_of(records_of(params));
  params.operation = WorkloadOperation::kMixed;
  params.write_fraction = 0.25;
  const std::vector<OwnedRecord> mixed = records_of(params);
  EXPECT_EQ(addresses_of(mixed), expected);
  int num_writes = 0;
  for (const OwnedRecord& record : mixed) {
    num_writes += !record.is_event && record.record.type == AccessType::kWrite ? 1 : 0;
  }
  EXPECT_NEAR(num_writes, 250, 5 * std::sqrt(1000 * 0.25 * 0.75));

  params.operation = WorkloadOperation::kWrite;
  EXPECT_EQ(addresses_of(records_of(params)), expected);
}

TEST(Generator, AnUpdateReadsAndWritesTheSameWord) {
  WorkloadParams params = params_of(WorkloadKind::kGups, 1000);
  const std::vector<std::uint64_t> words = addresses_of(records_of(params));
  params.operation = WorkloadOperation::kUpdate;
  const std::vector<OwnedRecord> records = records_of(params);
  ASSERT_EQ(records.size(), 1001U) << "num_accesses counts both halves";
  for (std::size_t i = 0; i < 1000; ++i) {
    const TraceRecord& record = records[i + 1].record;
    EXPECT_EQ(record.address.value(), words[i / 2]);
    EXPECT_EQ(record.type, i % 2 == 0 ? AccessType::kRead : AccessType::kWrite);
    EXPECT_EQ(record.num_instructions, i % 2 == 0 ? 1U : 0U);
  }
}

TEST(Generator, SeedsDiffer) {
  WorkloadParams params = params_of(WorkloadKind::kGups, 100);
  const std::vector<std::uint64_t> first = addresses_of(records_of(params));
  params.seed = 43;
  EXPECT_NE(addresses_of(records_of(params)), first);
}

TEST(Generator, RewindsAndClones) {
  for (const WorkloadKind kind : {WorkloadKind::kGups, WorkloadKind::kZipf}) {
    WorkloadParams params = params_of(kind, 500);
    params.footprint_bytes = kGiB / 4;
    params.operation = WorkloadOperation::kUpdate;
    const std::unique_ptr<Stream> stream = make_stream(params);
    const std::vector<OwnedRecord> all = read_all(*stream);
    stream->rewind();
    std::vector<TraceRecord> batch(124);
    ASSERT_EQ(stream->next_batch(batch), 124U);
    const std::unique_ptr<Stream> clone = stream->clone();
    const std::vector<OwnedRecord> rest(all.begin() + 124, all.end());
    EXPECT_TRUE(read_all(*clone) == rest);
    EXPECT_TRUE(read_all(*stream) == rest);
    EXPECT_EQ(stream->num_accesses(), 500U);
  }
}

// The ranks are the only state that could grow with the footprint.
TEST(Generator, ATebibyteTakesNoTable) {
  EXPECT_EQ(ZipfRanks(ZipfRanks::kMaxTableRanks + 1, 0.9).memory_bytes(), 0U);
  EXPECT_LE(ZipfRanks(ZipfRanks::kMaxTableRanks, 0.9).memory_bytes(), std::size_t{9} << 20);
  WorkloadParams params = params_of(WorkloadKind::kZipf, 20000);
  params.footprint_bytes = 1024 * kGiB;
  const std::vector<std::uint64_t> addresses = addresses_of(records_of(params));
  const std::set<std::uint64_t> distinct(addresses.begin(), addresses.end());
  EXPECT_GT(distinct.size(), 10000U);
}

// Both ways of drawing against the exact probabilities, for gentle, harmonic and steep skews.
TEST(ZipfRanks, DrawsTheDistribution) {
  constexpr int kDraws = 100000;
  constexpr std::uint64_t kSeed = 5;
  for (const std::uint64_t num_ranks : {std::uint64_t{1000}, ZipfRanks::kMaxTableRanks + 1000}) {
    for (const double exponent : {0.0, 0.5, 0.9, 1.0, 1.5}) {
      SCOPED_TRACE(std::to_string(num_ranks) + " ranks, exponent " + std::to_string(exponent) +
                   ", seed " + std::to_string(kSeed));
      double total = 0;
      double tail = 0;  // the upper half of the ranks
      for (std::uint64_t k = num_ranks; k > 0; --k) {
        const double weight = std::pow(static_cast<double>(k), -exponent);
        total += weight;
        tail += k > num_ranks / 2 ? weight : 0;
      }
      const ZipfRanks ranks(num_ranks, exponent);
      SplitMix random(kSeed);
      int num_tail = 0;
      int num_first[4] = {};
      for (int i = 0; i < kDraws; ++i) {
        const std::uint64_t rank = ranks.draw(random);
        ASSERT_LT(rank, num_ranks);
        num_tail += rank >= num_ranks / 2 ? 1 : 0;
        if (rank < 4) {
          ++num_first[rank];
        }
      }
      const auto expect_share = [](int count, double p, const std::string& what) {
        EXPECT_NEAR(count, kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)) + 1) << what;
      };
      expect_share(num_tail, tail / total, "the tail");
      for (unsigned k = 0; k < 4; ++k) {
        expect_share(num_first[k], std::pow(k + 1.0, -exponent) / total,
                     "rank " + std::to_string(k));
      }
    }
  }
}

TEST(MakeStream, RefusesWhatDoesNotFit) {
  EXPECT_THROW((void)make_stream(params_of(WorkloadKind::kTrace, 1)), std::invalid_argument);
  WorkloadParams params = params_of(WorkloadKind::kTrace, 1);
  params.trace = "/nowhere/at/all.nwt";
  EXPECT_THROW((void)make_stream(params), TraceError);
  params = params_of(WorkloadKind::kGups, 1);
  params.base_address = 0x1001;
  EXPECT_THROW((void)make_stream(params), std::invalid_argument);
  params.base_address = ~std::uint64_t{0} - 4095;
  EXPECT_THROW((void)make_stream(params), std::invalid_argument);
  params = params_of(WorkloadKind::kZipf, 1);
  params.footprint_bytes = 4095;
  EXPECT_THROW((void)make_stream(params), std::invalid_argument);
}

}  // namespace
}  // namespace nestwalk
