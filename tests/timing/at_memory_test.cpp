// Cycles of non-blocking accesses to a cache and to memory, by formula from the parameters: hits,
// ports, miss registers, merging, banks, full queues.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/at_bench.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kLine = kLineBytes;
constexpr std::uint64_t kLater = 10'000;

MachineParams machine() {
  MachineParams p;
  p.clock_mhz = 1000;
  p.memory_bytes = std::uint64_t{1} << 30;
  p.l1d = CacheParams{64 * kLine, 0, 5};
  p.l1d.ports = 64;
  p.l1d.miss_registers = 64;
  p.l1d.queue_entries = 64;
  p.dram.latency_cycles = 101;
  p.dram.busy_cycles = 0;
  p.dram.queue_entries = 1024;
  return p;
}

std::size_t send(AtInitiator& initiator, std::uint64_t cycle, std::uint64_t address,
                 AccessType type = AccessType::kRead) {
  return initiator.send({cycle, {Gva(address), type}});
}

std::uint64_t answered(const AtInitiator& initiator, std::size_t request) {
  EXPECT_TRUE(initiator.record(request).is_answered);
  EXPECT_EQ(initiator.record(request).status, tlm::TLM_OK_RESPONSE);
  return initiator.record(request).answered;
}

// Ports, registers, entries: how many of a thing there are.
class AtNumber : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Of, AtNumber, testing::Values(1, 2, 3, 8));

TEST_P(AtNumber, CachePortsLookupsTakeTurns) {
  const std::uint64_t ports = GetParam();
  MachineParams p = machine();
  p.l1d.ports = GetParam();
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  constexpr unsigned kNumHits = 5;
  for (unsigned i = 0; i < kNumHits; ++i) {  // left and right in turns
    send(bench.left, kLater, 0);
    send(bench.right, kLater, 8);
  }
  bench.run();
  for (unsigned i = 0; i < kNumHits; ++i) {
    EXPECT_EQ(answered(bench.left, 1 + i), kLater + 2 * i / ports + p.l1d.latency_cycles) << i;
    EXPECT_EQ(answered(bench.right, i), kLater + (2 * i + 1) / ports + p.l1d.latency_cycles) << i;
  }
}

TEST_P(AtNumber, CacheMissesWithoutARegisterWaitForOne) {
  const std::uint64_t registers = GetParam();
  MachineParams p = machine();
  p.l1d.miss_registers = GetParam();
  CacheAtBench bench(p);
  constexpr unsigned kNumMisses = 9;
  for (unsigned i = 0; i < kNumMisses; ++i) {
    send(bench.left, 0, i * kLine);
  }
  bench.run();
  for (unsigned i = 0; i < kNumMisses; ++i) {
    EXPECT_EQ(answered(bench.left, i), (1 + i / registers) * p.dram.latency_cycles) << i;
  }
  EXPECT_EQ(bench.cache.stats().misses, kNumMisses);
}

TEST_P(AtNumber, AFullCacheAcceptsAnAccessInTheCycleInWhichItAnswersOne) {
  const std::uint64_t entries = GetParam();
  MachineParams p = machine();
  p.l1d.queue_entries = GetParam();
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  constexpr unsigned kNumHits = 9;
  for (unsigned i = 0; i < kNumHits; ++i) {
    send(bench.left, kLater, 0);
  }
  bench.run();
  for (unsigned i = 0; i < kNumHits; ++i) {
    const std::uint64_t accepted = kLater + i / entries * p.l1d.latency_cycles;
    EXPECT_EQ(bench.left.record(1 + i).accepted, accepted) << i;
    EXPECT_EQ(answered(bench.left, 1 + i), accepted + p.l1d.latency_cycles) << i;
  }
}

