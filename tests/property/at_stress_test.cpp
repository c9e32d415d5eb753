// Random traffic through modules with random small queues, registers and ports, every connection
// under the protocol checker: each request is answered, and once; no rule of the base protocol is
// broken; nothing is left under way.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>

#include "tests/support/at_bench.h"
#include "tests/support/mmu_bench.h"
#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kFirstSeed = 40260101;
constexpr std::uint64_t kNumSeeds = 30;
constexpr unsigned kNumRequests = 600;
constexpr Gva kGva{0x4040'0000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kPage = 0x1000;
constexpr unsigned kNumPages = 24;

class AtStress : public testing::TestWithParam<std::uint64_t> {
 protected:
  AtStress() : random_(kFirstSeed + GetParam()) {
    std::cout << "seed " << kFirstSeed + GetParam() << '\n';
  }
  std::uint32_t draw(std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(least + random_.below(most - least + 1));
  }
  MachineParams machine() {
    MachineParams p = random_.percent(50) ? small_machine() : bare_machine();
    p.clock_mhz = 1000;
    p.data_path = random_.percent(50) ? DataPath::kCaches : DataPath::kNone;
    p.mmu.queue_entries = draw(1, 12);
    p.mmu.miss_registers = draw(1, 6);
    p.mmu.l1_ports = draw(1, 3);
    p.mmu.l2_ports = draw(1, 3);
    p.mmu.l1_dtlb.latency_cycles = draw(0, 3);
    p.mmu.l2_tlb.latency_cycles = draw(0, 5);
    p.walker.slots = draw(1, 4);
    p.walker.queue_entries = draw(1, 3);
    p.walker.lookup_ports = draw(1, 3);
    p.walker.step_cycles = draw(0, 2);
    p.l1d = CacheParams{8 * kLineBytes, 2, draw(0, 4)};
    p.l1d.ports = draw(1, 3);
    p.l1d.miss_registers = draw(1, 3);
    p.l1d.queue_entries = draw(1, 8);
    p.dram.latency_cycles = draw(0, 40);
    p.dram.busy_cycles = draw(0, 4);
    p.dram.queue_entries = draw(1, 6);
    return p;
  }
  static void expect_answered(const AtInitiator& initiator) {
    for (std::size_t i = 0; i < initiator.num_requests(); ++i) {
      EXPECT_TRUE(initiator.record(i).is_answered) << initiator.name() << ", request " << i;
    }
  }

  SplitMix64 random_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, AtStress, testing::Range(std::uint64_t{0}, kNumSeeds));

TEST_P(AtStress, AnMmuAnswersEverything) {
  MmuAtBench bench(machine());
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  for (unsigned page = 0; page < kNumPages; ++page) {
    // Some pages are read-only, some not backed, and A and D are there to be set.
    tables.map_guest(kGva + page * kPage, kGpa + page * kPage, 1, page % 7 == 3 ? 0x5 : 0x7);
    if (page % 5 != 4) {
      tables.map_host(kGpa + page * kPage, 1);
    }
  }
  bench.load(tables);
  bench.cpu.set_response_cycles(draw(0, 3));
  std::uint64_t cycle = 0;
  for (unsigned i = 0; i < kNumRequests; ++i) {
    cycle += random_.percent(70) ? 0 : draw(1, 30);
    const Gva address = kGva + random_.below(kNumPages * kPage);  // across pages now and then
    bench.cpu.send({cycle, {address, static_cast<AccessType>(random_.below(3))}, draw(1, 64)});
  }
  bench.run();
  expect_answered(bench.cpu);
  EXPECT_GT(bench.mmu.stats().faults, 0U);
  EXPECT_GT(bench.mmu.stats().page_crossings, 0U);
}

TEST_P(AtStress, ACacheAnswersEverything) {
  CacheAtBench bench(machine());
  bench.left.set_response_cycles(draw(0, 3));
  bench.right.set_response_cycles(draw(0, 3));
  std::uint64_t cycle = 0;
  for (unsigned i = 0; i < kNumRequests; ++i) {
    cycle += random_.percent(70) ? 0 : draw(1, 10);
    const Gva address{random_.below(24 * kLineBytes)};
    const AccessType type = random_.percent(30) ? AccessType::kWrite : AccessType::kRead;
    (random_.percent(50) ? bench.left : bench.right).send({cycle, {address, type}, draw(1, 16)});
  }
  bench.run();
  expect_answered(bench.left);
  expect_answered(bench.right);
  const CacheStats& stats = bench.cache.stats();
  EXPECT_EQ(stats.lookups, stats.hits + stats.misses + stats.merged);
  EXPECT_GT(stats.hits, 0U);
  EXPECT_GT(stats.misses, 0U);
}

}  // namespace
}  // namespace nestwalk
