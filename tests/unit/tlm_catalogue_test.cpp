// Bugs that other MMUs had, as scenarios, by their numbers in the catalogue; on walkers of every
// make.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/hand_tables.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint64_t kX86WriteBit = 0x2;
constexpr std::uint64_t kEptWriteBit = 0x2;
constexpr std::uint64_t kX86ReadOnly = 0x5;

class TlmCatalogue : public testing::TestWithParam<CachingMachine> {
 protected:
  TlmCatalogue()
      : bench(machine_of(GetParam())), tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel}) {}

  // A page and its neighbour in the same tables of both stages.
  void map_two_pages(std::uint64_t guest_leaf = HandTables::kX86Leaf) {
    for (const std::uint64_t offset : {std::uint64_t{0}, kPage}) {
      tables.map_guest(kGva + offset, kGpa + offset, 1, guest_leaf);
      tables.map_host(kGpa + offset, 1);
    }
  }
  void load() { bench.load(tables.context, tables.memory); }

  void set_word(Hpa hpa, std::uint64_t word) { bench.memory.write(hpa, 8, word); }
  void set_bits(Hpa hpa, std::uint64_t bits) { set_word(hpa, word(hpa) | bits); }
  void clear_bits(Hpa hpa, std::uint64_t bits) { set_word(hpa, word(hpa) & ~bits); }
  [[nodiscard]] std::uint64_t word(Hpa hpa) const { return bench.memory.read(hpa, 8).value(); }

  std::uint64_t drop(InvalidateOp op, Gva address = kGva) {
    Invalidation invalidation;
    invalidation.op = op;
    invalidation.tags = bench.mmu().context().tags;
    invalidation.address = address;
    return bench.invalidate(invalidation);
  }

  BenchAnswer read(Gva gva = kGva) { return bench.access({gva, AccessType::kRead}); }
  BenchAnswer write(Gva gva = kGva) { return bench.access({gva, AccessType::kWrite}); }
  BenchAnswer fetch(Gva gva = kGva) { return bench.access({gva, AccessType::kFetch}); }

  MmuBench bench;
  HandTables tables;
};

INSTANTIATE_TEST_SUITE_P(Machines, TlmCatalogue, testing::ValuesIn(kCachingMachines));

TEST_P(TlmCatalogue, Tlb06NothingIsCachedOfAnEntryThatIsNotPresent) {
  map_two_pages();
  for (unsigned level = 1; level <= 4; ++level) {
    for (const bool is_guest : {true, false}) {
      load();
      const Hpa entry = is_guest ? tables.guest_entry(kGva, level) : tables.host_entry(kGpa, level);
      const std::uint64_t good = word(entry);
      set_word(entry, 0);
      EXPECT_EQ(difference_from_oracle(bench, {kGva, AccessType::kRead}), "");
      EXPECT_EQ(difference_from_oracle(bench, {kGva, AccessType::kRead}), "");
      set_word(entry, good);
      EXPECT_TRUE(read().is_translation) << "level " << level << " guest " << is_guest;
    }
  }
}

