// The second witness against A/D updates worked out by hand: what EPT rights on guest tables allow,
// which bits are written in which order, and what stays after a fault.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/oracle_expectations.h"

namespace nestwalk {
namespace {

// ---- EPT rights on the page that holds the level 1 guest table (literature: kvm-unit-tests)

constexpr std::uint64_t kReadOnly = 1;
constexpr std::uint64_t kReadWrite = 3;
constexpr std::uint64_t kReadExecute = 5;
constexpr std::uint64_t kAccessed = 0x20;
constexpr std::uint64_t kDirty = 0x40;
constexpr std::uint64_t kAllowed = 0;

struct EptRow {
  std::uint64_t ept_rights;
  bool ept_accessed_dirty;
  std::uint64_t guest_bits;
  AccessType type;
  std::uint64_t qualification;
};

constexpr EptRow kEptRows[] = {
    // Nothing: RD (bit 0) with A/D off, RD+WR (bits 0, 1) with A/D on; bit 7 always, bit 8 never.
    {0, false, 0, kRead, 0x81},
    {0, false, 0, kWrite, 0x81},
    {0, false, kAccessed | kDirty, kFetch, 0x81},
    {0, true, 0, kRead, 0x83},
    {0, true, kAccessed | kDirty, kWrite, 0x83},
    {0, true, kAccessed, kFetch, 0x83},
    // R only, A/D off: the table can be read, A and D cannot be set.
    {kReadOnly, false, 0, kRead, 0x8b},
    {kReadOnly, false, 0, kWrite, 0x8b},
    {kReadOnly, false, 0, kFetch, 0x8b},
    {kReadOnly, false, kAccessed, kRead, kAllowed},
    {kReadOnly, false, kAccessed, kFetch, kAllowed},
    {kReadOnly, false, kAccessed, kWrite, 0x8b},
    {kReadOnly, false, kAccessed | kDirty, kRead, kAllowed},
    {kReadOnly, false, kAccessed | kDirty, kWrite, kAllowed},
    {kReadOnly, false, kAccessed | kDirty, kFetch, kAllowed},
    // R only, A/D on: every access to the table is a write.
    {kReadOnly, true, 0, kRead, 0x8b},
    {kReadOnly, true, kAccessed, kFetch, 0x8b},
    {kReadOnly, true, kAccessed | kDirty, kRead, 0x8b},
    {kReadOnly, true, kAccessed | kDirty, kWrite, 0x8b},
    // R+X: the same with X among the permissions reported.
    {kReadExecute, false, 0, kRead, 0xab},
    {kReadExecute, false, kAccessed, kWrite, 0xab},
    {kReadExecute, false, kAccessed, kRead, kAllowed},
    {kReadExecute, false, kAccessed | kDirty, kWrite, kAllowed},
    {kReadExecute, true, kAccessed | kDirty, kFetch, 0xab},
    // R+W: everything.
    {kReadWrite, false, 0, kWrite, kAllowed},
    {kReadWrite, true, 0, kWrite, kAllowed},
    {kReadWrite, false, kAccessed, kFetch, kAllowed},
    {kReadWrite, true, kAccessed | kDirty, kRead, kAllowed},
};

TEST(OracleEptTable, RightsOnTheTablePageByAccessAndBits) {
  for (const EptRow& row : kEptRows) {
    HandTables tables = mapped({kFour, kEpt4});
    tables.context.control.accessed_dirty = row.ept_accessed_dirty;
    tables.map_guest(kGva, kGpa, 1, HandTables::kX86Leaf | row.guest_bits);
    const Gpa entry = tables.guest_entry_gpa(kGva, 1);
    tables.map_host(entry, 1, 0x30 | row.ept_rights);
    const OracleResult result = walk_at(tables, kGva, row.type);
    SCOPED_TRACE(&row - kEptRows);
    EXPECT_EQ(result.is_translation, row.qualification == kAllowed);
    if (row.qualification != kAllowed) {
      EXPECT_EQ(result.fault.kind, FaultKind::kEptViolation);
      EXPECT_EQ(result.fault.code, row.qualification);
      EXPECT_EQ(result.fault.gpa, entry);
      EXPECT_TRUE(result.fault.has_gpa);
      EXPECT_EQ(result.fault.address, kGva);
      // A denied update stands at the entry, any other refusal at the host leaf.
      const bool is_update = row.ept_rights != 0 && !row.ept_accessed_dirty;
      EXPECT_EQ(result.fault.position, (Position{1, static_cast<std::uint8_t>(!is_update)}));
    }
  }
}

// ---- accessed and dirty bits

struct Update {
  Stage stage;
  Position position;
  std::uint64_t bits;  // set by this write
};

void expect_updates(const OracleResult& result, const std::vector<Update>& expected) {
  ASSERT_EQ(result.writes.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(result.writes[i].stage, expected[i].stage);
    EXPECT_EQ(result.writes[i].position, expected[i].position);
    EXPECT_EQ(result.writes[i].value & expected[i].bits, expected[i].bits);
    for (const OracleReference& read : result.references) {
      if (read.hpa == result.writes[i].hpa && read.position == result.writes[i].position) {
        EXPECT_EQ(read.value ^ result.writes[i].value, expected[i].bits);
      }
    }
  }
}

TEST(OracleUpdates, NativeWriteSetsAccessedFromTheRootAndDirtyInTheLeaf) {
  HandTables tables = mapped({kFour, std::nullopt});
  const OracleResult result = walk_at(tables, kGva, kWrite);
  expect_updates(result, {{Stage::kGuest, {4, 0}, kAccessed},
                          {Stage::kGuest, {3, 0}, kAccessed},
                          {Stage::kGuest, {2, 0}, kAccessed},
                          {Stage::kGuest, {1, 0}, kAccessed | kDirty}});
  EXPECT_EQ(walk_at(tables, kGva, kWrite).writes.size(), 0U);
}

TEST(OracleUpdates, EptAccessedDirtyTreatsTableAccessesAsWrites) {
  HandTables tables = mapped({kTwo, kEpt4}, 1, 3, 3);
  tables.context.control.accessed_dirty = true;
  const OracleResult result = walk_at(tables, kGva, kRead);
  // The data page has a host leaf of its own below the same level 4 entry.
  expect_updates(result, {{Stage::kHost, {2, 4}, 0x100},
                          {Stage::kHost, {2, 3}, 0x300},
                          {Stage::kGuest, {2, 0}, kAccessed},
                          {Stage::kGuest, {1, 0}, kAccessed},
                          {Stage::kHost, {0, 3}, 0x100}});
  EXPECT_FALSE(result.translation.dirty);
}

TEST(OracleUpdates, NestedPaeTablesHaveNoAccessedBitInPdptes) {
  HandTables tables = mapped({kPae, kPae});
  const OracleResult result = walk_at(tables, kGva, kWrite);
  ASSERT_TRUE(result.is_translation);
  for (const OracleReference& write : result.writes) {
    EXPECT_NE(write.position.h, 3);
    EXPECT_FALSE(write.stage == Stage::kGuest && write.position.g == 3);
  }
}

TEST(OracleUpdates, NeighbourOfASmallEntryStays) {
  HandTables tables = mapped({kTwo, std::nullopt});
  const Hpa entry = tables.guest_entry(kGva, 1);
  const Hpa neighbour{entry.value() ^ 4};
  tables.memory.write(neighbour, 4, 0xdeadbeef);
  const OracleResult result = walk_at(tables, kGva, kWrite);
  EXPECT_EQ(result.writes.back().hpa, entry);
  EXPECT_EQ(tables.memory.read(neighbour, 4), 0xdeadbeef);
}

TEST(OracleUpdates, GuestFaultWritesNoGuestBits) {
  HandTables tables = mapped({kFour, kEpt4});
  tables.clear_bits(tables.guest_entry(kGva, 1), 0x2);
  const OracleResult result = walk_at(tables, kGva, kWrite);
  EXPECT_EQ(result.fault.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(result.writes.size(), 0U);
}

TEST(OracleUpdates, FinalHostFaultLeavesGuestBitsWritten) {
  HandTables tables = mapped({kFour, kEpt4});
  tables.map_host(kGpa, 1, 0x35);  // no write
  const OracleResult result = walk_at(tables, kGva, kWrite);
  EXPECT_EQ(result.fault.code, 0x1aaU);  // write, readable, executable, linear, final
  EXPECT_EQ(result.fault.position, (Position{0, 1}));
  EXPECT_EQ(result.fault.gpa, kGpa + 0xc8d);
  EXPECT_EQ(result.writes.size(), 4U);
}

TEST(OracleUpdates, DeniedInTheMiddleLeavesUpperBitsWritten) {
  HandTables tables = mapped({kFour, kEpt4});
  tables.map_host(tables.guest_entry_gpa(kGva, 2), 1, 0x31);
  const OracleResult result = walk_at(tables, kGva, kRead);
  EXPECT_EQ(result.fault.code, 0x8bU);
  EXPECT_EQ(result.fault.position, (Position{2, 0}));
  expect_updates(result, {{Stage::kGuest, {4, 0}, kAccessed}, {Stage::kGuest, {3, 0}, kAccessed}});
  EXPECT_EQ(result.references.size(), 20U);  // all guest levels were read first
}

TEST(OracleUpdates, AnEntryThatServesAtEveryLevelRestartsTheWalk) {
  HandTables tables({kFour, std::nullopt});
  tables.context.guest_root = 0x7000;
  tables.memory.write(Hpa{0x7ff8}, 8, 0x7007);  // the last entry points to its own table
  Access access;
  access.address = Gva{0xffff'ffff'ffff'f123};
  access.type = kWrite;
  WordOracleMemory memory(tables.memory);
  const OracleResult result = oracle_translate(tables.context, access, memory);
  ASSERT_TRUE(result.is_translation);
  EXPECT_EQ(result.translation.hpa, Hpa{0x7123});
  EXPECT_EQ(result.num_restarts, 1U);
  EXPECT_EQ(result.references.size(), 8U);
  ASSERT_EQ(result.writes.size(), 2U);
  EXPECT_EQ(result.writes[0].value, 0x7027U);
  EXPECT_EQ(result.writes[1].value, 0x7067U);
}

}  // namespace
}  // namespace nestwalk
