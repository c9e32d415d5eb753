// The second witness against expectations worked out by hand: reference counts, their order, and
// the fields of a translation.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/unit/oracle_expectations.h"

namespace nestwalk {
namespace {

struct CountRow {
  unsigned guest_level;
  unsigned table_level;
  unsigned data_level;
  std::size_t references;
};

TEST(OracleCounts, FourLevelsOverFourLevelsWithAllPageSizes) {
  const CountRow rows[] = {
      {1, 1, 1, 24}, {1, 2, 2, 19}, {1, 3, 3, 14}, {2, 1, 1, 19}, {2, 2, 2, 15}, {2, 3, 3, 11},
      {3, 1, 1, 14}, {3, 2, 2, 11}, {3, 3, 3, 8},  {1, 1, 2, 23}, {1, 2, 1, 20}, {2, 1, 2, 18},
  };
  for (const FormatId host : {kEpt4, kFour}) {
    for (const CountRow& row : rows) {
      HandTables tables = mapped({kFour, host}, row.guest_level, row.table_level, row.data_level);
      const OracleResult result = walk_at(tables, kGva, kRead);
      EXPECT_TRUE(result.is_translation);
      EXPECT_EQ(result.references.size(), row.references)
          << row.guest_level << "/" << row.table_level << "/" << row.data_level;
    }
  }
}

TEST(OracleCounts, EveryPairOfFormats) {
  struct Row {
    std::optional<FormatId> guest;
    std::optional<FormatId> host;
    std::size_t references;
  };
  const Row rows[] = {
      {kTwo, kTwo, 8},          {kPae, kPae, 15},         {kFour, kFour, 24},
      {kFive, kFive, 35},       {kFive, kEpt5, 35},       {kTwo, kEpt4, 14},
      {kFour, kEpt5, 29},       {kFive, kEpt4, 29},       {kTwo, kFour, 14},
      {kPae, kEpt4, 14},        {kPae, kEpt5, 17},        {kPae, kFour, 19},
      {kTwo, std::nullopt, 2},  {kPae, std::nullopt, 2},  {kFour, std::nullopt, 4},
      {kFive, std::nullopt, 5}, {std::nullopt, kEpt4, 4}, {std::nullopt, kEpt5, 5},
      {std::nullopt, kTwo, 2},  {std::nullopt, kPae, 3},  {std::nullopt, std::nullopt, 0},
  };
  for (const Row& row : rows) {
    HandTables tables = mapped({row.guest, row.host});
    const OracleResult result = walk_at(tables, kGva, kRead);
    EXPECT_TRUE(result.is_translation);
    EXPECT_EQ(result.references.size(), row.references) << (&row - rows);
    const std::uint64_t gpa = row.guest ? kGpa.value() + 0xc8d : kGva.value();
    EXPECT_EQ(result.translation.gpa, Gpa(gpa));
    EXPECT_EQ(result.translation.hpa, Hpa(gpa + (row.host ? 0x4000'0000 : 0)));
  }
}

TEST(OracleCounts, PositionsAndSizesInOrder) {
  HandTables tables = mapped({kTwo, kEpt4});
  const OracleResult result = walk_at(tables, kGva, kRead);
  ASSERT_EQ(result.references.size(), 14U);
  std::size_t next = 0;
  for (const std::uint8_t g : {std::uint8_t{2}, std::uint8_t{1}, std::uint8_t{0}}) {
    for (std::uint8_t h = 4; h >= 1; --h) {
      EXPECT_EQ(result.references[next].position, (Position{g, h}));
      EXPECT_EQ(result.references[next].stage, Stage::kHost);
      EXPECT_EQ(result.references[next++].size, 8);
    }
    if (g > 0) {
      EXPECT_EQ(result.references[next].position, (Position{g, 0}));
      EXPECT_EQ(result.references[next].stage, Stage::kGuest);
      EXPECT_EQ(result.references[next].hpa, tables.guest_entry(kGva, g));
      EXPECT_EQ(result.references[next++].size, 4);
    }
  }
}

TEST(OracleTranslation, EffectiveSizeIsTheSmallerPage) {
  for (unsigned guest = 1; guest <= 3; ++guest) {
    for (unsigned host = 1; host <= 3; ++host) {
      HandTables tables = mapped({kFour, kEpt4}, guest, 1, host);
      EXPECT_EQ(walk_at(tables, kGva, kRead).translation.page_bits(),
                12 + 9 * (std::min(guest, host) - 1));
    }
  }
}

TEST(OracleTranslation, RootBitsThatAreNoAddressAreIgnored) {
  struct Row {
    StagePair stages;
    std::uint64_t guest_flags;
    std::uint64_t host_flags;
  };
  constexpr std::uint64_t kHigh = 0xfff0'0000'0000'0000;
  const Row rows[] = {
      {{kFour, kEpt4}, kHigh | 0xfff, kHigh | 0xfff},
      {{kFive, kFive}, kHigh | 0xfff, kHigh | 0xfff},
      {{kTwo, kTwo}, 0xffff'ffff'0000'0fff, 0xffff'ffff'0000'0fff},
      {{kPae, kPae}, 0xffff'ffff'0000'001f, 0xffff'ffff'0000'001f},
  };
  for (const Row& row : rows) {
    HandTables tables = mapped(row.stages);
    tables.context.guest_root |= row.guest_flags;
    tables.context.host_root |= row.host_flags;
    EXPECT_EQ(walk_at(tables, kGva, kRead).translation.hpa, Hpa(kGpa.value() + 0x4000'0c8d));
  }
}

TEST(OracleTranslation, PaeTablesNeedOnly32ByteAlignment) {
  HandTables tables = mapped({kPae, std::nullopt});
  const std::uint64_t pdpt = 0x9'0fe0;
  tables.context.guest_root = pdpt;
  tables.memory.write(Hpa(pdpt + 8), 8, tables.context.pdptes.entry[1]);
  WordOracleMemory memory(tables.memory);
  EXPECT_EQ(oracle_load_pdptes(tables.context, kGva, memory).pdptes.entry,
            tables.context.pdptes.entry);
}

TEST(OracleTranslation, DirtyMeansThatNoDirtyBitStandsInTheWay) {
  for (const bool accessed_dirty : {false, true}) {
    HandTables tables = mapped({kFour, kEpt4});
    tables.context.control.accessed_dirty = accessed_dirty;
    EXPECT_FALSE(walk_at(tables, kGva, kRead).translation.dirty);
    tables.or_bits(tables.guest_entry(kGva, 1), 0x40);
    EXPECT_EQ(walk_at(tables, kGva, kRead).translation.dirty, !accessed_dirty);
    EXPECT_TRUE(walk_at(tables, kGva, kWrite).translation.dirty);
  }
}

TEST(OracleTranslation, GlobalAndKeyComeFromTheLeaf) {
  HandTables tables = mapped({kFour, std::nullopt});
  tables.or_bits(tables.guest_entry(kGva, 2), std::uint64_t{6} << 59);
  EXPECT_FALSE(walk_at(tables, kGva, kRead).translation.global);
  tables.or_bits(tables.guest_entry(kGva, 1), (std::uint64_t{9} << 59) | 0x100);
  EXPECT_TRUE(walk_at(tables, kGva, kRead).translation.global);
  EXPECT_EQ(walk_at(tables, kGva, kRead).translation.protection_key, 9);
}

TEST(OracleTranslation, RefusedReadsAndUpdatesAreMemoryErrorsWhereTheyStand) {
  HandTables tables = mapped({kFour, kEpt4});
  tables.memory.refuse_writes(tables.guest_entry(kGva, 2));
  expect_fault(walk_at(tables, kGva, kRead), FaultKind::kMemoryError, 0, {2, 0});
  tables.memory.refuse_page(tables.guest_entry(kGva, 2));
  const OracleResult result = walk_at(tables, kGva, kRead);
  expect_fault(result, FaultKind::kMemoryError, 0, {2, 0});
  EXPECT_EQ(result.references.size(), 14U);  // the refused read has no value to report
}

}  // namespace
}  // namespace nestwalk
