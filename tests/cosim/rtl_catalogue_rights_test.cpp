// Catalogue rows RSV and PRM on the RTL walker: reserved bits, misconfigurations, permissions. Not
// here: RSV-01, RSV-09 (RISC-V) and RSV-10 (the load of PDPTEs is software's to check).
#include <algorithm>

#include "tests/cosim/rtl_catalogue_support.h"

namespace nestwalk {
namespace {

using RtlCatalogueRights = RtlCatalogue;
INSTANTIATE_TEST_SUITE_P(Sets, RtlCatalogueRights, kCatalogueSets, name_of_set);

constexpr std::uint64_t bit_of(unsigned index) {
  return std::uint64_t{1} << index;
}

TEST_P(RtlCatalogueRights, Rsv02IgnoredBitsAreIgnored) {
  for (unsigned level = 1; level <= 4; ++level) {
    for (unsigned index = 9; index < 63; ++index) {
      index = index == 12 ? 52 : index;
      HandTables tables = nested(kFour, kEpt4);
      tables.or_bits(tables.guest_entry(kGva, level), bit_of(index));
      EXPECT_TRUE(translate(tables).is_translation) << "guest level " << level << " bit " << index;
    }
    // Of EPT: A and D where they are off, 11:10, 63:52; 6:3 of no table, but 7 is the page size.
    for (const unsigned index : {8U, 9U, 10U, 11U, 52U, 56U, 57U, 58U, 60U, 61U, 62U, 63U}) {
      HandTables tables = nested(kFour, kEpt4);
      tables.or_bits(tables.host_entry(kGpa, level), bit_of(index));
      EXPECT_TRUE(translate(tables).is_translation) << "host level " << level << " bit " << index;
    }
  }
}

TEST_P(RtlCatalogueRights, Rsv04AddressBitsOfA4MPageGoByThePhysicalWidth) {
  for (const unsigned width : {36U, 40U, 46U, 52U}) {
    for (unsigned index = 13; index <= 21; ++index) {
      HandTables tables = native(kTwo, 2, HandTables::kX86Leaf);
      tables.context.control.maxphyaddr = static_cast<std::uint8_t>(width);
      tables.context.control.guest_maxphyaddr = static_cast<std::uint8_t>(width);
      const Hpa entry = tables.guest_entry(kGva, 2);
      tables.memory.write(entry, 4, tables.memory.read(entry, 4).value() | bit_of(index));
      const WalkerResponse response = translate(tables);
      // Bits 20:13 are the address bits 39:32 (SDM vol. 3, "32-bit paging").
      const unsigned address_bit = 32 + index - 13;
      if (index == 21 || address_bit >= width) {
        expect_fault(response, FaultKind::kGuestPageFault, 0xd, {2, 0});
      } else {
        EXPECT_TRUE(response.is_translation) << width << " bit " << index;
        EXPECT_EQ(response.translation.hpa.value() >> 32, bit_of(address_bit - 32));
      }
    }
  }
}

TEST_P(RtlCatalogueRights, Rsv05TheGuestsWidthDecidesInTheGuest) {
  for (unsigned level = 1; level <= 4; ++level) {
    for (const unsigned index : {36U, 43U, 51U}) {
      HandTables tables = nested(kFour, kEpt4);
      tables.context.control.guest_maxphyaddr = 36;
      tables.or_bits(tables.guest_entry(kGva, level), bit_of(index));
      expect_fault(translate(tables), FaultKind::kGuestPageFault, 0xd,
                   {static_cast<std::uint8_t>(level), 0});
    }
  }
}

TEST_P(RtlCatalogueRights, Rsv06LargePagesMayStandHigh) {
  const Gpa high{0x2000'0000'0000};  // 2^45, a 1G page
  HandTables tables({kFour, kEpt4});
  tables.map_guest(kGva, high, 3);
  tables.map_host(high, 3);
  const WalkerResponse response = translate(tables);
  EXPECT_EQ(response.translation.gpa, high + kGva.offset(30));
  EXPECT_EQ(response.translation.hpa, tables.host_of(high + kGva.offset(30)));
  EXPECT_EQ(response.translation.guest_page_bits, 30);
}

TEST_P(RtlCatalogueRights, Rsv08MisconfigurationsOutrankViolations) {
  const auto spoil = [this](unsigned level, std::uint64_t clear, std::uint64_t set,
                            void (*change)(Control&)) {
    HandTables tables({kFour, kEpt4});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, std::min(level, 3U));
    change(tables.context.control);
    const Hpa entry = tables.host_entry(kGpa, level);
    tables.clear_bits(entry, clear);
    tables.or_bits(entry, set);
    // A write: most of these entries would be violations too. The root's entry is that of the guest
    // tables too.
    expect_fault(translate(tables, kWrite), FaultKind::kEptMisconfiguration, 0,
                 {static_cast<std::uint8_t>(level == 4 ? 4 : 0), static_cast<std::uint8_t>(level)});
  };
  const auto nothing = [](Control&) {};
  const auto no_execute_only = [](Control& c) { c.execute_only = false; };
  const auto narrow = [](Control& c) { c.maxphyaddr = 40; };
  for (unsigned level = 1; level <= 4; ++level) {
    spoil(level, 0x7, 0x2, nothing);          // W without R
    spoil(level, 0x7, 0x6, nothing);          // WX without R
    spoil(level, 0x7, 0x4, no_execute_only);  // X alone, where that does not exist
    spoil(level, 0, bit_of(40), narrow);      // an address beyond the width
    spoil(level, 0, bit_of(51), narrow);
  }
  for (unsigned level = 1; level <= 3; ++level) {  // leaves
    for (const std::uint64_t type : {2U, 3U, 7U}) {
      spoil(level, 0x38, type << 3, nothing);
    }
  }
  spoil(2, 0, bit_of(12), nothing);  // low address bits of a 2M page
  spoil(2, 0, bit_of(20), nothing);
  spoil(3, 0, bit_of(12), nothing);  // of a 1G page
  spoil(3, 0, bit_of(29), nothing);
  for (unsigned level = 2; level <= 4; ++level) {  // bits 6:3 of an entry that names a table
    HandTables tables = nested(kFour, kEpt4);
    tables.or_bits(tables.host_entry(kGpa, level), 0x8);
    EXPECT_EQ(translate(tables).fault.kind, FaultKind::kEptMisconfiguration);
  }
}

TEST_P(RtlCatalogueRights, Rsv12AnEntryThatCannotBeReadHasNoReservedBits) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = nested(kFour, kEpt4);
    tables.context.control.guest_maxphyaddr = 40;
    tables.or_bits(tables.guest_entry(kGva, level), bit_of(45));
    const auto g = static_cast<std::uint8_t>(level);
    expect_fault(translate(tables), FaultKind::kGuestPageFault, 0xd, {g, 0});
    tables.clear_bits(tables.host_entry(tables.guest_entry_gpa(kGva, level), 1), 0x1);
    tables.clear_bits(tables.host_entry(tables.guest_entry_gpa(kGva, level), 1), 0x2);
    EXPECT_EQ(translate(tables).fault.kind, FaultKind::kEptViolation);
  }
}

