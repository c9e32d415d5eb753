// Cycles of non-blocking translation by formula from the parameters: cold walks, hits, ports,
// walks behind slots, merging, registers, full queues.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/at_bench.h"
#include "tests/support/mmu_bench.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'0000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint64_t kAccessed = 0x20;
constexpr std::uint64_t kDirty = 0x40;
constexpr std::uint64_t kNumReferences = 24;  // of a cold 4x4 walk
constexpr unsigned kNumPages = 32;

// No walk caches, tables straight from memory, no limit that a test does not set itself; latencies
// that no sum of the others can imitate.
MachineParams machine() {
  MachineParams p = bare_machine();
  p.clock_mhz = 1000;
  for (TlbParams* tlb : {&p.mmu.l1_itlb, &p.mmu.l1_dtlb, &p.mmu.l2_tlb}) {
    tlb->page_4k = ArrayParams{64, 0};
  }
  p.mmu.l1_dtlb.latency_cycles = 3;
  p.mmu.l1_itlb.latency_cycles = 5;
  p.mmu.l2_tlb.latency_cycles = 11;
  p.mmu.l1_ports = p.mmu.l2_ports = 64;
  p.mmu.miss_registers = 64;
  p.mmu.queue_entries = 64;
  p.walker.step_cycles = 2;
  p.walker.slots = 64;
  p.walker.queue_entries = 64;
  p.dram.latency_cycles = 101;
  p.dram.busy_cycles = 0;
  p.dram.queue_entries = 1024;
  return p;
}

std::uint64_t first_level(const MachineParams& p) {
  return p.mmu.l1_dtlb.latency_cycles;
}
std::uint64_t both_levels(const MachineParams& p) {
  return first_level(p) + p.mmu.l2_tlb.latency_cycles;
}
std::uint64_t cold_walk(const MachineParams& p) {
  return kNumReferences * (std::uint64_t{p.walker.step_cycles} + p.dram.latency_cycles);
}

