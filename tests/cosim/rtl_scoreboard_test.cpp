// The scoreboard sees one wrong field in one event, of every kind: the record of a run without a
// fault is changed on its way, and the scoreboard must object.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <vector>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

struct Change {
  const char* name;
  std::function<void(Record&)> apply;
};

// A run with every event of a walker without caches: a write that sets A and D bits of both stages
// and loses one update, an invalidation that kills it under way, and a read that faults.
class RtlScoreboard : public testing::Test {
 protected:
  // Changes the n-th record of a kind; returns what the scoreboard says.
  std::vector<std::string> run(EventKind kind, unsigned number,
                               const std::function<void(Record&)>& change) {
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.context.control.accessed_dirty = true;
    tables.context.tags.vpid = Vpid{3};
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    // The 13th operation reads the leaf of the second host walk, and the 14th would set its A bit;
    // in between it changes.
    Interference interference;
    interference.after_operations = 13;
    interference.hpa = tables.host_entry(tables.guest_entry_gpa(kGva, 3), 1);
    interference.flip = bit(11);
    WordTableMemory memory(tables.memory, interference);
    WalkerBench bench(open_walker_set("one_slot"), {.seed = 1, .min_latency = 2, .max_latency = 4});
    unsigned seen = 0;
    was_changed_ = false;
    bench.tamper_with([&](Record& record) {
      if (record.event.kind == kind && seen++ == number) {
        was_changed_ = true;
        change(record);
      }
    });
    bench.connect(memory);
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kGva, AccessType::kWrite, Privilege::kUser};
    request.id = 5;
    bench.submit(request);
    for (unsigned i = 0; i < 150; ++i) {
      bench.step();
    }
    Invalidation invalidation;
    invalidation.op = InvalidateOp::kInvvpidSingle;
    invalidation.tags.vpid = Vpid{3};
    invalidation.address = Gva{0x1000};
    bench.invalidate(invalidation);
    bench.run();
    request.access.address = kGva + 0x1000;
    bench.submit(request);
    bench.run();
    for (unsigned k = 0; k < kNumEventKinds; ++k) {
      counts_[k] = bench.scoreboard().num_events(static_cast<EventKind>(k));
    }
    EXPECT_EQ(bench.num_acknowledged(), 1U);
    return bench.scoreboard().problems();
  }

  void expect_all_seen(EventKind kind, const std::vector<Change>& changes,
                       const std::vector<unsigned>& numbers) {
    for (const Change& change : changes) {
      for (const unsigned number : numbers) {
        EXPECT_FALSE(run(kind, number, change.apply).empty())
            << "a wrong " << change.name << " in " << name_of(kind) << " " << number
            << " was not seen";
        EXPECT_TRUE(was_changed_) << name_of(kind) << " " << number;
      }
    }
  }

  static std::vector<Change> common_changes() {
    return {
        {"cycle", [](Record& r) { ++r.event.cycle; }},
        {"order", [](Record& r) { ++r.event.order; }},
        {"slot", [](Record& r) { r.event.slot = 1; }},
        {"address", [](Record& r) { r.event.address ^= 8; }},
    };
  }
  static std::vector<Change> step_changes() {
    std::vector<Change> changes = common_changes();
    changes.push_back({"stage", [](Record& r) {
                         r.event.stage =
                             r.event.stage == Stage::kGuest ? Stage::kHost : Stage::kGuest;
                       }});
    changes.push_back({"g", [](Record& r) { r.event.position.g ^= 1; }});
    changes.push_back({"h", [](Record& r) { r.event.position.h ^= 1; }});
    changes.push_back({"bytes", [](Record& r) { r.event.bytes = 4; }});
    return changes;
  }

  bool was_changed_ = false;
  std::array<std::uint64_t, kNumEventKinds> counts_{};
};

TEST_F(RtlScoreboard, HasNothingToSayAboutTheRunItself) {
  const std::vector<std::string> problems = run(EventKind::kAccept, 99, [](Record&) {});
  EXPECT_TRUE(problems.empty()) << problems.front();
  for (const EventKind kind : {EventKind::kInvalidate, EventKind::kRestart, EventKind::kKill}) {
    EXPECT_EQ(counts_[static_cast<unsigned>(kind)], 1U) << name_of(kind);
  }
  EXPECT_EQ(counts_[static_cast<unsigned>(EventKind::kRespond)], 2U);
}

TEST_F(RtlScoreboard, SeesAWrongAccept) {
  expect_all_seen(EventKind::kAccept, common_changes(), {0, 1});
}

TEST_F(RtlScoreboard, SeesAWrongRead) {
  expect_all_seen(EventKind::kRead, step_changes(), {0, 7});
}

