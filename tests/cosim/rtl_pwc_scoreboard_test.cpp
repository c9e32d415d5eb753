// The scoreboard sees one wrong field in one record of a walk cache, of every kind and stage: the
// record of a run without a fault is changed on its way, and the scoreboard must object.
#include <gtest/gtest.h>

#include <functional>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

class RtlPwcScoreboard : public testing::Test {
 protected:
  // Whether the scoreboard objects when the first record of a kind that `wants` it is changed.
  bool is_seen(const std::function<bool(const Record&)>& wants,
               const std::function<void(Record&)>& change) {
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    WordTableMemory memory(tables.memory);
    WalkerBench bench(open_walker_set("pwc"), {.seed = 1});
    num_changed_ = 0;
    bench.tamper_with([&](Record& record) {
      if (num_changed_ == 0 && wants(record)) {
        ++num_changed_;
        change(record);
      }
    });
    bench.connect(memory);
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kGva, AccessType::kRead, Privilege::kUser};
    for (unsigned round = 0; round < 2; ++round) {  // cold and warm
      bench.submit(request);
      bench.run();
    }
    tables.clear_bits(tables.host_entry(kGpa, 1), 0x7);  // a violation, and what it drops
    bench.submit(request);
    bench.run();
    tables.clear_bits(tables.guest_entry(kGva, 1), 0x1);  // a page fault
    bench.submit(request);
    bench.run();
    return !bench.scoreboard().problems().empty();
  }

  void expect_seen(const char* what, const std::function<bool(const Record&)>& wants,
                   const std::function<void(Record&)>& change) {
    EXPECT_TRUE(is_seen(wants, change)) << "a wrong " << what << " was not seen";
    EXPECT_EQ(num_changed_, 1U) << what;
  }

  void expect_all_seen(EventKind kind, Stage stage) {
    const auto wants = [kind, stage](const Record& r) {
      return r.event.kind == kind && r.event.stage == stage &&
             (kind != EventKind::kLookup || r.is_hit);
    };
    const auto seen = [&](const char* what, const std::function<void(Record&)>& change) {
      expect_seen(what, wants, change);
    };
    seen("cycle", [](Record& r) { ++r.event.cycle; });
    seen("order", [](Record& r) { ++r.event.order; });
    seen("slot", [](Record& r) { r.event.slot = 1; });
    seen("stage", [](Record& r) {
      r.event.stage = r.event.stage == Stage::kGuest ? Stage::kHost : Stage::kGuest;
    });
    seen("g", [](Record& r) { r.event.position.g ^= 1; });
    seen("h", [](Record& r) { r.event.position.h ^= 1; });
    seen("address", [](Record& r) { r.event.address ^= 8; });
    seen("base", [](Record& r) { r.resume.base ^= 0x1000; });
    seen("next level", [](Record& r) { r.resume.next_level ^= 1; });
    seen("kind of base", [](Record& r) { r.resume.is_gpa = !r.resume.is_gpa; });
    seen("dirty", [](Record& r) { r.resume.dirty = !r.resume.dirty; });
    seen("page size", [](Record& r) { r.resume.page_bits = 12; });
    seen("guest right", [](Record& r) { r.resume.guest.bits ^= GuestRights::kUser; });
    seen("host right", [](Record& r) { r.resume.host.bits ^= HostRights::kWrite; });
    seen("right of the table's page", [](Record& r) { r.resume.table.bits ^= HostRights::kRead; });
    seen("GPA of the table", [](Record& r) { r.resume.table_gpa = r.resume.table_gpa + 0x1000; });
  }

  unsigned num_changed_ = 0;
};

TEST_F(RtlPwcScoreboard, HasNothingToSayAboutTheRunItself) {
  EXPECT_FALSE(is_seen([](const Record&) { return false; }, [](Record&) {}));
}

TEST_F(RtlPwcScoreboard, SeesAWrongGuestLookup) {
  expect_all_seen(EventKind::kLookup, Stage::kGuest);
}

TEST_F(RtlPwcScoreboard, SeesAWrongHostLookup) {
  expect_all_seen(EventKind::kLookup, Stage::kHost);
}

TEST_F(RtlPwcScoreboard, SeesAHitThatIsNone) {
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    for (const bool is_hit : {false, true}) {
      expect_seen(
          "hit",
          [=](const Record& r) {
            return r.event.kind == EventKind::kLookup && r.event.stage == stage &&
                   r.is_hit == is_hit;
          },
          [](Record& r) { r.is_hit = !r.is_hit; });
    }
  }
}

TEST_F(RtlPwcScoreboard, SeesAWrongGuestFill) {
  expect_all_seen(EventKind::kFill, Stage::kGuest);
}

TEST_F(RtlPwcScoreboard, SeesAWrongHostFill) {
  expect_all_seen(EventKind::kFill, Stage::kHost);
  expect_seen(
      "value", [](const Record& r) { return r.event.kind == EventKind::kFill; },
      [](Record& r) { r.event.value ^= 0x1000; });
}

TEST_F(RtlPwcScoreboard, SeesAWrongDropByAFault) {
  for (const InvalidateOp op : {InvalidateOp::kEptViolation, InvalidateOp::kPageFault}) {
    const auto wants = [op](const Record& r) {
      return r.event.kind == EventKind::kInvalidate && r.is_by_fault && r.invalidation.op == op;
    };
    expect_seen("cycle", wants, [](Record& r) { ++r.event.cycle; });
    expect_seen("order", wants, [](Record& r) { ++r.event.order; });
    expect_seen("slot", wants, [](Record& r) { r.event.slot = 1; });
    expect_seen("cause", wants, [](Record& r) { r.is_by_fault = false; });
    expect_seen("address", wants, [](Record& r) { r.event.address ^= 8; });
    expect_seen("operation", wants,
                [](Record& r) { r.invalidation.op = InvalidateOp::kNestedPageFault; });
    expect_seen("linear address", wants,
                [](Record& r) { r.invalidation.address = r.invalidation.address + 1; });
    if (op == InvalidateOp::kEptViolation) {
      expect_seen("gpa", wants, [](Record& r) { r.invalidation.gpa = r.invalidation.gpa + 1; });
    }
  }
}

// A fill or a drop that was left out is missed: by the next record of the slot.
TEST_F(RtlPwcScoreboard, MissesARecordThatIsLeftOut) {
  for (const EventKind kind : {EventKind::kLookup, EventKind::kFill, EventKind::kInvalidate}) {
    expect_seen(
        "record", [kind](const Record& r) { return r.event.kind == kind; },
        [](Record& r) {
          r.event.kind = EventKind::kKill;
          r.event.order = kFirstSlotOrder;
        });
  }
}

}  // namespace
}  // namespace nestwalk
