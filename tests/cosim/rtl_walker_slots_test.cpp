// Several walks at a time, and invalidations while they are under way: every event is judged by the
// engine of its slot, kills and acknowledgements by the tags of the walks.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

class RtlWalkerSlots : public RtlWalkerTest {
 protected:
  RtlWalkerSlots() : RtlWalkerTest("four_slots") {}
};

TEST_F(RtlWalkerSlots, RandomInvalidationsHitRandomWalks) {
  ASSERT_EQ(bench_.slots(), 4U);
  run_storm(60260101, 3000);
  const Scoreboard& scoreboard = bench_.scoreboard();
  EXPECT_GT(scoreboard.num_events(EventKind::kKill), 1000U);
  EXPECT_GT(scoreboard.num_events(EventKind::kRestart), 100U);
}

// An unmapping that comes while the walk has read the old leaf: after the acknowledgement the old
// page must not be answered.
TEST_F(RtlWalkerSlots, AWalkUnderWayDoesNotAnswerOldInformation) {
  for (unsigned wait = 1; wait < 60; ++wait) {
    HandTables tables({FormatId::kX86FourLevel, std::nullopt});
    tables.map_guest(kGva, kGpa, 1);
    WordTableMemory memory(tables.memory);
    bench_.connect(memory);
    bench_.set_params({.min_latency = 5, .max_latency = 5});
    bench_.forget_reports();
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kGva, AccessType::kRead, Privilege::kUser};
    bench_.submit(request);
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    tables.clear_bits(tables.guest_entry(kGva, 1), 0x1);
    Invalidation invalidation;
    invalidation.address = kGva;
    bench_.invalidate(invalidation);
    const unsigned before = bench_.num_acknowledged();
    while (bench_.num_acknowledged() == before) {
      bench_.step();
    }
    const bool was_answered = !bench_.reports().empty();
    bench_.run();
    ASSERT_EQ(problems(), "") << wait;
    if (!was_answered) {
      EXPECT_FALSE(bench_.reports().front().response.is_translation) << wait;
    }
  }
}

TEST_F(RtlWalkerSlots, FourWalksOverlap) {
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  tables.map_guest(kGva, kGpa, 1, HandTables::kX86Leaf | 0x60);
  tables.map_host(kGpa, 1);
  WordTableMemory memory(tables.memory);
  WalkerRequest request;
  request.context = tables.context;
  request.access = {kGva, AccessType::kRead, Privilege::kUser};
  walk(request, memory);  // sets the A bits
  bench_.set_params({.min_latency = 20, .max_latency = 20});
  const std::uint64_t alone = 2 + 24 * 21;
  const std::uint64_t start = bench_.cycle();
  bench_.forget_reports();
  for (unsigned i = 0; i < 4; ++i) {
    bench_.submit(request);
  }
  bench_.run();
  EXPECT_EQ(problems(), "");
  ASSERT_EQ(bench_.reports().size(), 4U);
  EXPECT_LT(bench_.cycle() - start, alone + 10);
}

}  // namespace
}  // namespace nestwalk