TEST_P(RtlCatalogueRights, Prm01RightsAreThoseOfTheWholePath) {
  HandTables tables = nested(kFour, kEpt4);
  const Gva other(kGva.value() + bit_of(39));  // another entry of the root, to the same table
  const Hpa root_entry = tables.guest_entry(kGva, 4);
  const std::uint64_t word = tables.memory.read(root_entry, 8).value();
  tables.memory.write(root_entry + 8, 8, word & ~std::uint64_t{0x2});
  EXPECT_TRUE(translate(tables, kWrite).is_translation);
  expect_fault(translate(tables, kWrite, kUser, other), FaultKind::kGuestPageFault, 0x7, {1, 0});
  EXPECT_TRUE(translate(tables, kRead, kUser, other).is_translation);
  EXPECT_TRUE(translate(tables, kWrite).is_translation);
}

TEST_P(RtlCatalogueRights, Prm02AccessesOfTheHostStageAreUserAccesses) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = nested(kFour, kFour);
    tables.clear_bits(tables.host_entry(kGpa, level), 0x4);
    const WalkerResponse response = translate(tables, kRead, kSupervisor);
    EXPECT_EQ(response.fault.kind, FaultKind::kNestedPageFault);
    EXPECT_EQ(response.fault.code & 0x5, 0x5U);  // present, user
  }
}

TEST_P(RtlCatalogueRights, Prm05AFetchNeedsExecuteAndNothingElse) {
  HandTables readable = nested(kFour, kEpt4);
  readable.clear_bits(readable.host_entry(kGpa, 1), 0x4);
  EXPECT_TRUE(translate(readable).is_translation);
  expect_fault(translate(readable, kFetch), FaultKind::kEptViolation, 0x19c, {0, 1});
  HandTables executable = nested(kFour, kEpt4);
  executable.clear_bits(executable.host_entry(kGpa, 1), 0x3);
  EXPECT_TRUE(translate(executable, kFetch).is_translation);
  expect_fault(translate(executable), FaultKind::kEptViolation, 0x1a1, {0, 1});
}

TEST_P(RtlCatalogueRights, Prm10AFetchIsAFetchWhateverItsCodeSays) {
  HandTables tables = nested(kFour, kEpt4);
  tables.context.control.nxe = false;
  tables.context.control.smap = true;
  // SMAP is for data: a supervisor may fetch from a user's page without SMEP, but not read it.
  EXPECT_TRUE(translate(tables, kFetch, kSupervisor).is_translation);
  expect_fault(translate(tables, kRead, kSupervisor), FaultKind::kGuestPageFault, 0x1, {1, 0});
  tables.memory.write(tables.guest_entry(kGva, 1), 8, 0);
  expect_fault(translate(tables, kFetch), FaultKind::kGuestPageFault, 0x4, {1, 0});
  tables.context.control.nxe = true;
  expect_fault(translate(tables, kFetch), FaultKind::kGuestPageFault, 0x14, {1, 0});
  tables.context.control.nxe = false;
  tables.context.control.smep = true;
  expect_fault(translate(tables, kFetch), FaultKind::kGuestPageFault, 0x14, {1, 0});
}

TEST_P(RtlCatalogueRights, Prm17GuestTablesInAnExecuteOnlyPageCannotBeRead) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = nested(kFour, kEpt4);
    tables.clear_bits(tables.host_entry(tables.guest_entry_gpa(kGva, level), 1), 0x3);
    for (const AccessType type : {kRead, kFetch}) {
      expect_fault(translate(tables, type), FaultKind::kEptViolation, 0xa1,
                   {static_cast<std::uint8_t>(level), 1});
    }
  }
}

TEST_P(RtlCatalogueRights, Prm18ReportedRightsAreThoseOfTheWholePath) {
  for (unsigned narrow = 1; narrow <= 3; ++narrow) {
    HandTables tables = nested(kFour, kEpt4);
    tables.clear_bits(tables.host_entry(kGpa, narrow), 0x6);  // read-only at this level alone
    EXPECT_TRUE(translate(tables).is_translation);            // warm: the rights come from a cache
    expect_fault(translate(tables, kWrite), FaultKind::kEptViolation, 0x18a, {0, 1});
    expect_fault(translate(tables, kFetch), FaultKind::kEptViolation, 0x18c, {0, 1});
  }
}

}  // namespace
}  // namespace nestwalk
