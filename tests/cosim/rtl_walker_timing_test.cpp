// Cycles of the RTL walker: constants per step, by formula for every pair of formats.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x1234'5678};
constexpr Gpa kGpa{0x8000'0000};
// From the request to the first read; each step costs its latency and one cycle.
constexpr std::uint64_t kBeginCycles = 2;
constexpr std::uint64_t kStepCycles = 1;

class RtlWalkerTiming : public RtlWalkerTest {
 protected:
  static WalkerRequest request_of(const HandTables& tables, AccessType type = AccessType::kRead) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {tables.context.has_guest ? kGva : Gva(kGpa.value()), type, Privilege::kUser};
    return request;
  }
  static HandTables tables_of(const StagePair& stages) {
    HandTables tables(stages);
    if (stages.guest) {
      tables.map_guest(kGva, kGpa, 1, HandTables::kX86Leaf | 0x60);
    }
    if (stages.host) {
      tables.map_host(kGpa, 1);
    }
    return tables;
  }
  void expect_formula(const WalkerBench::Report& report) {
    EXPECT_TRUE(report.response.is_translation);
    EXPECT_EQ(report.response_cycle - report.accept_cycle,
              kBeginCycles + report.latency_cycles +
                  kStepCycles * (report.num_reads + report.num_updates));
    EXPECT_EQ(problems(), "");
  }
};

TEST_F(RtlWalkerTiming, AColdNestedWalkReadsTwentyFourEntries) {
  HandTables tables = tables_of({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  WordTableMemory memory(tables.memory);
  walk(request_of(tables), memory);  // sets the A bits
  bench_.set_params({.min_latency = 7, .max_latency = 7});
  const WalkerBench::Report report = walk(request_of(tables), memory);
  EXPECT_EQ(report.num_reads, 24U);
  EXPECT_EQ(report.num_updates, 0U);
  EXPECT_EQ(report.response_cycle - report.accept_cycle, 2U + 24U * (7U + 1U));
  EXPECT_EQ(problems(), "");
}

TEST_F(RtlWalkerTiming, EveryPairFollowsTheFormula) {
  for (const StagePair& stages : all_stage_pairs()) {
    HandTables tables = tables_of(stages);
    WordTableMemory memory(tables.memory);
    // Cold, with updates and random latencies; then with its A bits set.
    bench_.set_params({.seed = 3, .min_latency = 1, .max_latency = 30});
    expect_formula(walk(request_of(tables), memory));
    const WalkerBench::Report report = walk(request_of(tables), memory);
    expect_formula(report);
    const WalkContext& context = tables.context;
    const unsigned host = context.has_host ? format_of(context.host_format).levels : 0;
    unsigned guest = context.has_guest ? format_of(context.guest_format).levels : 0;
    guest -= context.uses_pdpte_registers() ? 1 : 0;
    EXPECT_EQ(report.num_reads, (guest + 1) * (host + 1) - 1);
    EXPECT_EQ(report.num_updates, 0U);
  }
}

TEST_F(RtlWalkerTiming, ALargePageSavesALevel) {
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  tables.map_guest(kGva, kGpa, 2, HandTables::kX86Leaf);
  tables.map_host(kGpa, 2);
  WordTableMemory memory(tables.memory);
  const WalkerBench::Report report = walk(request_of(tables, AccessType::kWrite), memory);
  EXPECT_EQ(report.num_reads, 3U * 5U + 3U);
  EXPECT_EQ(report.num_updates, 3U);  // A of three guest entries, with D of the leaf
  expect_formula(report);
  EXPECT_EQ(report.response.translation.page_bits(), 21U);
}

TEST_F(RtlWalkerTiming, WithoutStagesTheAddressComesBackAtOnce) {
  HandTables tables = tables_of({});
  WordTableMemory memory(tables.memory);
  const WalkerBench::Report report = walk(request_of(tables), memory);
  EXPECT_EQ(report.response_cycle - report.accept_cycle, kBeginCycles);
  EXPECT_EQ(report.response.translation.hpa.value(), kGpa.value());
  EXPECT_EQ(problems(), "");
}

}  // namespace
}  // namespace nestwalk