// Pages under one leaf table, with nothing left to set on the way.
HandTables tables() {
  HandTables t({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  for (unsigned page = 0; page < kNumPages; ++page) {
    t.map_guest(kGva + page * kPage, kGpa + page * kPage, 1,
                HandTables::kX86Leaf | kAccessed | kDirty);
    t.map_host(kGpa + page * kPage, 1);
  }
  for (unsigned level = 2; level <= 4; ++level) {
    t.or_bits(t.guest_entry(kGva, level), kAccessed);
  }
  return t;
}

class Bench : public MmuAtBench {
 public:
  explicit Bench(const MachineParams& p) : MmuAtBench(p) { load(tables()); }

  std::size_t send(std::uint64_t cycle, unsigned page, AccessType type = AccessType::kRead) {
    return cpu.send({cycle, {kGva + page * kPage, type}});
  }
  // One access to each of the first pages.
  void send_pages(std::uint64_t cycle, unsigned num_pages) {
    for (unsigned page = 0; page < num_pages; ++page) {
      send(cycle, page);
    }
  }
  std::uint64_t answered(std::size_t request) const {
    const AtRecord& record = cpu.record(request);
    EXPECT_TRUE(record.is_answered);
    EXPECT_EQ(record.status, tlm::TLM_OK_RESPONSE);
    return record.answered;
  }
};

TEST(AtLatency, AColdWalkIsAnsweredInItsCycleAndNotBefore) {
  const MachineParams p = machine();
  Bench bench(p);
  bench.send(7, 0);
  const std::uint64_t due = 7 + both_levels(p) + cold_walk(p);
  bench.run_through(due - 1);
  EXPECT_FALSE(bench.cpu.record(0).is_answered);
  bench.run_through(due);
  EXPECT_TRUE(bench.cpu.record(0).is_answered);
  bench.run();
  EXPECT_EQ(bench.answered(0), due);
  EXPECT_EQ(bench.walker.stats().references, kNumReferences);
  EXPECT_EQ(bench.walker.stats().cycles, cold_walk(p));
  EXPECT_EQ(bench.cpu.record(0).extension.times.tlb, both_levels(p));
  EXPECT_EQ(bench.cpu.record(0).extension.times.walk, cold_walk(p));
}

TEST(AtLatency, ATlbHitTakesItsLevels) {
  const MachineParams p = machine();
  Bench bench(p);
  bench.send(0, 0);
  constexpr std::uint64_t kLater = 10'000;
  const std::size_t first = bench.send(kLater, 0);
  const std::size_t second = bench.send(2 * kLater, 0, AccessType::kFetch);
  const std::size_t third = bench.send(3 * kLater, 0, AccessType::kFetch);
  bench.run();
  EXPECT_EQ(bench.answered(first), kLater + first_level(p));
  // A fetch misses its own first level; then the entry is there.
  EXPECT_EQ(bench.answered(second),
            2 * kLater + p.mmu.l1_itlb.latency_cycles + p.mmu.l2_tlb.latency_cycles);
  EXPECT_EQ(bench.answered(third), 3 * kLater + p.mmu.l1_itlb.latency_cycles);
}

TEST(AtLatency, DataComesAfterTheTranslation) {
  MachineParams p = machine();
  p.data_path = DataPath::kCaches;
  Bench bench(p);
  bench.send(0, 0);
  bench.run();
  EXPECT_EQ(bench.answered(0), both_levels(p) + cold_walk(p) + p.dram.latency_cycles);
  EXPECT_EQ(bench.cpu.record(0).extension.times.data, p.dram.latency_cycles);
}

class AtPorts : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Ports, AtPorts, testing::Values(1, 2, 3, 8));

TEST_P(AtPorts, FirstLevelLookupsOfOneCycleTakeTurns) {
  const std::uint64_t ports = GetParam();
  MachineParams p = machine();
  p.mmu.l1_ports = GetParam();
  Bench bench(p);
  bench.send(0, 0);
  constexpr std::uint64_t kLater = 10'000;
  constexpr unsigned kNumLookups = 8;
  for (unsigned i = 0; i < kNumLookups; ++i) {
    bench.send(kLater, 0);
  }
  bench.run();
  for (unsigned i = 0; i < kNumLookups; ++i) {
    EXPECT_EQ(bench.answered(1 + i), kLater + i / ports + first_level(p)) << i;
  }
}

TEST_P(AtPorts, SecondLevelLookupsOfOneCycleTakeTurns) {
  const std::uint64_t ports = GetParam();
  MachineParams p = machine();
  p.mmu.l2_ports = GetParam();
  p.mmu.l1_dtlb.page_4k = ArrayParams{};  // all go on to the second level
  constexpr unsigned kNumLookups = 8;
  Bench bench(p);
  bench.send_pages(0, kNumLookups);
  constexpr std::uint64_t kLater = 10'000;
  bench.send_pages(kLater, kNumLookups);
  bench.run();
  EXPECT_EQ(bench.walker.stats().walks, kNumLookups);
  for (unsigned i = 0; i < kNumLookups; ++i) {
    EXPECT_EQ(bench.answered(kNumLookups + i), kLater + i / ports + both_levels(p)) << i;
  }
}

class AtSlots : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Slots, AtSlots, testing::Values(1, 2, 4));

TEST_P(AtSlots, WalksTakeTurnsInTheSlots) {
  const std::uint64_t slots = GetParam();
  MachineParams p = machine();
  p.walker.slots = GetParam();
  constexpr unsigned kNumWalks = 11;
  Bench bench(p);
  bench.send_pages(0, kNumWalks);
  bench.run();
  std::uint64_t waiting = 0;
  for (unsigned i = 0; i < kNumWalks; ++i) {
    EXPECT_EQ(bench.answered(i), both_levels(p) + (1 + i / slots) * cold_walk(p)) << i;
    waiting += i / slots * cold_walk(p);
  }
  EXPECT_EQ(bench.walker.stats().queue_cycles, waiting);
  EXPECT_EQ(bench.walker.stats().cycles, kNumWalks * cold_walk(p));
}

TEST_P(AtSlots, AFullWalkerAcceptsARequestInTheCycleInWhichAWalkEnds) {
  const std::uint64_t slots = GetParam();
  MachineParams p = machine();
  p.walker.slots = GetParam();
  p.walker.queue_entries = 3;
  const std::uint64_t room = slots + p.walker.queue_entries;
  constexpr unsigned kNumWalks = 13;
  Bench bench(p);
  bench.send_pages(0, kNumWalks);
  bench.run();
  ASSERT_EQ(bench.walk_port.passages().size(), kNumWalks);
  for (unsigned i = 0; i < kNumWalks; ++i) {
    const std::uint64_t ended = i < room ? 0 : 1 + (i - room) / slots;
    EXPECT_EQ(bench.walk_port.passages()[i].end_request, both_levels(p) + ended * cold_walk(p))
        << i;
    EXPECT_EQ(bench.answered(i), both_levels(p) + (1 + i / slots) * cold_walk(p)) << i;
  }
}

