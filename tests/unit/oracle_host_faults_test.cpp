// The second witness against EPT violations, nested page faults and loads of PDPTEs worked out by
// hand.
#include <gtest/gtest.h>

#include "tests/unit/oracle_expectations.h"

namespace nestwalk {
namespace {

// ---- EPT rights of the data page

struct EptRow {
  std::uint64_t entry;  // R W X are bits 0 1 2, XU is bit 10; memory type 5:3
  AccessType type;
  std::uint64_t code;
  FaultKind kind = FaultKind::kEptViolation;
};

void expect_ept(const EptRow& row, const Control& control, std::uint64_t guest_leaf) {
  HandTables tables = nested(kFour, kEpt4);
  tables.context.control = control;
  tables.map_guest(kGva, kGpa, 1, guest_leaf);
  tables.map_host(kGpa, 1, row.entry);
  for (unsigned level = 2; level <= 4; ++level) {
    tables.or_bits(tables.host_entry(kGpa, level), 0x400);  // XU; ignored where it has no meaning
  }
  const OracleResult result = walk_at(tables, kGva, row.type, kSupervisor);
  SCOPED_TRACE(row.entry);
  EXPECT_EQ(result.is_translation, row.code == kNone);
  if (row.code != kNone) {
    expect_fault(result, row.kind, row.code, {0, 1});
    EXPECT_EQ(result.fault.gpa, kGpa + 0xc8d);
  }
}

TEST(OracleEpt, RightsAndQualificationOfTheDataPage) {
  constexpr auto kBad = FaultKind::kEptMisconfiguration;
  const EptRow rows[] = {
      {0x30, kRead, 0x181},   {0x30, kWrite, 0x182},   {0x30, kFetch, 0x184},
      {0x31, kRead, kNone},   {0x31, kWrite, 0x18a},   {0x31, kFetch, 0x18c},
      {0x33, kWrite, kNone},  {0x33, kFetch, 0x19c},   {0x35, kWrite, 0x1aa},
      {0x35, kFetch, kNone},  {0x34, kRead, 0x1a1},    {0x34, kWrite, 0x1a2},
      {0x34, kFetch, kNone},  {0x32, kWrite, 0, kBad}, {0x36, kRead, 0, kBad},
      {0x430, kFetch, 0x184}, {0x17, kRead, 0, kBad},  {0x1f, kRead, 0, kBad},
      {0x3f, kRead, 0, kBad}, {0x07, kRead, kNone},    {0x0f, kRead, kNone},
      {0x27, kRead, kNone},   {0x2f, kRead, kNone},
  };
  for (const EptRow& row : rows) {
    expect_ept(row, Control{}, 0x7);
  }
  const Control no_execute_only = with([](Control& c) { c.execute_only = false; });
  expect_ept({0x34, kFetch, 0, kBad}, no_execute_only, 0x7);
  expect_ept({0x430, kFetch, 0x184}, no_execute_only, 0x7);
}

TEST(OracleEpt, ModeBasedExecuteGoesByTheGuestPath) {
  const Control control = with([](Control& c) { c.mode_based_execute = true; });
  const Control strict =
      with([](Control& c) { c.mode_based_execute = true, c.execute_only = false; });
  constexpr std::uint64_t kUserPage = 0x7;
  constexpr std::uint64_t kSupervisorPage = 0x3;
  expect_ept({0x435, kFetch, kNone}, control, kUserPage);
  expect_ept({0x431, kFetch, kNone}, control, kUserPage);
  expect_ept({0x431, kFetch, 0x1cc}, control, kSupervisorPage);  // X of bit 2 clear, XU set
  expect_ept({0x035, kFetch, 0x1ac}, control, kUserPage);        // X set, XU clear
  expect_ept({0x035, kFetch, kNone}, control, kSupervisorPage);
  expect_ept({0x430, kFetch, kNone}, control, kUserPage);  // present by bit 10 alone
  expect_ept({0x430, kRead, 0x1c1}, control, kUserPage);
  expect_ept({0x430, kFetch, 0, FaultKind::kEptMisconfiguration}, strict, kUserPage);
}

TEST(OracleEpt, QualificationIsTheAndOverAllLevels) {
  HandTables tables = nested(kFour, kEpt4);
  tables.clear_bits(tables.host_entry(kGpa, 3), 0x2);
  expect_fault(walk_at(tables, kGva, kWrite), FaultKind::kEptViolation, 0x1aa, {0, 1});
  // A lower misconfiguration, or a lower entry not present, wins over the missing right.
  tables.or_bits(tables.host_entry(kGpa, 2), 0x8);
  expect_fault(walk_at(tables, kGva, kWrite), FaultKind::kEptMisconfiguration, 0, {0, 2});
  tables.memory.write(tables.host_entry(kGpa, 2), 8, 0);
  expect_fault(walk_at(tables, kGva, kWrite), FaultKind::kEptViolation, 0x182, {0, 2});
}

TEST(OracleEpt, AddressBeyondTheWidthReadsNoEntry) {
  for (const bool is_five : {false, true}) {
    HandTables tables({std::nullopt, is_five ? kEpt5 : kEpt4});
    const Gva address(std::uint64_t{1} << (is_five ? 57 : 48));
    const OracleResult result = walk_at(tables, address, kWrite);
    const std::uint8_t root = is_five ? 5 : 4;
    expect_fault(result, FaultKind::kEptViolation, 0x182, {0, root});
    EXPECT_TRUE(result.references.empty());
    EXPECT_EQ(result.fault.gpa, Gpa(address.value()));
  }
}

// ---- nested page faults

constexpr std::uint64_t kFinal = std::uint64_t{1} << 32;
constexpr std::uint64_t kTable = std::uint64_t{1} << 33;

struct NptRow {
  std::uint64_t leaf;
  AccessType type;
  std::uint64_t code;
};

TEST(OracleNpt, RightsOfTheDataPage) {
  const NptRow rows[] = {
      {0x6, kRead, kFinal | 0x4},
      {0x6, kWrite, kFinal | 0x6},
      {0x6, kFetch, kFinal | 0x14},
      {0x5, kRead, kNone},
      {0x5, kWrite, kFinal | 0x7},
      {0x3, kRead, kFinal | 0x5},
      {0x3, kFetch, kFinal | 0x15},
      {0x7 | kNoExecute, kFetch, kFinal | 0x15},
      {0x7 | kNoExecute, kWrite, kNone},
      {0x7, kFetch, kNone},
      {0x7 | (std::uint64_t{1} << 51), kRead, kFinal | 0xd},
  };
  for (const NptRow& row : rows) {
    SCOPED_TRACE(row.leaf);
    HandTables tables = nested(kTwo, kFour);
    tables.context.control.maxphyaddr = 48;
    tables.context.control.wp = false;  // none of these reaches the host stage
    tables.context.control.nxe = false;
    tables.map_host(kGpa, 1, row.leaf);
    const OracleResult result = walk_at(tables, kGva, row.type, kSupervisor);
    EXPECT_EQ(result.is_translation, row.code == kNone);
    if (row.code != kNone) {
      expect_fault(result, FaultKind::kNestedPageFault, row.code, {0, 1});
    }
  }
}

TEST(OracleNpt, GuestTablesAreUserWrites) {
  for (const std::uint64_t leaf : {0x5U, 0x3U, 0x4U}) {
    HandTables tables = nested(kFour, kFour);
    const Gpa entry = tables.guest_entry_gpa(kGva, 2);
    tables.map_host(entry, 1, leaf);
    const OracleResult result = walk_at(tables, kGva, kFetch);
    const std::uint64_t present = leaf & 1;
    expect_fault(result, FaultKind::kNestedPageFault, kTable | 0x6 | present, {2, 1});
    EXPECT_EQ(result.fault.gpa, entry);
  }
}

TEST(OracleNpt, TwoLevelHostHasNoFetchBitAndThirtyTwoBits) {
  HandTables tables = nested(kFour, kTwo);
  tables.map_host(kGpa, 1, 0x6);
  expect_fault(walk_at(tables, kGva, kFetch), FaultKind::kNestedPageFault, kFinal | 0x4, {0, 1});
  HandTables beyond = nested(kFour, kTwo);
  beyond.or_bits(beyond.guest_entry(kGva, 1), std::uint64_t{1} << 32);
  expect_fault(walk_at(beyond, kGva, kWrite), FaultKind::kNestedPageFault, kFinal | 0x6, {0, 2});
}

TEST(OracleNpt, PdptesAreReadOnUse) {
  HandTables tables = nested(kPae, kFour);
  tables.or_bits(tables.guest_entry(kGva, 3), 0x20);
  expect_fault(walk_at(tables, kGva, kRead), FaultKind::kGuestPageFault, 0xd, {3, 0});
  tables.memory.write(tables.guest_entry(kGva, 3), 8, 0);
  expect_fault(walk_at(tables, kGva, kRead), FaultKind::kGuestPageFault, 0x4, {3, 0});
}

// ---- PDPTE registers

TEST(OraclePdptes, NotPresentIsAPageFaultWithoutARead) {
  HandTables tables = nested(kPae, kEpt4);
  tables.context.pdptes.entry.fill(0x1e6);  // reserved bits do not matter here
  const OracleResult result = walk_at(tables, kGva, kWrite);
  expect_fault(result, FaultKind::kGuestPageFault, 0x6, {3, 0});
  EXPECT_TRUE(result.references.empty());
}

TEST(OraclePdptes, LoadIsAReadEvenWithAccessedDirty) {
  HandTables tables = nested(kPae, kEpt4);
  tables.context.control.accessed_dirty = true;
  const Gpa pdpt = tables.guest_entry_gpa(Gva{0}, 3);
  tables.map_host(pdpt, 1, 0x31);
  WordOracleMemory memory(tables.memory);
  const OracleLoad load = oracle_load_pdptes(tables.context, kGva, memory);
  ASSERT_TRUE(load.is_loaded);
  EXPECT_EQ(load.pdptes.entry, tables.context.pdptes.entry);
  EXPECT_EQ(tables.memory.read(tables.host_entry(pdpt, 1), 8).value_or(0) & 0x300, 0x100U);
  tables.map_host(pdpt, 1, 0x34);
  const OracleLoad denied = oracle_load_pdptes(tables.context, kGva, memory);
  EXPECT_FALSE(denied.is_loaded);
  EXPECT_EQ(denied.fault.code, 0x21U);
  EXPECT_EQ(denied.fault.position, (Position{3, 1}));
  EXPECT_EQ(denied.fault.gpa, pdpt);
}

TEST(OraclePdptes, ReservedBitsArePresentEntriesOnly) {
  for (unsigned width = 36; width <= 52; ++width) {
    for (unsigned position = 1; position < 64; ++position) {
      const bool is_reserved =
          position <= 2 || (position >= 5 && position <= 8) || position >= width;
      for (const bool is_present : {false, true}) {
        HandTables tables = native(kPae, 1, 0x7);
        tables.context.control.guest_maxphyaddr = static_cast<std::uint8_t>(width);
        const Hpa entry = tables.guest_entry(kGva, 3) + 8;  // not the one in use
        tables.memory.write(entry, 8, (std::uint64_t{1} << position) | (is_present ? 1 : 0));
        WordOracleMemory memory(tables.memory);
        const OracleLoad load = oracle_load_pdptes(tables.context, kGva, memory);
        EXPECT_EQ(load.is_loaded, !(is_present && is_reserved)) << width << " " << position;
        if (!load.is_loaded) {
          EXPECT_EQ(load.fault.kind, FaultKind::kPdpteReserved);
          EXPECT_EQ(load.fault.position, (Position{3, 0}));
          EXPECT_EQ(load.fault.gpa, Gpa(entry.value()));
        }
      }
    }
  }
}

}  // namespace
}  // namespace nestwalk
