// EPT rights on guest-table pages, EPT A/D and the exit qualification (literature 6.5, after
// kvm-unit-tests ept_access_test_paddr_*), through Mmu and walker: cold, and again warm.
#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/hand_tables.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kWriteBackType = 0x30;
constexpr AccessType kTypes[] = {AccessType::kRead, AccessType::kWrite, AccessType::kFetch};

// Exit qualification, by the manual's bit numbers.
constexpr std::uint64_t kRead = 1U << 0;
constexpr std::uint64_t kWrite = 1U << 1;
constexpr std::uint64_t kReadable = 1U << 3;
constexpr std::uint64_t kWritable = 1U << 4;
constexpr std::uint64_t kExecutable = 1U << 5;
constexpr std::uint64_t kLinearValid = 1U << 7;

constexpr std::uint64_t kEptR = 1;
constexpr std::uint64_t kEptW = 2;
constexpr std::uint64_t kEptX = 4;

struct Row {
  std::uint64_t rights;  // EPT R, W, X of the page that holds the guest table of level g
  bool accessed_dirty;   // EPTP bit 6
  bool accessed;         // of the guest entry in that table
  bool dirty;
  AccessType type;
  unsigned g;
};

std::string print_row(const Row& row) {
  return "EPT rights " + std::to_string(row.rights) + ", A/D " +
         std::to_string(row.accessed_dirty) + ", guest A " + std::to_string(row.accessed) + " D " +
         std::to_string(row.dirty) + ", access type " + std::to_string(static_cast<int>(row.type)) +
         ", table of level " + std::to_string(row.g);
}

// The table of literature 6.5. Nothing: allowed.
std::optional<std::uint64_t> expected_qualification(const Row& row) {
  const std::uint64_t rights = ((row.rights & kEptR) != 0 ? kReadable : 0) |
                               ((row.rights & kEptW) != 0 ? kWritable : 0) |
                               ((row.rights & kEptX) != 0 ? kExecutable : 0);
  if (row.rights == 0) {
    return kRead | (row.accessed_dirty ? kWrite : 0) | kLinearValid;
  }
  if ((row.rights & kEptW) != 0) {
    return std::nullopt;
  }
  const bool sets_dirty = row.g == 1 && row.type == AccessType::kWrite && !row.dirty;
  if (row.accessed_dirty || !row.accessed || sets_dirty) {
    return kRead | kWrite | rights | kLinearValid;
  }
  return std::nullopt;
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const std::uint64_t rights :
       {std::uint64_t{0}, kEptR, kEptR | kEptX, kEptR | kEptW, kEptR | kEptW | kEptX}) {
    for (const bool accessed_dirty : {false, true}) {
      for (const int before : {0, 1, 2}) {
        for (const AccessType type : kTypes) {
          for (const unsigned g : {1U, 2U, 3U, 4U}) {
            rows.push_back({rights, accessed_dirty, before >= 1, before == 2, type, g});
          }
        }
      }
    }
  }
  return rows;
}

constexpr std::uint64_t kPageBytes = 0x1000;

class RowTables {
 public:
  // Three pages: the one under test, its neighbour in the same tables, and for every g one that
  // shares all tables but those of level g and below.
  explicit RowTables(const Row& row) : tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel}) {
    tables.context.control.accessed_dirty = row.accessed_dirty;
    const std::uint64_t leaf = 0x7 | 0x60;  // A and D set
    tables.map_guest(kGva, kGpa, 1, leaf);
    tables.map_guest(neighbour(), kGpa + kPageBytes, 1, leaf);
    tables.map_guest(cousin(row.g), kGpa + 2 * kPageBytes, 1, leaf);
    for (const std::uint64_t page : {0, 1, 2}) {
      tables.map_host(kGpa + page * kPageBytes, 1);
    }
    for (const Gva gva : {kGva, neighbour(), cousin(row.g)}) {
      for (unsigned level = 2; level <= 4; ++level) {
        tables.or_bits(tables.guest_entry(gva, level), 0x20);
      }
    }
    const Hpa entry = tables.guest_entry(kGva, row.g);
    tables.clear_bits(entry, 0x60);
    tables.or_bits(entry, (row.accessed ? 0x20U : 0U) | (row.dirty && row.g == 1 ? 0x40U : 0U));
    tables.map_host(tables.guest_entry_gpa(kGva, row.g), 1,
                    row.rights == 0 ? 0 : row.rights | kWriteBackType);
    if (row.rights == 0) {
      const Hpa leaf_entry = tables.host_entry(tables.guest_entry_gpa(kGva, row.g), 1);
      tables.memory.write(leaf_entry, 8, 0);
    }
  }

  static Gva neighbour() { return kGva + kPageBytes; }
  static Gva cousin(unsigned g) {
    // Another entry in the table above that of level g; for the root, another entry in the root.
    const unsigned level = g == 4 ? 4 : g + 1;
    return Gva(kGva.value() ^ (std::uint64_t{1} << (12 + 9 * (level - 1) + 1)));
  }

  HandTables tables;
};

