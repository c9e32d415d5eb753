// The RTL walker with a nested TLB: each hit, miss and payload is compared with a mirror of the
// model's own class, which is filled and invalidated in the order of the record.
#include <gtest/gtest.h>

#include <functional>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

class RtlWalkerNtlb : public RtlWalkerTest {
 protected:
  RtlWalkerNtlb() : RtlWalkerTest("ntlb") {}

  static HandTables tables_of(unsigned host_level = 1) {
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.context.control.accessed_dirty = true;
    tables.table_page_level = host_level;
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, host_level);
    return tables;
  }
  static WalkerRequest request_of(const HandTables& tables, AccessType type = AccessType::kRead) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kGva, type, Privilege::kUser};
    return request;
  }
};

TEST_F(RtlWalkerNtlb, RandomWalksAndInvalidationsAgreeWithTheMirror) {
  ASSERT_EQ(bench_.slots(), 4U);
  ASSERT_EQ(bench_.walker().structures().ntlb_entries, 4U);
  run_storm(70260101, 3000);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kFill), 10000U);
  EXPECT_GT(bench_.scoreboard().num_events(EventKind::kLookup), 10000U);
}

TEST_F(RtlWalkerNtlb, AWarmWalkReadsTheGuestsEntriesAlone) {
  // Two large host pages hold all guest tables and the page: both stay in four entries.
  HandTables tables = tables_of(3);
  WordTableMemory memory(tables.memory);
  forget_tables();
  walk(request_of(tables), memory);
  bench_.set_params({.min_latency = 9, .max_latency = 9});
  const WalkerBench::Report report = walk(request_of(tables), memory);
  EXPECT_TRUE(report.response.is_translation);
  EXPECT_EQ(report.num_reads, 4U);
  // A lookup is a step of one cycle.
  EXPECT_EQ(report.response_cycle - report.accept_cycle, 2U + 4U * (9U + 1U) + 5U);
  EXPECT_EQ(problems(), "");
}

TEST_F(RtlWalkerNtlb, AWriteIsAMissWhereTheDirtyBitIsNotKnownToBeSet) {
  HandTables tables = tables_of();
  WordTableMemory memory(tables.memory);
  forget_tables();
  walk(request_of(tables), memory);
  const WalkerBench::Report report = walk(request_of(tables, AccessType::kWrite), memory);
  EXPECT_TRUE(report.response.is_translation);
  EXPECT_TRUE(report.response.translation.dirty);
  EXPECT_EQ(tables.memory.read(tables.host_entry(kGpa, 1), 8).value_or(0) & 0x200, 0x200U);
  EXPECT_EQ(problems(), "");
}

TEST_F(RtlWalkerNtlb, AFaultDropsWhatIsCachedForItsAddress) {
  HandTables tables = tables_of();
  WordTableMemory memory(tables.memory);
  forget_tables();
  walk(request_of(tables), memory);
  // The right to write goes; software need not invalidate for it to come back.
  tables.clear_bits(tables.host_entry(kGpa, 1), 0x2);
  EXPECT_EQ(walk(request_of(tables, AccessType::kWrite), memory).response.fault.kind,
            FaultKind::kEptViolation);
  tables.or_bits(tables.host_entry(kGpa, 1), 0x2);
  EXPECT_TRUE(walk(request_of(tables, AccessType::kWrite), memory).response.is_translation);
  EXPECT_EQ(problems(), "");
}

// What the scoreboard says when the n-th record of a kind is changed on its way.
class RtlNtlbScoreboard : public RtlWalkerNtlb {
 protected:
  void expect_seen(EventKind kind, const char* what, const std::function<void(Record&)>& change) {
    HandTables tables = tables_of(2);  // few host pages: four entries keep them
    WordTableMemory memory(tables.memory);
    WalkerBench bench(open_walker_set("ntlb"), {.seed = 1});
    unsigned num_changed = 0;
    bench.tamper_with([&](Record& record) {
      if (record.event.kind == kind && num_changed == 0 &&
          (kind != EventKind::kLookup || record.is_hit)) {
        ++num_changed;
        change(record);
      }
    });
    bench.connect(memory);
    bench.submit(request_of(tables));
    bench.run();
    bench.submit(request_of(tables));
    bench.run();
    // A page without a right to write: a violation, and what it drops.
    tables.clear_bits(tables.host_entry(kGpa, 2), 0x2);
    bench.submit(request_of(tables, AccessType::kWrite));
    bench.run();
    EXPECT_EQ(num_changed, 1U) << name_of(kind);
    EXPECT_FALSE(bench.scoreboard().problems().empty())
        << "a wrong " << what << " in " << name_of(kind) << " was not seen";
  }
  void expect_common_seen(EventKind kind) {
    expect_seen(kind, "cycle", [](Record& r) { ++r.event.cycle; });
    expect_seen(kind, "order", [](Record& r) { ++r.event.order; });
    expect_seen(kind, "slot", [](Record& r) { r.event.slot = 1; });
    expect_seen(kind, "stage", [](Record& r) { r.event.stage = Stage::kGuest; });
    expect_seen(kind, "g", [](Record& r) { r.event.position.g ^= 1; });
    expect_seen(kind, "h", [](Record& r) { r.event.position.h ^= 1; });
    expect_seen(kind, "address", [](Record& r) { r.event.address ^= 8; });
    expect_seen(kind, "base", [](Record& r) { r.resume.base ^= 0x20'0000; });
    expect_seen(kind, "page size", [](Record& r) { r.resume.page_bits = 12; });
    expect_seen(kind, "right", [](Record& r) { r.resume.host.bits ^= HostRights::kWrite; });
    expect_seen(kind, "dirty", [](Record& r) { r.resume.dirty = !r.resume.dirty; });
  }
};

TEST_F(RtlNtlbScoreboard, SeesAWrongLookup) {
  expect_common_seen(EventKind::kLookup);
  expect_seen(EventKind::kLookup, "hit", [](Record& r) { r.is_hit = false; });
}

TEST_F(RtlNtlbScoreboard, SeesAWrongFill) {
  expect_common_seen(EventKind::kFill);
  expect_seen(EventKind::kFill, "value", [](Record& r) { r.event.value ^= 0x1000; });
}

TEST_F(RtlNtlbScoreboard, SeesAWrongDropByAFault) {
  expect_seen(EventKind::kInvalidate, "cause", [](Record& r) { r.is_by_fault = false; });
  expect_seen(EventKind::kInvalidate, "gpa",
              [](Record& r) { r.invalidation.gpa = r.invalidation.gpa + 1; });
  expect_seen(EventKind::kInvalidate, "slot", [](Record& r) { r.event.slot = 1; });
}

}  // namespace
}  // namespace nestwalk
