// How many entries a walk reads, by formula (literature: reference counts): the monitor at the
// walker's memory port and the walker's own statistics must both say so.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/hand_tables.h"
#include "tests/support/mmu_bench.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};  // a different index at every level, even of 32-bit formats
constexpr Gpa kGpa{0x8000'0000};

Access read_of(Gva gva) {
  return {gva, AccessType::kRead};
}

// Both counts of one access; they must agree.
std::uint64_t count_references(MmuBench& bench, const Access& access) {
  const WalkerStats before = bench.walker().stats();
  const BenchAnswer answer = bench.access(access);
  EXPECT_TRUE(answer.is_translation) << name_of(answer.fault.kind);
  const WalkerStats& after = bench.walker().stats();
  EXPECT_EQ(after.references - before.references, answer.references.size());
  EXPECT_EQ(after.updates - before.updates, answer.updates.size());
  EXPECT_EQ(after.walks - before.walks, 1U);
  PositionCounts counted{};
  for (const TableTransfer& reference : answer.references) {
    ++count_at(counted, reference.position);
  }
  for (unsigned g = 0; g <= kMaxLevels; ++g) {
    for (unsigned h = 0; h <= kMaxLevels; ++h) {
      EXPECT_EQ(after.positions[g][h] - before.positions[g][h], counted[g][h]) << g << "," << h;
    }
  }
  return answer.references.size();
}

unsigned guest_levels(const StagePair& stages) {
  const bool is_npt = stages.host && format_of(*stages.host).rules == RuleSet::kX86;
  // The PDPTEs are registers, except over NPT.
  return *stages.guest == FormatId::kX86Pae && !is_npt ? 2 : format_of(*stages.guest).levels;
}

std::string name_of_pair(const StagePair& stages) {
  return std::string(stages.guest ? format_of(*stages.guest).name : "none") + " over " +
         std::string(stages.host ? format_of(*stages.host).name : "none");
}

TEST(ReferenceCount, AColdWalkOfEveryFormatPairFollowsTheFormula) {
  MmuBench bench(bare_machine());
  for (const StagePair& stages : all_stage_pairs()) {
    SCOPED_TRACE(name_of_pair(stages));
    HandTables tables(stages);
    Gva address(kGpa.value());
    std::uint64_t n = 0;
    if (stages.guest) {
      n = guest_levels(stages);
      address = kGva;
      tables.map_guest(kGva, kGpa, 1);
    }
    std::uint64_t m = 0;
    if (stages.host) {
      m = format_of(*stages.host).levels;
      tables.map_host(kGpa, 1);
    }
    bench.load(tables.context, tables.memory);
    EXPECT_EQ(count_references(bench, read_of(address)), (n + 1) * (m + 1) - 1);
  }
}

TEST(ReferenceCount, TheFormulaGivesThePublishedNumbers) {
  MmuBench bench(bare_machine());
  struct Row {
    FormatId guest;
    FormatId host;
    std::uint64_t references;
  };
  using F = FormatId;
  for (const Row& row :
       {Row{F::kX86TwoLevel, F::kX86TwoLevel, 8}, Row{F::kX86Pae, F::kX86Pae, 15},
        Row{F::kX86FourLevel, F::kEptFourLevel, 24}, Row{F::kX86FiveLevel, F::kEptFiveLevel, 35},
        Row{F::kX86TwoLevel, F::kEptFourLevel, 14}, Row{F::kX86FourLevel, F::kEptFiveLevel, 29},
        Row{F::kX86FiveLevel, F::kEptFourLevel, 29}, Row{F::kX86Pae, F::kEptFourLevel, 14}}) {
    const StagePair stages{row.guest, row.host};
    SCOPED_TRACE(name_of_pair(stages));
    HandTables tables(stages);
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    bench.load(tables.context, tables.memory);
    EXPECT_EQ(count_references(bench, read_of(kGva)), row.references);
  }
}

// By where the shadow hands over to the guest's tables: nowhere, below level 2, 3, 4, at the root;
// and a nested walk, to which the guest's root is a guest-physical address.
TEST(ReferenceCount, AgileWalksGiveThePublishedNumbers) {
  MmuBench bench(bare_machine());
  const std::vector<std::uint64_t> published = {4, 8, 12, 16, 20, 24};
  for (unsigned level = 1; level <= 6; ++level) {
    SCOPED_TRACE(level);
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    if (level == 1) {
      tables.map_shadow(kGva, tables.host_of(kGpa), 1);
    } else if (level <= 5) {
      tables.switch_shadow(kGva, level);
    }
    bench.load(tables.context, tables.memory);
    EXPECT_EQ(count_references(bench, read_of(kGva)), published[level - 1]);
  }
}

TEST(ReferenceCount, AgileWalksOfEveryPairFollowTheFormula) {
  MmuBench bench(bare_machine());
  for (const StagePair& stages : agile_stage_pairs()) {
    SCOPED_TRACE(name_of_pair(stages));
    const unsigned n = format_of(*stages.guest).levels;
    const unsigned m = format_of(*stages.host).levels;
    for (unsigned level = 2; level <= n + 1; ++level) {
      HandTables tables(stages);
      tables.map_guest(kGva, kGpa, 1);
      tables.map_host(kGpa, 1);
      tables.switch_shadow(kGva, level);
      bench.load(tables.context, tables.memory);
      EXPECT_EQ(count_references(bench, read_of(kGva)), n + (level - 1) * m);
    }
  }
}

// Leaf levels: 1 is 4K, 2 is 2M, 3 is 1G.
struct MixedSizes {
  unsigned guest_leaf;
  unsigned table_leaf;  // of the host pages that hold guest tables
  unsigned data_leaf;   // of the host page that holds the data
  std::uint64_t references;
};

TEST(ReferenceCount, MixedPageSizesShortenBothDimensions) {
  MmuBench bench(bare_machine());
  for (const MixedSizes& row :
       {MixedSizes{1, 1, 1, 24}, MixedSizes{1, 2, 2, 19}, MixedSizes{1, 3, 3, 14},
        MixedSizes{2, 1, 1, 19}, MixedSizes{2, 2, 2, 15}, MixedSizes{2, 3, 3, 11},
        MixedSizes{3, 1, 1, 14}, MixedSizes{3, 2, 2, 11}, MixedSizes{3, 3, 3, 8},
        MixedSizes{1, 1, 2, 23}, MixedSizes{1, 2, 1, 20}, MixedSizes{2, 1, 2, 18}}) {
    SCOPED_TRACE(testing::Message() << "guest leaf " << row.guest_leaf << ", tables on "
                                    << row.table_leaf << ", data on " << row.data_leaf);
    const unsigned n = 5 - row.guest_leaf;
    const unsigned table_levels = 5 - row.table_leaf;
    const unsigned data_levels = 5 - row.data_leaf;
    ASSERT_EQ(n * (table_levels + 1) + data_levels, row.references) << "the row itself is wrong";
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.table_page_level = row.table_leaf;
    tables.map_guest(kGva, kGpa, row.guest_leaf);
    tables.map_host(kGpa + kGva.offset(12 + 9 * (row.guest_leaf - 1)), row.data_leaf);
    bench.load(tables.context, tables.memory);
    EXPECT_EQ(count_references(bench, read_of(kGva)), row.references);
    const BenchAnswer answer = bench.access(read_of(kGva));
    const unsigned guest_bits = 12 + 9 * (row.guest_leaf - 1);
    const unsigned host_bits = 12 + 9 * (row.data_leaf - 1);
    EXPECT_EQ(answer.translation.page_bits(), std::min(guest_bits, host_bits));
  }
}

// ---- Walk caches ----

// Walk caches of one level alone, and no host caches.
MachineParams only_level(unsigned level, PwcContent content) {
  MachineParams p = bare_machine();
  PwcParams& pwc = p.walker.pwc;
  pwc.organisation = PwcOrganisation::kPerLevel;
  pwc.content = content;
  pwc.host_stage = false;
  pwc.level_2 = pwc.level_3 = pwc.level_4 = pwc.level_5 = ArrayParams{};
  ArrayParams* const levels[] = {&pwc.level_2, &pwc.level_3, &pwc.level_4, &pwc.level_5};
  if (level >= 2) {
    *levels[level - 2] = ArrayParams{4, 4};
  }
  return p;
}

enum class Semantics { kCombined, kGuestAddress, kNative };

struct PwcCase {
  Semantics semantics;
  unsigned n;  // guest levels
  unsigned m;  // host levels
  unsigned k;  // levels skipped
  std::uint64_t references;
};

void PrintTo(const PwcCase& row, std::ostream* out) {
  static constexpr const char* kNames[] = {"combined", "guest-address", "native"};
  *out << kNames[static_cast<unsigned>(row.semantics)] << " " << row.n << " levels, skips "
       << row.k;
}

class ReferenceCountPwc : public testing::TestWithParam<PwcCase> {};

// The first walk fills the one level that exists; the second one shares just that prefix.
TEST_P(ReferenceCountPwc, AHitOfDepthKLeavesTheRest) {
  const PwcCase& row = GetParam();
  const unsigned hit_level = row.n - row.k + 1;
  std::uint64_t expected = 0;
  switch (row.semantics) {
    case Semantics::kCombined:
      expected = std::uint64_t{row.n - row.k} * (row.m + 1) + row.m * (row.k == 0 ? 1 : 0);
      break;
    case Semantics::kGuestAddress:
      expected = std::uint64_t{row.n - row.k} * (row.m + 1) + row.m;
      break;
    case Semantics::kNative:
      expected = row.n - row.k;
      break;
  }
  // A combined hit with the table's HPA saves the host walk of the first remaining entry, which
  // leaves the one of the data page.
  ASSERT_EQ(expected, row.references) << "the row itself is wrong";
  MmuBench bench(only_level(row.k == 0 ? 0 : hit_level, row.semantics == Semantics::kGuestAddress
                                                            ? PwcContent::kGuestAddress
                                                            : PwcContent::kCombined));
  StagePair stages{row.n == 4 ? FormatId::kX86FourLevel : FormatId::kX86FiveLevel, std::nullopt};
  if (row.semantics != Semantics::kNative) {
    stages.host = row.m == 4 ? FormatId::kEptFourLevel : FormatId::kEptFiveLevel;
  }
  HandTables tables(stages);
  // Differs from kGva first at the level below the hit.
  const unsigned differs_at = row.k == 0 ? row.n : hit_level - 1;
  const Gva neighbour(kGva.value() ^ bit(12 + 9 * (differs_at - 1) + 1));
  for (const Gva gva : {kGva, neighbour}) {
    tables.map_guest(gva, kGpa, 1);
  }
  if (stages.host) {
    tables.map_host(kGpa, 1);
  }
  bench.load(tables.context, tables.memory);
  count_references(bench, read_of(neighbour));
  EXPECT_EQ(count_references(bench, read_of(kGva)), row.references);
  const PwcStats& pwc = bench.walker().walk_cache().stats(Stage::kGuest);
  EXPECT_EQ(pwc.total.hits, row.k == 0 ? 0U : 1U);
}

constexpr auto kCombined = Semantics::kCombined;
constexpr auto kGuestAddress = Semantics::kGuestAddress;
constexpr auto kNative = Semantics::kNative;

INSTANTIATE_TEST_SUITE_P(
    Tables, ReferenceCountPwc,
    testing::Values(PwcCase{kCombined, 4, 4, 0, 24}, PwcCase{kCombined, 4, 4, 1, 15},
                    PwcCase{kCombined, 4, 4, 2, 10}, PwcCase{kCombined, 4, 4, 3, 5},
                    PwcCase{kCombined, 5, 5, 0, 35}, PwcCase{kCombined, 5, 5, 1, 24},
                    PwcCase{kCombined, 5, 5, 2, 18}, PwcCase{kCombined, 5, 5, 3, 12},
                    PwcCase{kCombined, 5, 5, 4, 6}, PwcCase{kGuestAddress, 4, 4, 0, 24},
                    PwcCase{kGuestAddress, 4, 4, 1, 19}, PwcCase{kGuestAddress, 4, 4, 2, 14},
                    PwcCase{kGuestAddress, 4, 4, 3, 9}, PwcCase{kGuestAddress, 5, 5, 0, 35},
                    PwcCase{kGuestAddress, 5, 5, 1, 29}, PwcCase{kGuestAddress, 5, 5, 2, 23},
                    PwcCase{kGuestAddress, 5, 5, 3, 17}, PwcCase{kGuestAddress, 5, 5, 4, 11},
                    PwcCase{kNative, 4, 0, 0, 4}, PwcCase{kNative, 4, 0, 1, 3},
                    PwcCase{kNative, 4, 0, 2, 2}, PwcCase{kNative, 4, 0, 3, 1},
                    PwcCase{kNative, 5, 0, 0, 5}, PwcCase{kNative, 5, 0, 1, 4},
                    PwcCase{kNative, 5, 0, 2, 3}, PwcCase{kNative, 5, 0, 3, 2},
                    PwcCase{kNative, 5, 0, 4, 1}));

// ---- Nested TLB ----

MachineParams with_ntlb(bool serve_final_walk) {
  MachineParams p = bare_machine();
  p.walker.ntlb.array = ArrayParams{64, 0};
  p.walker.ntlb.serve_final_walk = serve_final_walk;
  return p;
}

struct NestedPair {
  FormatId guest;
  FormatId host;
  unsigned levels;  // of both
};
constexpr NestedPair kSquares[] = {{FormatId::kX86FourLevel, FormatId::kEptFourLevel, 4},
                                   {FormatId::kX86FiveLevel, FormatId::kEptFiveLevel, 5}};

TEST(ReferenceCountNtlb, ACachedRootPointerSavesOneHostWalk) {
  MmuBench bench(with_ntlb(false));
  for (const NestedPair& pair : kSquares) {
    HandTables tables({pair.guest, pair.host});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    bench.load(tables.context, tables.memory);
    // A walk that ends at the root entry: only the root table's page gets into the nested TLB.
    const Gva unmapped(kGva.value() + bit(12 + 9 * (pair.levels - 1)));
    const BenchAnswer fault = bench.access(read_of(unmapped));
    ASSERT_FALSE(fault.is_translation);
    ASSERT_EQ(fault.fault.position, (Position{static_cast<std::uint8_t>(pair.levels), 0}));
    ASSERT_EQ(bench.walker().nested_tlb().size(), 1U);
    EXPECT_EQ(count_references(bench, read_of(kGva)), pair.levels == 4 ? 20U : 30U);
  }
}

TEST(ReferenceCountNtlb, HitsOnAllTablePagesLeaveGuestEntriesAndTheFinalWalk) {
  MmuBench bench(with_ntlb(false));
  for (const NestedPair& pair : kSquares) {
    HandTables tables({pair.guest, pair.host});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_guest(kGva + 0x1000, kGpa + 0x1000, 1);
    tables.map_host(kGpa, 1);
    tables.map_host(kGpa + 0x1000, 1);
    bench.load(tables.context, tables.memory);
    const std::uint64_t cold = std::uint64_t{pair.levels + 1} * (pair.levels + 1) - 1;
    EXPECT_EQ(count_references(bench, read_of(kGva + 0x1000)), cold);
    EXPECT_EQ(count_references(bench, read_of(kGva)), 2 * pair.levels) << "24 becomes 8";
    EXPECT_EQ(count_references(bench, read_of(kGva)), 2 * pair.levels)
        << "the final walk never asks";
  }
}

TEST(ReferenceCountNtlb, AHitOnTheDataPageTooLeavesGuestEntriesOnly) {
  MmuBench bench(with_ntlb(true));
  for (const NestedPair& pair : kSquares) {
    HandTables tables({pair.guest, pair.host});
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    bench.load(tables.context, tables.memory);
    count_references(bench, read_of(kGva));
    EXPECT_EQ(count_references(bench, read_of(kGva)), pair.levels);
  }
}

// Best case of literature, section 4.4: combined PDE hit, and a host PDE hit for the data page.
TEST(ReferenceCount, BothWalkCachesLeaveTwoReferences) {
  MachineParams params = bare_machine();
  params.walker.pwc.organisation = PwcOrganisation::kPerLevel;
  MmuBench bench(params);
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  for (const std::uint64_t offset : {0x0, 0x1000}) {
    tables.map_guest(kGva + offset, kGpa + offset, 1);
    tables.map_host(kGpa + offset, 1);
  }
  bench.load(tables.context, tables.memory);
  count_references(bench, read_of(kGva + 0x1000));
  EXPECT_EQ(count_references(bench, read_of(kGva)), 2U);
}

// A walk that ends in a violation at (g, h) has read all positions before it and its own.
TEST(ReferenceCount, AFaultingWalkCountsWhatItRead) {
  MmuBench bench(bare_machine());
  for (unsigned g = 1; g <= 4; ++g) {
    for (unsigned h = 1; h <= 4; ++h) {
      HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
      tables.map_guest(kGva, kGpa, 1);
      tables.map_host(kGpa, 1);
      const Gpa entry = tables.guest_entry_gpa(kGva, g);
      tables.memory.write(tables.host_entry(entry, h), 8, 0);
      bench.load(tables.context, tables.memory);
      const BenchAnswer answer = bench.access(read_of(kGva));
      ASSERT_FALSE(answer.is_translation);
      EXPECT_EQ(answer.fault.kind, FaultKind::kEptViolation);
      const unsigned guest_level = 4 - answer.fault.position.g;  // complete guest levels before
      const unsigned host_level = 4 - answer.fault.position.h;
      EXPECT_EQ(answer.fault.position.h, h);
      EXPECT_EQ(answer.fault.position.g, h == 1 ? g : 4) << "upper host entries serve all tables";
      EXPECT_EQ(answer.references.size(), guest_level * 5 + host_level + 1);
    }
  }
}

}  // namespace
}  // namespace nestwalk