TEST_P(AtNumber, AFullMemoryPushesTheCacheBack) {
  const std::uint64_t entries = GetParam();
  MachineParams p = machine();
  p.dram.queue_entries = GetParam();
  CacheAtBench bench(p);
  constexpr unsigned kNumMisses = 9;
  for (unsigned i = 0; i < kNumMisses; ++i) {
    send(bench.left, 0, i * kLine);
  }
  bench.run();
  ASSERT_EQ(bench.memory_port.passages().size(), kNumMisses);
  for (unsigned i = 0; i < kNumMisses; ++i) {
    const std::uint64_t accepted = i / entries * p.dram.latency_cycles;
    EXPECT_EQ(bench.memory_port.passages()[i].end_request, accepted) << i;
    EXPECT_EQ(answered(bench.left, i), accepted + p.dram.latency_cycles) << i;
    EXPECT_EQ(bench.left.record(i).accepted, 0U) << "the cache itself has room";
  }
}

TEST(AtCache, AnAccessToALineUnderWayJoinsIt) {
  const MachineParams p = machine();
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  send(bench.left, 50, 8);
  send(bench.right, p.dram.latency_cycles - 1, 16);
  send(bench.right, p.dram.latency_cycles, 24);
  bench.run();
  EXPECT_EQ(answered(bench.left, 0), p.dram.latency_cycles);
  EXPECT_EQ(answered(bench.left, 1), p.dram.latency_cycles);
  EXPECT_EQ(answered(bench.right, 0), p.dram.latency_cycles);
  EXPECT_EQ(answered(bench.right, 1), p.dram.latency_cycles + p.l1d.latency_cycles)
      << "in that cycle the line is there";
  EXPECT_EQ(bench.cache.stats().misses, 1U);
  EXPECT_EQ(bench.cache.stats().merged, 2U);
  EXPECT_EQ(bench.cache.stats().hits, 1U);
  EXPECT_EQ(bench.dram.stats().reads, 1U);
}

TEST(AtCache, AHitPassesAMissThatIsUnderWay) {
  const MachineParams p = machine();
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  const std::size_t miss = send(bench.left, kLater, kLine);
  const std::size_t hit = send(bench.left, kLater + 1, 0);
  bench.run();
  EXPECT_EQ(answered(bench.left, hit), kLater + 1 + p.l1d.latency_cycles);
  EXPECT_EQ(answered(bench.left, miss), kLater + p.dram.latency_cycles);
}

TEST(AtCache, AHitPassesAMissThatWaitsForARegister) {
  MachineParams p = machine();
  p.l1d.miss_registers = 1;
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  send(bench.left, kLater, kLine);
  const std::size_t stalled = send(bench.left, kLater + 1, 2 * kLine);
  const std::size_t hit = send(bench.left, kLater + 2, 0);
  bench.run();
  EXPECT_EQ(answered(bench.left, hit), kLater + 2 + p.l1d.latency_cycles);
  EXPECT_EQ(answered(bench.left, stalled), kLater + 2 * std::uint64_t{p.dram.latency_cycles});
  EXPECT_EQ(bench.cache.stats().stalls, 1U);
}

// The second of two accesses to one line finds it there when its turn comes, and takes no register:
// the one behind it must not wait for a miss that nobody has.
TEST(AtCache, AMissBehindOneThatBecameAHitGetsItsRegister) {
  MachineParams p = machine();
  p.l1d.miss_registers = 1;
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  send(bench.left, 0, kLine);
  const std::size_t became_hit = send(bench.left, 0, kLine);
  const std::size_t behind = send(bench.left, 0, 2 * kLine);
  bench.run();
  const std::uint64_t line = p.dram.latency_cycles;
  EXPECT_EQ(answered(bench.left, became_hit), 2 * line + p.l1d.latency_cycles);
  EXPECT_EQ(answered(bench.left, behind), 3 * line);
}

TEST(AtCache, AMissComesAfterThoseThatWaitForARegister) {
  MachineParams p = machine();
  p.l1d.miss_registers = 1;
  p.l1d.ports = 1;
  CacheAtBench bench(p);
  send(bench.left, 0, 0);
  const std::size_t waits = send(bench.left, 1, kLine);
  // Looked up in the cycle in which the register becomes free: another lookup has the port in the
  // one before.
  const std::uint64_t before = p.dram.latency_cycles - std::uint64_t{1};
  send(bench.left, before, 8);
  const std::size_t fresh = send(bench.right, before, 2 * kLine);
  bench.run();
  EXPECT_EQ(answered(bench.left, waits), 2 * std::uint64_t{p.dram.latency_cycles});
  EXPECT_EQ(answered(bench.right, fresh), 3 * std::uint64_t{p.dram.latency_cycles});
}

