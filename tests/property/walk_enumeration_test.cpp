// The walk engine against the second witness over every combination of the entry bits that decide
// a walk, with every access and the control bits that matter (the idea of kvm-unit-tests' access
// test): natively, over EPT and over NPT.
#include <gtest/gtest.h>

#include <iostream>
#include <vector>

#include "tests/property/walk_comparison.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x5a6b'7c8d};
constexpr Gpa kGpa{0x8000'0000};

// Bit positions that are enumerated in one entry; all others keep their value.
struct EnumeratedEntry {
  Hpa hpa;
  unsigned bytes;
  std::vector<unsigned> bits;
};

// Every type by user and supervisor; data accesses also implicitly.
std::vector<Access> all_accesses() {
  std::vector<Access> accesses;
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    for (const Privilege privilege : {Privilege::kUser, Privilege::kSupervisor}) {
      accesses.push_back({kGva, type, privilege, false});
    }
    if (type != AccessType::kFetch) {
      accesses.push_back({kGva, type, Privilege::kUser, true});
    }
  }
  return accesses;
}

// All combinations of these control bits, on top of the default.
std::vector<Control> all_controls(const std::vector<bool Control::*>& bits) {
  std::vector<Control> controls;
  for (unsigned combination = 0; combination < (1U << bits.size()); ++combination) {
    Control control;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      control.*bits[i] = ((combination >> i) & 1) != 0;
    }
    controls.push_back(control);
  }
  return controls;
}

class WalkEnumeration : public ::testing::Test {
 protected:
  // Compares every access under every control for every combination of the entries' bits.
  void enumerate(const HandTables& tables, const std::vector<EnumeratedEntry>& entries,
                 const std::vector<Access>& accesses, const std::vector<Control>& controls) {
    unsigned num_bits = 0;
    for (const EnumeratedEntry& entry : entries) {
      num_bits += static_cast<unsigned>(entry.bits.size());
    }
    WalkContext context = tables.context;
    WordMemory words = tables.memory;
    WordMemory engine_words;
    WordMemory oracle_words;
    for (std::uint64_t combination = 0; combination >> num_bits == 0; ++combination) {
      apply(words, entries, combination);
      for (const Control& control : controls) {
        context.control = control;
        for (const Access& access : accesses) {
          engine_words = words;
          oracle_words = words;
          const std::string difference =
              compare_walks(context, access, engine_words, oracle_words, coverage_);
          ++num_walks_;
          ASSERT_EQ(difference, "") << "combination 0x" << std::hex << combination;
        }
      }
    }
  }

  void TearDown() override { std::cout << num_walks_ << " walks\n" << coverage_.histogram(); }

  WalkCoverage coverage_;
  std::uint64_t num_walks_ = 0;

 private:
  static void apply(WordMemory& words, const std::vector<EnumeratedEntry>& entries,
                    std::uint64_t combination) {
    for (const EnumeratedEntry& entry : entries) {
      std::uint64_t value = words.read(entry.hpa, entry.bytes).value_or(0);
      for (const unsigned position : entry.bits) {
        const std::uint64_t bit = std::uint64_t{1} << position;
        value = (combination & 1) != 0 ? value | bit : value & ~bit;
        combination >>= 1;
      }
      words.write(entry.hpa, entry.bytes, value);
    }
  }
};

// A guest page of 4K; over a host, its data and its tables on 2M pages of their own.
HandTables mapped(FormatId guest, const std::optional<FormatId>& host) {
  HandTables tables({guest, host});
  tables.table_page_level = 2;
  tables.map_guest(kGva, kGpa, 1);
  if (host) {
    tables.map_host(kGpa, 2);
  }
  return tables;
}

TEST_F(WalkEnumeration, NativeRightsUnderEveryControl) {
  HandTables tables = mapped(FormatId::kX86FourLevel, std::nullopt);
  tables.or_bits(tables.guest_entry(kGva, 1), std::uint64_t{5} << 59);  // key 5
  std::vector<Control> controls;
  for (Control control : all_controls({&Control::wp, &Control::nxe, &Control::smep, &Control::smap,
                                       &Control::ac, &Control::pke})) {
    for (const std::uint32_t denied : {0U, 1U, 2U, 3U}) {
      if (control.pke || denied == 3) {
        control.pkru = denied << 10;
        controls.push_back(control);
      }
    }
  }
  enumerate(
      tables,
      {{tables.guest_entry(kGva, 1), 8, {1, 2, 63}}, {tables.guest_entry(kGva, 3), 8, {1, 2, 63}}},
      all_accesses(), controls);
  EXPECT_EQ(num_walks_, 64U * 8 * 160);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_GT(coverage_.at(FaultKind::kGuestPageFault), 0U);
}