TEST_P(TlmCatalogue, Tlb08TheMiddleBitsComeFromTheGuestPage) {
  const Gpa inside(kGpa.value() | 0x0060'0000);  // a 2M page, not the first of its 1G
  tables.map_guest(kGva, inside, 2);
  tables.map_host(kGpa, 3);
  load();
  const Gva address(kGva.page(21).value() | 0x1'5678);
  const Hpa expected = tables.host_of(inside + 0x1'5678);
  EXPECT_EQ(read(address).translation.hpa, expected);
  EXPECT_EQ(read(address).translation.hpa, expected) << "from the TLB";
  EXPECT_EQ(read(address + 0x10'0000).translation.hpa, expected + 0x10'0000);
}

TEST_P(TlmCatalogue, Tlb09AnEntryCoversTheSmallerOfBothPages) {
  for (unsigned guest_leaf = 1; guest_leaf <= 3; ++guest_leaf) {
    for (unsigned host_leaf = 1; host_leaf <= 3; ++host_leaf) {
      SCOPED_TRACE(testing::Message() << "guest " << guest_leaf << " host " << host_leaf);
      const unsigned bits = 12 + 9 * (std::min(guest_leaf, host_leaf) - 1);
      const Gva first = kGva.page(bits);
      const Gva behind = first + bit(bits);
      HandTables sized({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
      for (const Gva gva : {first, behind}) {
        const Gpa gpa = kGpa + (gva.value() - first.page(30).value());
        sized.map_guest(gva, gpa, guest_leaf);
        sized.map_host(gpa, host_leaf);
      }
      bench.load(sized.context, sized.memory);
      const std::uint64_t walks = bench.walker().stats().walks;
      EXPECT_EQ(difference_from_oracle(bench, {first, AccessType::kRead}), "");
      EXPECT_EQ(difference_from_oracle(bench, {first + (bit(bits) - 1), AccessType::kRead}), "");
      EXPECT_EQ(bench.walker().stats().walks, walks + 1) << "the last byte hits";
      EXPECT_EQ(read(first).translation.page_bits(), bits);
      EXPECT_EQ(difference_from_oracle(bench, {behind, AccessType::kRead}), "");
      EXPECT_EQ(bench.walker().stats().walks, walks + 2) << "the byte behind it does not";
    }
  }
}

TEST_P(TlmCatalogue, Tlb12RightsAreJudgedOnEveryHit) {
  map_two_pages();
  tables.map_host(kGpa, 1, 0x34);  // execute-only, write-back
  load();
  EXPECT_TRUE(fetch().is_translation);
  EXPECT_EQ(difference_from_oracle(bench, {kGva, AccessType::kRead}), "");
  EXPECT_FALSE(read().is_translation);
  EXPECT_TRUE(fetch().is_translation);
  EXPECT_FALSE(write().is_translation);
}

TEST_P(TlmCatalogue, Tlb12ASupervisorsEntryServesNoUser) {
  map_two_pages(0x3);
  load();
  EXPECT_TRUE(bench.access({kGva, AccessType::kRead, Privilege::kSupervisor}).is_translation);
  EXPECT_EQ(difference_from_oracle(bench, {kGva, AccessType::kRead, Privilege::kUser}), "");
  EXPECT_FALSE(read().is_translation);
}

TEST_P(TlmCatalogue, Ntl06EptEntriesKeepTheirTypeAndGetTheirOwnAccessedAndDirtyBits) {
  map_two_pages();
  for (const bool accessed_dirty : {false, true}) {
    tables.context.control.accessed_dirty = accessed_dirty;
    load();
    const Hpa leaf = tables.host_entry(kGpa, 1);
    const Hpa table = tables.host_entry(kGpa, 2);
    const std::uint64_t leaf_before = word(leaf);
    const std::uint64_t table_before = word(table);
    ASSERT_TRUE(write().is_translation);
    EXPECT_EQ(word(leaf), leaf_before | (accessed_dirty ? 0x300U : 0U));
    EXPECT_EQ(word(table), table_before | (accessed_dirty ? 0x100U : 0U));
  }
}

TEST_P(TlmCatalogue, Prm18ReportedRightsAreTheAndOverLevelsColdAndWarm) {
  map_two_pages();
  tables.clear_bits(tables.host_entry(kGpa, 3), kEptWriteBit);
  // Guest tables lie in another 1G than data, so the data's walk alone meets the entry.
  ASSERT_NE(tables.host_entry(kGpa, 3), tables.host_entry(tables.guest_entry_gpa(kGva, 1), 3));
  load();
  const BenchAnswer cold = write();
  ASSERT_EQ(cold.fault.kind, FaultKind::kEptViolation);
  // Write; readable and executable, not writable; linear address valid; final translation.
  EXPECT_EQ(cold.fault.code, 0x2U | 0x8U | 0x20U | 0x80U | 0x100U);
  EXPECT_EQ(cold.fault.position, (Position{0, 1}));
  load();
  ASSERT_TRUE(read(kGva + kPage).is_translation);
  EXPECT_EQ(write().fault, cold.fault) << "after the neighbour";
  ASSERT_TRUE(read().is_translation);
  EXPECT_EQ(write().fault, cold.fault) << "after a read of the page itself";
  EXPECT_EQ(write().fault, cold.fault) << "after the fault";
}

TEST_P(TlmCatalogue, Pwc08AMovedTableFrameIsReadAtItsNewPlaceAfterInvept) {
  map_two_pages();
  load();
  ASSERT_TRUE(read().is_translation);
  // The page directory moves, and its copy points to another page table.
  const Gpa directory = tables.guest_entry_gpa(kGva, 2);
  const Hpa old_frame = tables.guest_entry(kGva, 2).page(12);
  const Hpa new_frame{0x7000'0000};
  for (std::uint64_t offset = 0; offset < kPage; offset += 8) {
    set_word(new_frame + offset, word(old_frame + offset));
  }
  set_word(new_frame + tables.guest_entry(kGva, 2).offset(12), 0);
  const Hpa leaf = tables.host_entry(directory, 1);
  set_word(leaf, new_frame.value() | HandTables::kEptLeaf);
  drop(InvalidateOp::kInveptSingle);
  EXPECT_EQ(difference_from_oracle(bench, {kGva + kPage, AccessType::kRead}), "");
  const BenchAnswer answer = read();
  EXPECT_EQ(answer.fault.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(answer.fault.position, (Position{2, 0}));
}

TEST_P(TlmCatalogue, Pwc09AnEntryThatBecameALeafIsUsedAfterInvlpg) {
  map_two_pages();
  tables.map_host(Gpa(0x8020'0000) + kGva.offset(21), 1);
  load();
  ASSERT_TRUE(read().is_translation);
  set_word(tables.guest_entry(kGva, 2), 0x8020'0000 | 0x80 | HandTables::kX86Leaf);
  drop(InvalidateOp::kInvlpg);
  const BenchAnswer answer = read();
  ASSERT_TRUE(answer.is_translation);
  EXPECT_EQ(answer.translation.gpa, Gpa(0x8020'0000) + kGva.offset(21));
  EXPECT_EQ(answer.translation.guest_page_bits, 21);
}

TEST_P(TlmCatalogue, Pwc10ARightTakenFromATableEntryIsGoneAfterInvlpg) {
  map_two_pages();
  load();
  ASSERT_TRUE(write().is_translation);
  clear_bits(tables.guest_entry(kGva, 2), kX86WriteBit);
  drop(InvalidateOp::kInvlpg);
  for (const Gva gva : {kGva, kGva + kPage}) {
    EXPECT_EQ(difference_from_oracle(bench, {gva, AccessType::kWrite}), "");
    EXPECT_FALSE(write(gva).is_translation);
  }
}

TEST_P(TlmCatalogue, Ad05AFailedUpdateIsAnErrorAndFillsNothing) {
  map_two_pages();
  const WordMemory good = tables.memory;
  tables.memory.refuse_writes(tables.guest_entry(kGva, 1));
  load();
  EXPECT_EQ(difference_from_oracle(bench, {kGva, AccessType::kWrite}), "");
  EXPECT_EQ(write().fault.kind, FaultKind::kMemoryError);
  EXPECT_EQ(bench.mmu().l1_dtlb().size() + bench.mmu().l2_tlb().size(), 0U);
  bench.memory = good;
  const std::uint64_t walks = bench.walker().stats().walks;
  EXPECT_TRUE(write().is_translation);
  EXPECT_EQ(bench.walker().stats().walks, walks + 1);
  EXPECT_EQ(word(tables.guest_entry(kGva, 1)) & 0x60U, 0x60U);
}

TEST_P(TlmCatalogue, Wlk08AnErrorStaysWithItsWalk) {
  map_two_pages();
  constexpr Gva kOther{0x80'4040'3000};
  tables.map_guest(kOther, kGpa + kPage, 1);
  tables.memory.refuse_page(tables.guest_entry(kOther, 1));
  load();
  const BenchAnswer error = read(kOther);
  ASSERT_FALSE(error.is_translation);
  EXPECT_EQ(error.fault.kind, FaultKind::kMemoryError);
  const BenchAnswer next = fetch();
  ASSERT_TRUE(next.is_translation);
  EXPECT_EQ(next.translation.hpa, tables.host_of(kGpa));
  EXPECT_EQ(read(kOther).fault, error.fault);
}

TEST_P(TlmCatalogue, Inv04NothingOldIsUsedAfterAnInvalidation) {
  map_two_pages();
  constexpr Gpa kNewPage{0x9000'0000};
  tables.map_host(kNewPage, 1);
  load();
  for (const Gva gva : {kGva, kGva + kPage}) {
    ASSERT_TRUE(write(gva).is_translation);
    ASSERT_TRUE(fetch(gva).is_translation);
  }
  set_word(tables.guest_entry(kGva, 1), kNewPage.value() | HandTables::kX86Leaf);
  drop(InvalidateOp::kInvlpg);
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    EXPECT_EQ(bench.access({kGva, type}).translation.gpa, kNewPage);
  }
  constexpr Hpa kMoved{0x6000'0000};
  set_word(tables.host_entry(kNewPage, 1), kMoved.value() | HandTables::kEptLeaf);
  drop(InvalidateOp::kInveptSingle);
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    EXPECT_EQ(bench.access({kGva, type}).translation.hpa, kMoved);
  }
}

TEST_P(TlmCatalogue, Inv08AGlobalPageIsNamedByInvlpg) {
  map_two_pages(HandTables::kX86Leaf | 0x100);
  tables.context.tags.pcid = Pcid{5};
  tables.context.tags.vpid = Vpid{1};
  load();
  ASSERT_TRUE(read().translation.global);
  WalkContext other = tables.context;
  other.tags.pcid = Pcid{6};
  bench.mmu().set_context(other);
  const std::uint64_t walks = bench.walker().stats().walks;
  ASSERT_TRUE(read().is_translation);
  ASSERT_EQ(bench.walker().stats().walks, walks) << "global: another PCID hits";
  drop(InvalidateOp::kInvlpg);
  ASSERT_TRUE(read().is_translation);
  EXPECT_EQ(bench.walker().stats().walks, walks + 1);
}

// ---- INV-16: a fault drops what it came from, so that a right that was added counts at once ----

TEST_P(TlmCatalogue, Inv16AWriteGoesOnAfterTheLeafGotItsRight) {
  map_two_pages();
  for (unsigned level = 1; level <= 3; ++level) {  // that of level 4 serves guest tables as well
    HandTables restricted = tables;
    restricted.clear_bits(restricted.host_entry(kGpa, level), kEptWriteBit);
    bench.load(restricted.context, restricted.memory);
    ASSERT_TRUE(read(kGva + kPage).is_translation);
    ASSERT_TRUE(read().is_translation);
    ASSERT_EQ(write().fault.kind, FaultKind::kEptViolation);
    set_bits(restricted.host_entry(kGpa, level), kEptWriteBit);
    EXPECT_TRUE(write().is_translation) << "level " << level;
  }
}

class TlmCatalogueTables : public TlmCatalogue {};

INSTANTIATE_TEST_SUITE_P(Machines, TlmCatalogueTables, testing::ValuesIn(kCachingMachines));

TEST_P(TlmCatalogueTables, Inv16AnUpdateGoesOnAfterTheTablesPageGotItsRight) {
  map_two_pages();
  for (const bool accessed_dirty : {false, true}) {
    for (unsigned g = 1; g <= 4; ++g) {
      HandTables restricted = tables;
      restricted.context.control.accessed_dirty = accessed_dirty;
      const Gpa table = restricted.guest_entry_gpa(kGva, g);
      const Hpa host_leaf = restricted.host_entry(table, 1);
      if (!accessed_dirty) {  // the neighbour passes: nothing is left to set on its way
        for (unsigned level = 1; level <= 4; ++level) {
          restricted.or_bits(restricted.guest_entry(kGva + kPage, level), 0x60);
        }
        restricted.clear_bits(restricted.guest_entry(kGva, g), 0x60);
      }
      restricted.clear_bits(host_leaf, kEptWriteBit);
      bench.load(restricted.context, restricted.memory);
      if (!accessed_dirty && g == 1) {
        ASSERT_TRUE(read(kGva + kPage).is_translation);
      }
      ASSERT_EQ(write().fault.kind, FaultKind::kEptViolation);
      set_bits(host_leaf, kEptWriteBit);
      EXPECT_TRUE(write().is_translation) << "level " << g << ", A/D " << accessed_dirty;
    }
  }
}

TEST_P(TlmCatalogue, Inv16AWriteGoesOnAfterAGuestEntryGotItsRight) {
  map_two_pages();
  for (unsigned level = 1; level <= 4; ++level) {
    load();
    clear_bits(tables.guest_entry(kGva, level), kX86WriteBit);
    ASSERT_TRUE(read(kGva + kPage).is_translation);
    ASSERT_TRUE(read().is_translation);
    ASSERT_EQ(write().fault.kind, FaultKind::kGuestPageFault);
    set_bits(tables.guest_entry(kGva, level), kX86WriteBit);
    EXPECT_TRUE(write().is_translation) << "level " << level;
  }
}

TEST_P(TlmCatalogue, Inv16NestedPageFaultsDropWhatTheyCameFromAsWell) {
  for (unsigned level = 1; level <= 3; ++level) {
    HandTables npt({FormatId::kX86FourLevel, FormatId::kX86FourLevel});
    npt.context.tags.asid = Asid{3};
    for (const std::uint64_t offset : {std::uint64_t{0}, kPage}) {
      npt.map_guest(kGva + offset, kGpa + offset, 1);
      npt.map_host(kGpa + offset, 1);
    }
    npt.clear_bits(npt.host_entry(kGpa, level), kX86WriteBit);
    bench.load(npt.context, npt.memory);
    ASSERT_TRUE(read(kGva + kPage).is_translation);
    ASSERT_TRUE(read().is_translation);
    ASSERT_EQ(write().fault.kind, FaultKind::kNestedPageFault);
    set_bits(npt.host_entry(kGpa, level), kX86WriteBit);
    EXPECT_TRUE(write().is_translation) << "level " << level;
  }
}

}  // namespace
}  // namespace nestwalk