TEST(AtCache, AnAccessAcrossLinesTakesOneMiss) {
  const MachineParams p = machine();
  CacheAtBench bench(p);
  send(bench.left, 0, kLine - 4);
  const std::size_t other = send(bench.left, 1, kLine);
  bench.run();
  EXPECT_EQ(answered(bench.left, 0), p.dram.latency_cycles);
  EXPECT_EQ(answered(bench.left, other), p.dram.latency_cycles);
  EXPECT_EQ(bench.dram.stats().reads, 1U);
}

TEST(AtDram, AnswersInItsCycleAndNotBefore) {
  const MachineParams p = machine();
  DramAtBench bench(p);
  send(bench.cpu, 3, 0);
  bench.run_through(3 + p.dram.latency_cycles - 1);
  EXPECT_FALSE(bench.cpu.record(0).is_answered);
  bench.run_through(3 + p.dram.latency_cycles);
  EXPECT_TRUE(bench.cpu.record(0).is_answered);
  bench.run();
  EXPECT_EQ(answered(bench.cpu, 0), 3U + p.dram.latency_cycles);
}

TEST(AtDram, OneMemoryIsKeptByEachAccessForItsBusyCycles) {
  MachineParams p = machine();
  p.dram.busy_cycles = 7;
  DramAtBench bench(p);
  constexpr unsigned kNumReads = 6;
  for (unsigned i = 0; i < kNumReads; ++i) {
    send(bench.cpu, 0, i * 0x10000);
  }
  bench.run();
  std::uint64_t waiting = 0;
  for (unsigned i = 0; i < kNumReads; ++i) {
    EXPECT_EQ(answered(bench.cpu, i), i * p.dram.busy_cycles + p.dram.latency_cycles) << i;
    waiting += i * p.dram.busy_cycles;
  }
  EXPECT_EQ(bench.dram.stats().wait_cycles, waiting);
}

TEST(AtDram, BanksAreBusyEachForItself) {
  MachineParams p = machine();
  p.dram.kind = DramKind::kOpenRow;
  p.dram.banks = 4;
  p.dram.row_bytes = 4096;
  p.dram.row_hit_cycles = 61;
  p.dram.busy_cycles = 40;
  DramAtBench bench(p);
  const std::uint64_t row = p.dram.row_bytes;
  for (unsigned bank = 0; bank < 4; ++bank) {  // a row is opened, then used twice
    for (unsigned i = 0; i < 3; ++i) {
      send(bench.cpu, 0, bank * row + i * 8);
    }
  }
  send(bench.cpu, 0, 4 * row);  // another row of the first bank
  bench.run();
  for (unsigned bank = 0; bank < 4; ++bank) {
    EXPECT_EQ(answered(bench.cpu, 3 * bank), p.dram.latency_cycles);
    for (unsigned i = 1; i < 3; ++i) {
      EXPECT_EQ(answered(bench.cpu, 3 * bank + i), i * p.dram.busy_cycles + p.dram.row_hit_cycles);
    }
  }
  EXPECT_EQ(answered(bench.cpu, 12), 3 * p.dram.busy_cycles + p.dram.latency_cycles);
  EXPECT_EQ(bench.dram.stats().row_hits, 8U);
}

TEST_P(AtNumber, AFullMemoryAcceptsAnAccessInTheCycleInWhichItAnswersOne) {
  const std::uint64_t entries = GetParam();
  MachineParams p = machine();
  p.dram.queue_entries = GetParam();
  DramAtBench bench(p);
  constexpr unsigned kNumReads = 9;
  for (unsigned i = 0; i < kNumReads; ++i) {
    send(bench.cpu, 0, i * 0x10000);
  }
  bench.run();
  for (unsigned i = 0; i < kNumReads; ++i) {
    EXPECT_EQ(bench.cpu.record(i).accepted, i / entries * p.dram.latency_cycles) << i;
    EXPECT_EQ(answered(bench.cpu, i), (1 + i / entries) * p.dram.latency_cycles) << i;
  }
}

}  // namespace
}  // namespace nestwalk