TEST_P(AtSlots, AFullMmuAcceptsAnAccessInTheCycleInWhichItAnswersOne) {
  const std::uint64_t entries = GetParam();
  MachineParams p = machine();
  p.mmu.queue_entries = GetParam();
  Bench bench(p);
  bench.send(0, 0);
  constexpr std::uint64_t kLater = 10'000;
  constexpr unsigned kNumHits = 9;
  for (unsigned i = 0; i < kNumHits; ++i) {
    bench.send(kLater, 0);
  }
  bench.run();
  for (unsigned i = 0; i < kNumHits; ++i) {
    const std::uint64_t accepted = kLater + i / entries * first_level(p);
    EXPECT_EQ(bench.cpu.record(1 + i).accepted, accepted) << i;
    EXPECT_EQ(bench.answered(1 + i), accepted + first_level(p)) << i;
  }
}

TEST_P(AtSlots, AMissWithoutARegisterWaitsForOne) {
  const std::uint64_t registers = GetParam();
  MachineParams p = machine();
  p.mmu.miss_registers = GetParam();
  constexpr unsigned kNumMisses = 9;
  Bench bench(p);
  bench.send_pages(0, kNumMisses);
  bench.run();
  for (unsigned i = 0; i < kNumMisses; ++i) {
    EXPECT_EQ(bench.answered(i), both_levels(p) + (1 + i / registers) * cold_walk(p)) << i;
  }
  EXPECT_EQ(bench.mmu.stats().stalls, kNumMisses - registers);
  EXPECT_EQ(bench.walker.stats().queue_cycles, 0U);
}

TEST(AtLatency, AHitPassesAMissThatIsUnderWay) {
  const MachineParams p = machine();
  Bench bench(p);
  bench.send(0, 0);
  constexpr std::uint64_t kLater = 10'000;
  const std::size_t miss = bench.send(kLater, 1);
  const std::size_t hit = bench.send(kLater + 20, 0);
  bench.run();
  EXPECT_EQ(bench.answered(hit), kLater + 20 + first_level(p));
  EXPECT_EQ(bench.answered(miss), kLater + both_levels(p) + cold_walk(p));
}

TEST(AtLatency, MissesOnOnePageShareItsWalk) {
  const MachineParams p = machine();
  Bench bench(p);
  const std::uint64_t due = both_levels(p) + cold_walk(p);
  constexpr unsigned kNumMerged = 5;
  bench.send(0, 0);
  for (unsigned i = 0; i < kNumMerged; ++i) {
    bench.send(i * 400, 0);  // the last one well before the walk ends
  }
  ASSERT_LT(kNumMerged * 400U, cold_walk(p));
  const std::size_t late = bench.send(due, 0);
  bench.run();
  for (unsigned i = 0; i <= kNumMerged; ++i) {
    EXPECT_EQ(bench.answered(i), due) << i;
  }
  EXPECT_EQ(bench.answered(late), due + first_level(p)) << "the entry is there in that cycle";
  EXPECT_EQ(bench.walker.stats().walks, 1U);
  EXPECT_EQ(bench.mmu.stats().walks, 1U);
  EXPECT_EQ(bench.mmu.stats().merged, kNumMerged);
}

TEST(AtLatency, AWriteThatFindsTheDirtyBitClearTakesAWalkOfItsOwn) {
  const MachineParams p = machine();
  Bench bench(p);
  HandTables t = tables();
  t.clear_bits(t.guest_entry(kGva, 1), kDirty);
  bench.load(t);
  const std::size_t read = bench.send(0, 0);
  const std::size_t write = bench.send(1, 0, AccessType::kWrite);
  const std::size_t joined = bench.send(2, 0, AccessType::kWrite);
  const std::size_t another = bench.send(3, 0);
  bench.run();
  const std::uint64_t first_end = both_levels(p) + cold_walk(p);
  EXPECT_EQ(bench.answered(read), first_end);
  EXPECT_EQ(bench.answered(another), first_end);
  // The second walk starts as the first one ends, and sets D.
  EXPECT_EQ(bench.answered(write), first_end + cold_walk(p) + p.dram.latency_cycles);
  EXPECT_EQ(bench.answered(joined), bench.answered(write));
  EXPECT_EQ(bench.mmu.stats().walks, 2U);
  EXPECT_EQ(bench.mmu.stats().merged, 2U);
  EXPECT_EQ(bench.walker.stats().updates, 1U);
}