TEST_F(RtlScoreboard, SeesWrongReadData) {
  std::vector<Change> changes = step_changes();
  changes.push_back({"value", [](Record& r) { r.event.value ^= bit(63); }});
  expect_all_seen(EventKind::kReadData, changes, {0, 7});
}

TEST_F(RtlScoreboard, SeesAWrongUpdate) {
  std::vector<Change> changes = step_changes();
  changes.push_back({"new word", [](Record& r) { r.event.value ^= bit(9); }});
  changes.push_back({"expected word", [](Record& r) { r.expected ^= bit(63); }});
  expect_all_seen(EventKind::kUpdate, changes, {0, 4});
}

TEST_F(RtlScoreboard, SeesAWrongRestart) {
  expect_all_seen(EventKind::kRestart, step_changes(), {0});
}

TEST_F(RtlScoreboard, SeesAWrongKill) {
  expect_all_seen(EventKind::kKill, common_changes(), {0});
}

TEST_F(RtlScoreboard, SeesAWrongInvalidation) {
  std::vector<Change> changes = common_changes();
  // Of an invalidation the slot says nothing; its tags decide what is killed.
  std::erase_if(changes, [](const Change& c) { return std::string(c.name) == "slot"; });
  changes.push_back({"tag", [](Record& r) { r.invalidation.tags.vpid = Vpid{4}; }});
  changes.push_back(
      {"operation", [](Record& r) { r.invalidation.op = InvalidateOp::kMovCr3NoFlush; }});
  expect_all_seen(EventKind::kInvalidate, changes, {0});
}

TEST_F(RtlScoreboard, SeesAWrongTranslation) {
  std::vector<Change> changes = common_changes();
  changes.push_back({"value", [](Record& r) { r.event.value ^= 1; }});
  changes.push_back({"position", [](Record& r) { r.event.position.h = 1; }});
  changes.push_back({"id", [](Record& r) { r.response.id ^= 1; }});
  changes.push_back({"outcome", [](Record& r) { r.response.is_translation = false; }});
  changes.push_back({"restarts", [](Record& r) { ++r.response.num_restarts; }});
  const auto translation = [&](const char* name, const std::function<void(Translation&)>& change) {
    changes.push_back({name, [change](Record& r) { change(r.response.translation); }});
  };
  translation("gpa", [](Translation& t) { t.gpa = t.gpa + 1; });
  translation("hpa", [](Translation& t) { t.hpa = t.hpa + 1; });
  translation("guest page size", [](Translation& t) { t.guest_page_bits = 21; });
  translation("host page size", [](Translation& t) { t.host_page_bits = 21; });
  translation("key", [](Translation& t) { t.protection_key = 3; });
  translation("dirty", [](Translation& t) { t.dirty = !t.dirty; });
  translation("global", [](Translation& t) { t.global = !t.global; });
  translation("guest right", [](Translation& t) { t.guest.bits ^= GuestRights::kExecute; });
  translation("host right", [](Translation& t) { t.host.bits ^= HostRights::kUserExecute; });
  expect_all_seen(EventKind::kRespond, changes, {0});
}

TEST_F(RtlScoreboard, SeesAWrongFault) {
  std::vector<Change> changes;
  const auto fault = [&](const char* name, const std::function<void(Fault&)>& change) {
    changes.push_back({name, [change](Record& r) { change(r.response.fault); }});
  };
  fault("kind", [](Fault& f) { f.kind = FaultKind::kMemoryError; });
  fault("code", [](Fault& f) { f.code ^= 2; });
  fault("address", [](Fault& f) { f.address = f.address + 1; });
  fault("gpa", [](Fault& f) { f.gpa = f.gpa + 1; });
  fault("GPA flag", [](Fault& f) { f.has_gpa = !f.has_gpa; });
  fault("g", [](Fault& f) { f.position.g ^= 1; });
  fault("h", [](Fault& f) { f.position.h ^= 1; });
  expect_all_seen(EventKind::kRespond, changes, {1});
}

// A record that was left out is missed by the next one of the slot, or at the end.
TEST_F(RtlScoreboard, MissesARecordThatIsLeftOut) {
  for (const EventKind kind :
       {EventKind::kAccept, EventKind::kRead, EventKind::kReadData, EventKind::kUpdate,
        EventKind::kRespond, EventKind::kRestart, EventKind::kKill}) {
    // Another kind in its place: none that could stand there.
    EXPECT_FALSE(run(kind, 0, [](Record& r) { r.event.kind = EventKind::kLookup; }).empty())
        << name_of(kind);
  }
}

}  // namespace
}  // namespace nestwalk
