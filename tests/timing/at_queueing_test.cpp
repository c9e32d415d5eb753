// The queue before the walker by theory: a closed network of `window` accesses, each of which
// spends O cycles on its own (TLB lookups) and then S cycles in one of `slots` walkers. With
// constant times and service in the order of arrival it is a marked graph, whose rate is the least
// of accesses over cycle time of its two circuits:
//
//   X = min(window / (S + O), slots / S)          accesses per cycle
//
// and Little's law gives the mean wait for a slot: W = window / X - S - O.
// It holds where each access has a walk of its own of the same length: no TLB or walk-cache hits,
// no page twice within a window (no merging), nothing else that queues (one access issued per
// cycle is far above X, ports and registers suffice, memory without busy_cycles, tables straight
// from memory). What is left of a deviation is the beginning and the end of the run, a window's
// worth of accesses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include "model/sim/platform.h"
#include "tests/support/hand_tables.h"
#include "tests/support/mmu_bench.h"
#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4000'0000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kNumPages = 512;
constexpr std::uint64_t kNumRounds = 8;
constexpr std::uint64_t kNumAccesses = kNumPages * kNumRounds;
constexpr std::uint64_t kNumReferences = 24;
constexpr double kTolerance = 0.02;

struct Point {
  std::uint32_t window = 16;
  std::uint32_t slots = 1;
  std::uint32_t own_cycles = 10;  // O, without the cycle that issue takes
};

void PrintTo(const Point& point, std::ostream* out) {
  *out << "window " << point.window << ", slots " << point.slots << ", own cycles "
       << point.own_cycles;
}

MachineParams machine(const Point& point) {
  MachineParams p = bare_machine();
  p.timing = Timing::kAt;
  p.l1i = p.l1d = p.l2 = p.llc = CacheParams{};
  p.core.window = point.window;
  p.mmu.l1_dtlb.latency_cycles = point.own_cycles;
  p.mmu.queue_entries = p.mmu.miss_registers = point.window;
  p.walker.slots = point.slots;
  p.walker.queue_entries = point.window;
  p.walker.step_cycles = 2;
  p.dram.latency_cycles = 100;
  p.dram.busy_cycles = 0;
  p.dram.queue_entries = 1024;
  return p;
}

// Every page once a round, the same random order each time: GUPS without the chance of a page that
// is already awaited.
class RandomPages : public CoreClient {
 public:
  RandomPages() {
    SplitMix64 random(1);
    for (std::uint64_t page = 0; page < kNumPages; ++page) {
      accesses_.push_back({kGva + page * 0x1000, 8, 1, AccessType::kRead});
    }
    for (std::uint64_t left = kNumPages; left > 1; --left) {
      std::swap(accesses_[left - 1], accesses_[random.below(left)]);
    }
  }
  [[nodiscard]] std::span<const CoreAccess> next_batch() override {
    return round_++ < kNumRounds ? std::span<const CoreAccess>(accesses_)
                                 : std::span<const CoreAccess>();
  }
  [[nodiscard]] bool serve_fault(const CoreAccess& /*access*/, const Fault& /*fault*/) override {
    ADD_FAILURE() << "every page is mapped";
    return false;
  }

 private:
  std::vector<CoreAccess> accesses_;
  std::uint64_t round_ = 0;
};

class AtQueueing : public testing::TestWithParam<Point> {};

TEST_P(AtQueueing, FollowsTheFormula) {
  const Point point = GetParam();
  const MachineParams p = machine(point);
  Platform platform(p);
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  for (std::uint64_t page = 0; page < kNumPages; ++page) {
    tables.map_guest(kGva + page * 0x1000, kGpa + page * 0x1000, 1, HandTables::kX86Leaf | 0x60);
    tables.map_host(kGpa + page * 0x1000, 1);
  }
  for (unsigned level = 2; level <= 4; ++level) {
    tables.or_bits(tables.guest_entry(kGva, level), 0x20);
  }
  tables.memory.for_each(
      [&](Hpa hpa, std::uint64_t word) { platform.memory().write(hpa, 8, word); });
  platform.mmu().set_context(tables.context);
  RandomPages client;
  platform.core().set_client(client);
  sc_core::sc_start();

  const WalkerStats& walker = platform.walker().stats();
  ASSERT_EQ(walker.walks, kNumAccesses) << "each access has a walk of its own";
  ASSERT_EQ(platform.core().stats().reads, kNumAccesses);
  const double service =
      kNumReferences * (double{1} * p.walker.step_cycles + p.dram.latency_cycles);
  ASSERT_EQ(walker.cycles, kNumAccesses * static_cast<std::uint64_t>(service));

  // The next access is issued a cycle after room in the window for it.
  const double own = point.own_cycles + 1.0;
  const double rate = std::min(point.window / (service + own), point.slots / service);
  const double measured =
      static_cast<double>(kNumAccesses) / static_cast<double>(platform.core().now_cycles());
  EXPECT_NEAR(measured / rate, 1.0, kTolerance);

  const double wait = std::max(0.0, point.window / rate - service - own);
  const double measured_wait =
      static_cast<double>(walker.queue_cycles) / static_cast<double>(kNumAccesses);
  // Relative to the time an access is in the network, which is never zero.
  EXPECT_NEAR((measured_wait - wait) / (service + own + wait), 0.0, kTolerance);
}

std::vector<Point> points() {
  std::vector<Point> all;
  // O small, a tenth and a half of S; on both sides of the knee and near it.
  for (const std::uint32_t own_cycles : {10U, 240U, 1200U}) {
    for (const std::uint32_t slots : {1U, 2U, 4U, 8U, 12U, 15U, 16U}) {
      all.push_back({16, slots, own_cycles});
    }
  }
  for (const std::uint32_t window : {1U, 2U, 5U, 32U}) {
    all.push_back({window, 4, 240});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Points, AtQueueing, testing::ValuesIn(points()));

}  // namespace
}  // namespace nestwalk
