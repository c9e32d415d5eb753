// The second witness against guest page faults worked out by hand, and against the reserved bits of
// every level and width in all formats.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/oracle_expectations.h"

namespace nestwalk {
namespace {

// ---- guest page faults

struct RightsRow {
  const char* name;
  std::uint64_t leaf;  // P W U are bits 0 1 2; the key is bits 62:59
  Control control;
  AccessType type;
  Privilege privilege;
  std::uint64_t code;  // kNone: allowed
  bool implicit = false;
};

TEST(OracleGuestFaults, ErrorCodeByRightsAndControl) {
  constexpr std::uint64_t kKey3 = std::uint64_t{3} << 59;
  const Control plain;
  const Control no_wp = with([](Control& c) { c.wp = false; });
  const Control no_nxe = with([](Control& c) { c.nxe = false; });
  const Control smep = with([](Control& c) { c.smep = true; });
  const Control smep_no_nxe = with([](Control& c) { c.smep = true, c.nxe = false; });
  const Control smap = with([](Control& c) { c.smap = true; });
  const Control smap_ac = with([](Control& c) { c.smap = true, c.ac = true; });
  const Control disabled = with([](Control& c) { c.pke = true, c.pkru = 1U << 6; });
  const Control no_write = with([](Control& c) { c.pke = true, c.pkru = 2U << 6; });
  const Control no_write_wp =
      with([](Control& c) { c.pke = true, c.pkru = 2U << 6, c.wp = false; });
  const Control key_off = with([](Control& c) { c.pkru = 3U << 6; });
  const RightsRow rows[] = {
      {"not present read", 0x6, plain, kRead, kUser, 0x4},
      {"not present supervisor write", 0x6, plain, kWrite, kSupervisor, 0x2},
      {"not present fetch", 0x6, plain, kFetch, kUser, 0x14},
      {"not present fetch, NX and SMEP off", 0x6, no_nxe, kFetch, kUser, 0x4},
      {"user write to read-only", 0x5, plain, kWrite, kUser, 0x7},
      {"supervisor write to read-only", 0x5, plain, kWrite, kSupervisor, 0x3},
      {"supervisor write, WP off", 0x5, no_wp, kWrite, kSupervisor, kNone},
      {"user write, WP off", 0x5, no_wp, kWrite, kUser, 0x7},
      {"user read of supervisor page", 0x3, plain, kRead, kUser, 0x5},
      {"implicit read of supervisor page", 0x3, plain, kRead, kUser, kNone, true},
      {"fetch of NX", 0x7 | kNoExecute, plain, kFetch, kUser, 0x15},
      {"read of NX", 0x7 | kNoExecute, plain, kRead, kUser, kNone},
      {"NX without NXE is reserved", 0x7 | kNoExecute, no_nxe, kRead, kUser, 0xd},
      {"SMEP", 0x7, smep, kFetch, kSupervisor, 0x11},
      {"SMEP, user", 0x7, smep, kFetch, kUser, kNone},
      {"SMEP, supervisor page", 0x3, smep, kFetch, kSupervisor, kNone},
      {"SMEP shows the fetch without NXE", 0x7, smep_no_nxe, kFetch, kSupervisor, 0x11},
      {"SMAP", 0x7, smap, kRead, kSupervisor, 0x1},
      {"SMAP write", 0x7, smap, kWrite, kSupervisor, 0x3},
      {"SMAP is not for fetches", 0x7, smap, kFetch, kSupervisor, kNone},
      {"SMAP with AC", 0x7, smap_ac, kRead, kSupervisor, kNone},
      {"SMAP with AC, implicit", 0x7, smap_ac, kRead, kUser, 0x1, true},
      {"key disabled", 0x7 | kKey3, disabled, kRead, kUser, 0x25},
      {"key disabled, supervisor", 0x7 | kKey3, disabled, kRead, kSupervisor, 0x21},
      {"key disabled, fetch", 0x7 | kKey3, disabled, kFetch, kUser, kNone},
      {"key disabled, supervisor page", 0x3 | kKey3, disabled, kRead, kSupervisor, kNone},
      {"key disabled, other key", 0x7, disabled, kRead, kUser, kNone},
      {"key disabled and read-only", 0x5 | kKey3, disabled, kWrite, kUser, 0x27},
      {"key disabled, supervisor page for a user", 0x3 | kKey3, disabled, kRead, kUser, 0x5},
      {"write disabled, read", 0x7 | kKey3, no_write, kRead, kUser, kNone},
      {"write disabled", 0x7 | kKey3, no_write, kWrite, kUser, 0x27},
      {"write disabled, supervisor", 0x7 | kKey3, no_write, kWrite, kSupervisor, 0x23},
      {"write disabled, WP off", 0x7 | kKey3, no_write_wp, kWrite, kSupervisor, kNone},
      {"write disabled, WP off, user", 0x7 | kKey3, no_write_wp, kWrite, kUser, 0x27},
      {"keys off", 0x7 | kKey3, key_off, kWrite, kUser, kNone},
  };
  for (const RightsRow& row : rows) {
    SCOPED_TRACE(row.name);
    for (const FormatId format : {kFour, kFive}) {
      HandTables tables = native(format, 1, row.leaf);
      tables.context.control = row.control;
      WordOracleMemory memory(tables.memory);
      const OracleResult result =
          oracle_translate(tables.context, {kGva, row.type, row.privilege, row.implicit}, memory);
      EXPECT_EQ(result.is_translation, row.code == kNone);
      if (row.code != kNone) {
        expect_fault(result, FaultKind::kGuestPageFault, row.code, {1, 0});
      }
    }
  }
}

TEST(OracleGuestFaults, TwoLevelFetchShowsOnlyUnderSmep) {
  HandTables tables = native(kTwo, 1, 0x3);
  expect_fault(walk_at(tables, kGva, kFetch), FaultKind::kGuestPageFault, 0x5, {1, 0});
  tables.context.control.smep = true;
  expect_fault(walk_at(tables, kGva, kFetch), FaultKind::kGuestPageFault, 0x15, {1, 0});
}

TEST(OracleGuestFaults, RightsOfAnUpperLevelAreReportedAtTheLeaf) {
  for (unsigned level = 2; level <= 4; ++level) {
    HandTables tables = native(kFour, 1, 0x7);
    tables.clear_bits(tables.guest_entry(kGva, level), 0x2);
    expect_fault(walk_at(tables, kGva, kWrite), FaultKind::kGuestPageFault, 0x7, {1, 0});
  }
}

TEST(OracleGuestFaults, NonCanonicalReadsNothing) {
  const std::uint64_t first_bad[] = {std::uint64_t{1} << 47, std::uint64_t{1} << 56};
  for (const bool is_five : {false, true}) {
    HandTables tables = native(is_five ? kFive : kFour, 1, 0x7);
    for (const std::uint64_t address : {first_bad[is_five], ~first_bad[is_five]}) {
      const OracleResult result = walk_at(tables, Gva(address), kRead);
      expect_fault(result, FaultKind::kNonCanonical, 0, {0, 0});
      EXPECT_TRUE(result.references.empty());
    }
    for (const std::uint64_t address : {first_bad[is_five] - 1, ~(first_bad[is_five] - 1)}) {
      EXPECT_EQ(walk_at(tables, Gva(address), kRead).fault.kind, FaultKind::kGuestPageFault);
    }
  }
}

// ---- reserved bits, each bit of each level and every width

// The bits that a guest's page fault shows as reserved in this entry.
std::uint64_t reserved_bits(HandTables tables, unsigned level, unsigned num_bits) {
  std::uint64_t reserved = 0;
  const unsigned bytes = num_bits / 8;
  const Hpa entry = tables.guest_entry(kGva, level);
  const std::uint64_t before = tables.memory.read(entry, bytes).value_or(0);
  for (unsigned position = 1; position < num_bits; ++position) {
    const std::uint64_t bit = std::uint64_t{1} << position;
    tables.memory.write(entry, bytes, before | bit);
    const OracleResult result = walk_at(tables, kGva, kRead, kSupervisor);
    if (!result.is_translation && result.fault.code == 0x9 &&
        result.fault.position == Position{static_cast<std::uint8_t>(level), 0}) {
      reserved |= bit;
    }
  }
  return reserved;
}

// Address bits from `width` to `high`.
std::uint64_t above(unsigned width, unsigned high) {
  return width > high ? 0 : (~std::uint64_t{0} << width) & ((std::uint64_t{2} << high) - 1);
}

TEST(OracleReserved, LongModeEveryLevelAndWidth) {
  for (unsigned width = 36; width <= 52; ++width) {
    const auto reserved = [&](unsigned leaf, unsigned level) {
      HandTables tables = native(kFive, leaf, 0x7);
      tables.context.control.guest_maxphyaddr = static_cast<std::uint8_t>(width);
      return reserved_bits(tables, level, 64);
    };
    EXPECT_EQ(reserved(1, 1), above(width, 51));
    EXPECT_EQ(reserved(1, 4), above(width, 51) | 0x80);
    EXPECT_EQ(reserved(1, 5), above(width, 51) | 0x80);
    EXPECT_EQ(reserved(2, 2), above(width, 51) | 0x1fe000);    // 20:13
    EXPECT_EQ(reserved(3, 3), above(width, 51) | 0x3fffe000);  // 29:13
  }
}

TEST(OracleReserved, PaeEveryLevelAndWidth) {
  for (unsigned width = 36; width <= 52; ++width) {
    const auto reserved = [&](unsigned leaf, unsigned level) {
      HandTables tables = native(kPae, leaf, 0x7);
      tables.context.control.guest_maxphyaddr = static_cast<std::uint8_t>(width);
      return reserved_bits(tables, level, 64);
    };
    EXPECT_EQ(reserved(1, 1), above(width, 62));
    EXPECT_EQ(reserved(2, 2), above(width, 62) | 0x1fe000);
  }
}

TEST(OracleReserved, FourMegabytePagesEveryWidth) {
  for (unsigned width = 36; width <= 52; ++width) {
    HandTables tables = native(kTwo, 2, 0x7);
    tables.context.control.guest_maxphyaddr = static_cast<std::uint8_t>(width);
    // Bits 13 to 20 stand for address bits 32 to 39; bit 21 for none.
    const std::uint64_t high = above(std::min(width, 40U) - 19, 20);
    EXPECT_EQ(reserved_bits(tables, 2, 32), high | 0x200000) << width;
  }
}

TEST(OracleReserved, FourMegabytePageReachesFortyBits) {
  HandTables tables = native(kTwo, 2, 0x7 | 0x1fe000);
  const OracleResult result = walk_at(tables, kGva, kRead);
  EXPECT_EQ(result.translation.gpa, Gpa(0xff'8000'0000 | (kGva.value() & 0x3fffff)));
  EXPECT_EQ(result.translation.guest_page_bits, 22);
}

TEST(OracleReserved, GigabytePageWithoutTheFeature) {
  HandTables tables = native(kFour, 3, 0x7);
  tables.context.control.page_1g = false;
  expect_fault(walk_at(tables, kGva, kRead), FaultKind::kGuestPageFault, 0xd, {3, 0});
  HandTables over = nested(kFour, kEpt4, 3);
  over.context.control.page_1g = false;
  expect_fault(walk_at(over, kGva, kRead), FaultKind::kEptMisconfiguration, 0, {0, 3});
}

TEST(OracleReserved, EptEveryLevelAndWidth) {
  for (unsigned width = 36; width <= 52; ++width) {
    const auto misconfigured = [&](unsigned leaf, unsigned level) {
      HandTables tables = nested(kFour, kEpt5, leaf);
      tables.context.control.maxphyaddr = static_cast<std::uint8_t>(width);
      const Hpa entry = tables.host_entry(kGpa, level);
      const std::uint64_t before = tables.memory.read(entry, 8).value_or(0);
      std::uint64_t bits = 0;
      for (unsigned position = 7; position < 64; ++position) {
        const std::uint64_t bit = std::uint64_t{1} << position;
        tables.memory.write(entry, 8, before | bit);
        const OracleResult result = walk_at(tables, kGva, kRead);
        const Position place{0, static_cast<std::uint8_t>(level)};
        if (result.fault.kind == FaultKind::kEptMisconfiguration &&
            result.fault.position == place) {
          bits |= bit;
        }
      }
      return bits;
    };
    EXPECT_EQ(misconfigured(1, 1), above(width, 51));
    EXPECT_EQ(misconfigured(2, 2), above(width, 51) | 0x1ff000);    // 20:12
    EXPECT_EQ(misconfigured(3, 3), above(width, 51) | 0x3ffff000);  // 29:12
  }
}

TEST(OracleReserved, EptTablesKeepTheirLowBitsZero) {
  for (unsigned level = 2; level <= 5; ++level) {
    for (unsigned position = 3; position <= (level >= 4 ? 7U : 6U); ++position) {
      HandTables tables = nested(kFour, kEpt5);
      tables.or_bits(tables.host_entry(kGpa, level), std::uint64_t{1} << position);
      // Data and guest tables part at level 3: above it the first host walk meets the entry.
      const std::uint8_t g = level >= 4 ? 4 : 0;
      expect_fault(walk_at(tables, kGva, kRead), FaultKind::kEptMisconfiguration, 0,
                   {g, static_cast<std::uint8_t>(level)});
    }
  }
}

}  // namespace
}  // namespace nestwalk