Fault expected_fault(const Row& row, const HandTables& tables, std::uint64_t qualification) {
  Fault fault;
  fault.kind = FaultKind::kEptViolation;
  fault.code = qualification;
  fault.address = kGva;
  fault.gpa = tables.guest_entry_gpa(kGva, row.g);
  fault.has_gpa = true;
  // A denied A/D write is at (g,0), everything else where the host walk ended.
  const bool is_update = row.rights != 0 && !row.accessed_dirty;
  fault.position = {static_cast<std::uint8_t>(row.g), static_cast<std::uint8_t>(is_update ? 0 : 1)};
  return fault;
}

TEST(EptQualification, EveryRowColdHasTheOutcomeOfTheTable) {
  MmuBench bench(bare_machine());
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(print_row(row));
    const RowTables t(row);
    bench.load(t.tables.context, t.tables.memory);
    const BenchAnswer answer = bench.access({kGva, row.type});
    const std::optional<std::uint64_t> qualification = expected_qualification(row);
    ASSERT_EQ(answer.is_translation, !qualification);
    if (qualification) {
      EXPECT_EQ(answer.fault, expected_fault(row, t.tables, *qualification));
    } else {
      EXPECT_EQ(answer.translation.hpa, t.tables.host_of(kGpa));
    }
    bench.load(t.tables.context, t.tables.memory);
    EXPECT_EQ(difference_from_oracle(bench, {kGva, row.type}), "");
  }
}

// ---- The same with everything cached that may be ----

class EptQualificationWarm : public testing::TestWithParam<CachingMachine> {};

TEST_P(EptQualificationWarm, EveryRowIsAsCold) {
  MmuBench bench(machine_of(GetParam()));
  unsigned num_hits = 0;
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(print_row(row));
    const RowTables t(row);
    const std::optional<std::uint64_t> qualification = expected_qualification(row);
    const Access access{kGva, row.type};
    for (const Gva warmer : {RowTables::neighbour(), RowTables::cousin(row.g), kGva}) {
      for (const AccessType type : kTypes) {
        bench.load(t.tables.context, t.tables.memory);
        ASSERT_EQ(difference_from_oracle(bench, {warmer, type}), "");
        // A warmer that goes through the page under test may set A or D there, but no row's
        // outcome hangs on the bits of its neighbours' entries.
        const WordMemory before = bench.memory;
        const bool is_same_entry = before.read(t.tables.guest_entry(kGva, row.g), 8) ==
                                   t.tables.memory.read(t.tables.guest_entry(kGva, row.g), 8);
        const WalkerStats stats = bench.walker().stats();
        ASSERT_EQ(difference_from_oracle(bench, access), "") << "first time";
        num_hits += bench.walker().stats().references - stats.references < 24 ? 1 : 0;
        bench.memory = before;
        const BenchAnswer again = bench.access(access);
        if (!is_same_entry) {
          continue;
        }
        ASSERT_EQ(again.is_translation, !qualification);
        if (qualification) {
          ASSERT_EQ(again.fault, expected_fault(row, t.tables, *qualification));
        }
      }
    }
  }
  if (std::string(GetParam().name) != "no_walk_caches") {
    EXPECT_GT(num_hits, 100U) << "nothing was warm";
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, EptQualificationWarm, testing::ValuesIn(kCachingMachines));

}  // namespace
}  // namespace nestwalk
