// Shared by the tests of the second witness: one address, one page, and what is expected of a walk.
// Only for tests/unit/oracle_*_test.cpp and tests/cosim/rtl_catalogue_*_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/hand_tables.h"
#include "tests/support/oracle.h"

namespace nestwalk {

inline constexpr Gva kGva{0x5a6b'7c8d};
inline constexpr Gpa kGpa{0x8000'0000};

inline constexpr auto kTwo = FormatId::kX86TwoLevel;
inline constexpr auto kPae = FormatId::kX86Pae;
inline constexpr auto kFour = FormatId::kX86FourLevel;
inline constexpr auto kFive = FormatId::kX86FiveLevel;
inline constexpr auto kEpt4 = FormatId::kEptFourLevel;
inline constexpr auto kEpt5 = FormatId::kEptFiveLevel;

inline constexpr auto kRead = AccessType::kRead;
inline constexpr auto kWrite = AccessType::kWrite;
inline constexpr auto kFetch = AccessType::kFetch;
inline constexpr auto kUser = Privilege::kUser;
inline constexpr auto kSupervisor = Privilege::kSupervisor;

inline constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kNone = ~std::uint64_t{0};  // no fault is expected

inline OracleResult walk_at(HandTables& tables, Gva gva, AccessType type,
                            Privilege privilege = kUser) {
  WordOracleMemory memory(tables.memory);
  return oracle_translate(tables.context, {gva, type, privilege, false}, memory);
}

inline HandTables native(FormatId format, unsigned leaf_level, std::uint64_t leaf_bits) {
  HandTables tables({format, std::nullopt});
  tables.map_guest(kGva, kGpa, leaf_level, leaf_bits);
  return tables;
}

inline HandTables nested(FormatId guest, FormatId host, unsigned data_level = 1) {
  HandTables tables({guest, host});
  tables.map_guest(kGva, kGpa, 1);
  tables.map_host(kGpa, data_level);
  return tables;
}

inline void expect_fault(const OracleResult& result, FaultKind kind, std::uint64_t code,
                         Position position) {
  EXPECT_FALSE(result.is_translation);
  EXPECT_EQ(result.fault.kind, kind);
  EXPECT_EQ(result.fault.code, code);
  EXPECT_EQ(result.fault.position, position);
}

inline Control with(void (*change)(Control&)) {
  Control control;
  change(control);
  return control;
}

// The page of kGva at `guest_level`, its tables and its data on host pages of the levels given.
// The levels are in the order of a walk.
// NOLINTNEXTLINE(bugprone-easily-swappable-parameters)
inline HandTables mapped(const StagePair& stages, unsigned guest_level = 1,
                         unsigned table_level = 1, unsigned data_level = 1) {
  HandTables tables(stages);
  tables.table_page_level = table_level;
  if (stages.guest) {
    tables.map_guest(kGva, kGpa, guest_level);
  }
  if (stages.host) {
    const unsigned guest_bits = guest_level == 1 ? 12 : guest_level == 2 ? 21 : 30;
    const Gpa data = stages.guest ? kGpa + kGva.offset(guest_bits) : Gpa(kGva.value());
    tables.map_host(data, data_level);
  }
  return tables;
}

}  // namespace nestwalk