TEST(AtLatency, AnAccessAcrossPagesTranslatesOneAfterTheOtherAndThenMovesBytes) {
  MachineParams p = machine();
  p.data_path = DataPath::kCaches;
  Bench bench(p);
  const Access across{kGva + (kPage - 4), AccessType::kRead};
  const std::size_t cold = bench.cpu.send({0, across});
  constexpr std::uint64_t kLater = 10'000;
  const std::size_t warm = bench.cpu.send({kLater, across});
  bench.run();
  EXPECT_EQ(bench.answered(cold),
            2 * (both_levels(p) + cold_walk(p)) + 2 * std::uint64_t{p.dram.latency_cycles});
  EXPECT_EQ(bench.answered(warm),
            kLater + 2 * first_level(p) + 2 * std::uint64_t{p.dram.latency_cycles});
  EXPECT_EQ(bench.mmu.stats().page_crossings, 2U);
}

TEST(AtLatency, AResponseWaitsForTheEndOfTheOneBefore) {
  const MachineParams p = machine();
  Bench bench(p);
  bench.send(0, 0);
  bench.run_through(9'999);
  constexpr std::uint64_t kLater = 10'000;
  constexpr std::uint64_t kResponse = 9;
  bench.cpu.set_response_cycles(kResponse);
  constexpr unsigned kNumHits = 6;
  for (unsigned i = 0; i < kNumHits; ++i) {
    bench.send(kLater, 0);
  }
  bench.run();
  for (unsigned i = 0; i < kNumHits; ++i) {
    EXPECT_EQ(bench.answered(1 + i), kLater + first_level(p) + i * kResponse) << i;
  }
}

TEST(AtLatency, AFaultIsTheFirstOnesAlone) {
  const MachineParams p = machine();
  Bench bench(p);
  HandTables t = tables();
  t.clear_bits(t.guest_entry(kGva, 1), 0x1);
  bench.load(t);
  bench.send(0, 0);
  bench.send(0, 0);
  bench.run();
  // Guest entries of four levels, each with its host walk; no final walk.
  const std::uint64_t walk = 20 * (std::uint64_t{p.walker.step_cycles} + p.dram.latency_cycles);
  for (unsigned i = 0; i < 2; ++i) {
    EXPECT_EQ(bench.cpu.record(i).status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(bench.cpu.record(i).extension.fault.kind, FaultKind::kGuestPageFault);
    EXPECT_EQ(bench.cpu.record(i).answered, both_levels(p) + (1 + i) * walk);
  }
  EXPECT_EQ(bench.mmu.stats().merged, 0U);
  EXPECT_EQ(bench.mmu.stats().faults, 2U);
}

// Lookups of walk caches and nested TLB: k walks in one cycle, each asking the guest walk cache
// first, go through the ports one after the other.
TEST_P(AtPorts, WalksTakeTurnsAtTheWalkCaches) {
  const std::uint64_t ports = GetParam();
  MachineParams p = machine();
  p.walker.pwc.organisation = PwcOrganisation::kPerLevel;
  p.walker.pwc.host_stage = false;
  p.walker.pwc.level_2 = p.walker.pwc.level_3 = p.walker.pwc.level_4 = ArrayParams{4, 0};
  p.walker.pwc.latency_cycles = 7;
  p.walker.lookup_ports = GetParam();
  constexpr unsigned kNumWalks = 8;
  Bench bench(p);
  bench.send(0, kNumWalks);
  constexpr std::uint64_t kLater = 10'000;
  bench.send_pages(kLater, kNumWalks);
  bench.run();
  // A combined hit on the level-2 entry leaves the leaf and the final walk.
  const std::uint64_t rest = 5 * (std::uint64_t{p.walker.step_cycles} + p.dram.latency_cycles);
  for (unsigned i = 0; i < kNumWalks; ++i) {
    EXPECT_EQ(bench.answered(1 + i),
              kLater + both_levels(p) + i / ports + p.walker.pwc.latency_cycles + rest)
        << i;
  }
}

}  // namespace
}  // namespace nestwalk