TEST_F(WalkEnumeration, NativeEntriesOfFourLevels) {
  HandTables tables = mapped(FormatId::kX86FourLevel, std::nullopt);
  enumerate(tables,
            {{tables.guest_entry(kGva, 1), 8, {0, 1, 2, 5, 6, 63}},
             {tables.guest_entry(kGva, 2), 8, {0, 1, 2, 5, 7, 13, 63}}},
            all_accesses(), all_controls({&Control::nxe}));
  EXPECT_EQ(num_walks_, 8192U * 8 * 2);
  EXPECT_EQ(coverage_.positions.size(), 2U);  // page faults at both levels
}

TEST_F(WalkEnumeration, NativeEntriesOfPae) {
  HandTables tables = mapped(FormatId::kX86Pae, std::nullopt);
  enumerate(tables,
            {{tables.guest_entry(kGva, 1), 8, {0, 1, 2, 5, 6, 62}},
             {tables.guest_entry(kGva, 2), 8, {0, 1, 2, 5, 7, 63}}},
            all_accesses(), all_controls({&Control::nxe}));
  EXPECT_EQ(num_walks_, 4096U * 8 * 2);
  EXPECT_EQ(coverage_.positions.size(), 2U);
}

TEST_F(WalkEnumeration, NativeEntriesOfTwoLevels) {
  HandTables tables = mapped(FormatId::kX86TwoLevel, std::nullopt);
  enumerate(tables,
            {{tables.guest_entry(kGva, 1), 4, {0, 1, 2, 5, 6}},
             {tables.guest_entry(kGva, 2), 4, {0, 1, 2, 5, 7, 20, 21}}},
            all_accesses(), all_controls({&Control::pse, &Control::smep}));
  EXPECT_EQ(num_walks_, 4096U * 8 * 4);
  EXPECT_EQ(coverage_.positions.size(), 2U);
}

std::vector<Access> user_accesses() {
  return {{kGva, AccessType::kRead, Privilege::kUser, false},
          {kGva, AccessType::kWrite, Privilege::kSupervisor, false},
          {kGva, AccessType::kFetch, Privilege::kSupervisor, false}};
}

const std::vector<bool Control::*> kEptControls = {
    &Control::accessed_dirty, &Control::mode_based_execute, &Control::execute_only};

TEST_F(WalkEnumeration, EptEntriesOfTheDataPage) {
  HandTables tables = mapped(FormatId::kX86Pae, FormatId::kEptFourLevel);
  tables.or_bits(tables.host_entry(kGpa, 4), 0x400);
  enumerate(tables,
            {{tables.host_entry(kGpa, 2), 8, {0, 1, 2, 8, 9, 10}},
             {tables.host_entry(kGpa, 3), 8, {0, 1, 2, 10}},
             {tables.guest_entry(kGva, 1), 8, {2, 6}}},
            user_accesses(), all_controls(kEptControls));
  EXPECT_EQ(num_walks_, 4096U * 3 * 8);
  EXPECT_GT(coverage_.num_translations, 0U);
  for (const std::uint8_t h : {std::uint8_t{2}, std::uint8_t{3}}) {
    EXPECT_EQ(coverage_.positions.count({FaultKind::kEptViolation, Position{0, h}}), 1U);
    EXPECT_EQ(coverage_.positions.count({FaultKind::kEptMisconfiguration, Position{0, h}}), 1U);
  }
}

TEST_F(WalkEnumeration, EptEntriesOfTheTablePage) {
  HandTables tables = mapped(FormatId::kX86Pae, FormatId::kEptFourLevel);
  const Gpa table = tables.guest_entry_gpa(kGva, 1);
  tables.or_bits(tables.host_entry(kGpa, 4), 0x400);
  enumerate(tables,
            {{tables.host_entry(table, 2), 8, {0, 1, 2, 8, 9, 10}},
             {tables.host_entry(table, 3), 8, {0, 1, 2}},
             {tables.guest_entry(kGva, 1), 8, {1, 5, 6}}},
            user_accesses(), all_controls(kEptControls));
  EXPECT_EQ(num_walks_, 4096U * 3 * 8);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_GT(coverage_.at(FaultKind::kGuestPageFault), 0U);
  // Both guest levels lie on this page; the upper one is met first, and denies its A bit first.
  for (const std::uint8_t h : {std::uint8_t{0}, std::uint8_t{2}, std::uint8_t{3}}) {
    EXPECT_EQ(coverage_.positions.count({FaultKind::kEptViolation, Position{2, h}}), 1U) << +h;
  }
}

TEST_F(WalkEnumeration, NptEntriesOfTheDataPage) {
  for (const FormatId host : {FormatId::kX86Pae, FormatId::kX86FourLevel}) {
    HandTables tables = mapped(FormatId::kX86TwoLevel, host);
    enumerate(tables,
              {{tables.host_entry(kGpa, 2), 8, {0, 1, 2, 5, 6, 13, 63}},
               {tables.host_entry(kGpa, 3), 8, {0, 1, 2, 63}}},  // a PDPTE: 1, 2, 63 are reserved
              all_accesses(), all_controls({&Control::nxe}));
  }
  EXPECT_EQ(num_walks_, 2U * 2048 * 8 * 2);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kNestedPageFault, Position{0, 2}}), 1U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kNestedPageFault, Position{0, 3}}), 1U);
}

TEST_F(WalkEnumeration, NptEntriesOfTheTablePage) {
  HandTables tables = mapped(FormatId::kX86TwoLevel, FormatId::kX86FourLevel);
  const Gpa table = tables.guest_entry_gpa(kGva, 1);
  enumerate(tables,
            {{tables.host_entry(table, 2), 8, {0, 1, 2, 5, 6, 63}},
             {tables.host_entry(table, 3), 8, {0, 1, 2}},
             {tables.guest_entry(kGva, 1), 4, {1, 5, 6}}},
            user_accesses(), all_controls({&Control::nxe}));
  EXPECT_EQ(num_walks_, 4096U * 3 * 2);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_GT(coverage_.at(FaultKind::kGuestPageFault), 0U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kNestedPageFault, Position{2, 2}}), 1U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kNestedPageFault, Position{2, 3}}), 1U);
}

// The shadow hands over to the guest's last table: rights, A and D, size and the bit itself in the
// entry that does it, against the guest's leaf, which now stands below it.
TEST_F(WalkEnumeration, AgileEntriesAtTheHandover) {
  for (const FormatId host : {FormatId::kEptFourLevel, FormatId::kX86FourLevel}) {
    HandTables tables = mapped(FormatId::kX86FourLevel, host);
    tables.switch_shadow(kGva, 2);
    enumerate(tables,
              {{tables.shadow_entry(kGva, 2), 8, {0, 1, 2, 5, 7, 11, 63}},
               {tables.guest_entry(kGva, 1), 8, {0, 1, 2, 5, 6}}},
              all_accesses(), all_controls({&Control::nxe, &Control::accessed_dirty}));
  }
  EXPECT_EQ(num_walks_, 2U * 4096 * 8 * 4);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_GT(coverage_.shadow_faults[2], 0U);
  EXPECT_GT(coverage_.positions.at({FaultKind::kGuestPageFault, Position{1, 0}}),
            coverage_.shadow_faults[1]);
}

// The guest's entries above the leaf are never written with the host's leave: their table is, by
// what a switching bit promises, whatever the host stage says of its page.
TEST_F(WalkEnumeration, AgileEntriesUnderEveryHostRight) {
  HandTables tables = mapped(FormatId::kX86FourLevel, FormatId::kEptFourLevel);
  tables.switch_shadow(kGva, 3);
  const Gpa table = tables.guest_entry_gpa(kGva, 1);
  enumerate(tables,
            {{tables.host_entry(table, 2), 8, {0, 1, 2, 8, 9}},
             {tables.shadow_entry(kGva, 3), 8, {1, 2}},
             {tables.guest_entry(kGva, 2), 8, {1, 5}},
             {tables.guest_entry(kGva, 1), 8, {1, 5, 6}}},
            user_accesses(), all_controls(kEptControls));
  EXPECT_EQ(num_walks_, 4096U * 3 * 8);
  EXPECT_GT(coverage_.num_translations, 0U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kEptViolation, Position{2, 0}}), 0U);
  EXPECT_EQ(coverage_.positions.count({FaultKind::kEptViolation, Position{1, 0}}), 1U);
}

}  // namespace
}  // namespace nestwalk
