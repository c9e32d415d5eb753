// Bugs that real hypervisors had in shadow paging, each by its number in the catalogue: series SHD
// (shadow pages), SPL (splitting large pages), SWI (roots and modes), CON (concurrency).
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "model/memory/table_builder.h"
#include "model/walk/functional_driver.h"
#include "tests/unit/shadow_bench_guest.h"

namespace nestwalk::test {
namespace {

constexpr Gva kSecond2M{std::uint64_t{2} << 20};
constexpr Gpa kLarge{std::uint64_t{2} << 20};

constexpr std::uint64_t value_of(Gpa page) {
  return page.value() | 0x5a5;
}

// Every data page begins with a word of its own.
void mark_pages(ShadowGuest& guest) {
  for (unsigned i = 0; i < 8; ++i) {
    guest.write_physical(kData + i * 4096, 8, value_of(kData + i * 4096));
  }
}

void expect_reads(ShadowGuest& guest, Gva address, Gpa page, unsigned cpu = 0) {
  const BenchResult result = guest.read(address, cpu);
  EXPECT_FALSE(result.is_fault);
  EXPECT_EQ(result.value, value_of(page));
  EXPECT_EQ(guest.audit(), "");
}

class ShadowPager : public testing::TestWithParam<ShadowSync> {};
INSTANTIATE_TEST_SUITE_P(Sync, ShadowPager,
                         testing::Values(ShadowSync::kAtOnce, ShadowSync::kOnFlush),
                         [](const auto& sync) {
                           return std::string(kShadowSyncNames[static_cast<unsigned>(sync.param)]);
                         });

// CVE-2026-53359: a large page's pieces and a table may have the same frame, and are two tables.
TEST_P(ShadowPager, SHD_01_APieceOfALargePageIsNoTable) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  guest.write_physical(kLevel2 + 8, 8, large_leaf(kLarge));
  guest.write_physical(kLarge, 8, leaf(kData));
  EXPECT_EQ(guest.read(kSecond2M).value, leaf(kData));  // the host's pages are small: pieces
  guest.set(kLevel2 + 8, table(kLarge));
  guest.cpu().invlpg(kSecond2M);
  expect_reads(guest, kSecond2M, kData);
  EXPECT_TRUE(guest.is_shadowed(kLarge));
  guest.run(HostAction::kMigrate, {kLarge, kLarge + bit(21)});
  EXPECT_EQ(guest.audit(), "");
  for (std::uint64_t at = 0; at < bit(21); at += 4096) {
    ASSERT_TRUE(guest.vm().shadow.reverse_map.leaves(kLarge + at, 1).empty());
  }
  EXPECT_FALSE(guest.is_shadowed(kLarge));
}

// The same where no write traps, and where the piece was read before it was written.
TEST_P(ShadowPager, SHD_01_ALinkIsHeldAgainstTheWholeKey) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  guest.write_physical(kLevel2 + 8, 8, large_leaf(kLarge) & ~bit(x86::kDirty));
  guest.write_physical(kLarge + 8, 8, leaf(kData + 4096));
  EXPECT_FALSE(guest.read(kSecond2M).is_fault);
  EXPECT_FALSE(guest.write(kSecond2M, leaf(kData)).is_fault);  // D comes to be set: other rights
  EXPECT_EQ(guest.audit(), "");
  guest.write_physical(kLevel2 + 8, 8, table(kLarge));
  EXPECT_FALSE(guest.read(kSecond2M + 4096).is_fault);
  EXPECT_TRUE(guest.is_shadowed(kLarge));
  expect_reads(guest, kSecond2M, kData);
}

// CVE-2026-46113: the entry was changed from outside the guest, so that nothing trapped.
TEST_P(ShadowPager, SHD_02_APieceOfAnotherLargePageIsAnotherTable) {
  ShadowGuest guest(options_of(GetParam()));
  guest.write_physical(kLevel2 + 8, 8, large_leaf(kLarge));
  guest.write_physical(Gpa(0x600000), 8, 0x77);
  EXPECT_EQ(guest.read(kSecond2M).value, 0U);
  guest.write_physical(kLevel2 + 8, 8, large_leaf(Gpa(0x600000)));
  const BenchResult other = guest.read(kSecond2M + 0x1000);  // not filled before
  EXPECT_FALSE(other.is_fault);
  EXPECT_EQ(guest.vm().shadow.reverse_map.leaves(Gpa(0x601000), 1).size(), 1U);
  EXPECT_EQ(guest.read(kSecond2M).value, 0x77U);
  EXPECT_EQ(guest.audit(), "");
}

// CVE-2026-64561: making room must not take the root or a table on the way.
TEST_P(ShadowPager, SHD_04_MakingRoomSparesTheRootInUse) {
  BenchOptions options = options_of(GetParam());
  options.vm.shadow.max_tables = 10;
  ShadowGuest guest(options);
  mark_pages(guest);
  for (unsigned i = 0; i < 16; ++i) {  // tables of their own for each
    const Gpa level1(0x20000 + i * 4096);
    guest.write_physical(kLevel2 + (8 + i) * 8, 8, table(level1));
    guest.write_physical(level1, 8, leaf(kData + i % 8 * 4096));
  }
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < 16; ++i) {
      expect_reads(guest, Gva(std::uint64_t{8 + i} << 21), kData + i % 8 * 4096);
      EXPECT_LE(guest.vm().shadow.cache.num_tables(), 10U);
    }
  }
  EXPECT_GT(guest.statistics().zapped_for_room, 20U);
}

// KVM 65855ed8b034: a table that is out of sync is linked at a second place.
TEST(ShadowPagerOnFlush, SHD_05_ATableIsInSyncWhenItIsLinked) {
  ShadowGuest guest(options_of(ShadowSync::kOnFlush));
  mark_pages(guest);
  expect_reads(guest, kPage, kData);
  guest.set(kLevel1, leaf(kData + 5 * 4096));
  ASSERT_FALSE(guest.vm().shadow.cache.out_of_sync().empty());
  guest.set(kLevel2 + 8, table(kLevel1));               // was not present: the guest need not flush
  EXPECT_FALSE(guest.read(kSecond2M + 4096).is_fault);  // the fault that links, elsewhere in it
  expect_reads(guest, kSecond2M, kData + 5 * 4096);
}

// KVM f7d9c7b7b902: another processor changes the entry between the walk and the protection.
// The root in use has no link yet to the tables of another one, so that INVLPG does not come by.
TEST(ShadowPagerOnFlush, SHD_05_WhatIsBelowATableIsInSyncWhenThatIsLinked) {
  ShadowGuest guest(options_of(ShadowSync::kOnFlush));
  EXPECT_FALSE(guest.cpu().load(kPage, 8, Privilege::kUser).is_fault);
  guest.cpu().load_cr3(kOtherRoot);
  guest.set(kLevel1, 0);
  ASSERT_FALSE(guest.vm().shadow.cache.out_of_sync().empty());
  guest.cpu().invlpg(kPage);
  EXPECT_FALSE(guest.cpu().load(kPage + 4096, 8, Privilege::kUser).is_fault);  // links
  EXPECT_TRUE(guest.cpu().load(kPage, 8, Privilege::kUser).is_fault);
  EXPECT_EQ(guest.audit(), "");
}

TEST_P(ShadowPager, SHD_06_AnEntryIsReadAgainOnceItsTableIsProtected) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  bool is_done = false;
  const Hpa entry = *guest.hypervisor().translate(guest.memory(), guest.vm_id(), kLevel1);
  guest.cpu().before_store = [&](Hpa) {  // the first: of a link, after the walk
    if (!std::exchange(is_done, true)) {
      guest.memory().write(entry, 8, leaf(kData + 3 * 4096));
    }
  };
  expect_reads(guest, kPage, kData + 3 * 4096);
  EXPECT_TRUE(is_done);
  EXPECT_EQ(guest.statistics().retried, 1U);
}

// KVM d3c422bd3338: one small host page that is read-only makes its piece read-only, not more.
TEST_P(ShadowPager, SHD_09_AReadOnlyHostPageConcernsItsPieceAlone) {
  ShadowGuest guest(options_of(GetParam()));
  guest.write_physical(kLevel2 + 8, 8, large_leaf(kLarge));
  guest.write_physical(kLarge, 8, 1);
  guest.write_physical(kLarge + 4096, 8, 2);
  TableBuilder host(guest.vm().format(), guest.vm().root.value(),
                    HostTables{guest.memory(), *std::make_unique<FrameAllocator<Hpa>>()});
  const FoundLeaf found = *host.find_leaf(kLarge.value());
  host.write_entry(found.entry_address, found.entry & ~bit(ept::kWrite));
  EXPECT_EQ(guest.read(kSecond2M).value, 1U);
  EXPECT_EQ(guest.read(kSecond2M + 4096).value, 2U);
  EXPECT_FALSE(guest.cpu().cached(kSecond2M)->guest.write());
  EXPECT_TRUE(guest.cpu().cached(kSecond2M + 4096)->guest.write());
  EXPECT_EQ(guest.audit(), "");
  EXPECT_FALSE(guest.write(kSecond2M, 3).is_fault);  // the host gives the right back
  EXPECT_EQ(guest.read_physical(kLarge, 8), 3U);
}

// KVM 7751babd3c6d: a table maps the page that it lies in, and is written through that mapping.
TEST_P(ShadowPager, SHD_10_ATableThatMapsItselfCanBeWritten) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  guest.write_physical(kLevel1 + 8, 8, leaf(kLevel1));
  const std::uint64_t before = guest.cpu().num_exits();
  EXPECT_FALSE(guest.write(kPage + 4096 + 16, leaf(kData + 6 * 4096)).is_fault);
  EXPECT_LE(guest.cpu().num_exits() - before, 3U);
  EXPECT_EQ(guest.read_physical(kLevel1 + 16, 8), leaf(kData + 6 * 4096));
  expect_reads(guest, kPage + 2 * 4096, kData + 6 * 4096);
}

TEST(ShadowPagerAtOnce, SHD_10_ALargePageOverItsOwnTableIsMappedInPieces) {
  BenchOptions options = options_of(ShadowSync::kAtOnce);
  options.vm.backing = PageSize::k2M;
  ShadowGuest guest(options);
  guest.write_physical(kLevel2 + 8, 8, large_leaf(Gpa(0)));  // all tables lie in it
  EXPECT_EQ(guest.read(kSecond2M + kLevel2.value() + 8).value, large_leaf(Gpa(0)));
  EXPECT_EQ(guest.cpu().cached(kSecond2M + kLevel2.value())->guest_page_bits, 12);
  EXPECT_FALSE(guest.write(kSecond2M + kLevel1.value(), leaf(kData)).is_fault);
  EXPECT_EQ(guest.audit(), "");
}

// XSA-401: another processor holds a writable translation of the frame that becomes a table.
TEST_P(ShadowPager, SHD_12_WritersOfANewTableAreFlushedEverywhere) {
  BenchOptions options = options_of(GetParam());
  options.num_cpus = 2;
  ShadowGuest guest(options);
  mark_pages(guest);
  guest.set(kLevel1 + 7 * 8, 0, 1);  // no table yet
  ASSERT_TRUE(guest.cpu(1).cached(direct(kLevel1))->guest.write());
  guest.cpu(0).invalidations.clear();
  guest.cpu(0).before_load = [&](Hpa) {
    if (guest.vm().shadow.cache.is_shadowed(kLevel1)) {  // marked before anything is taken away
      guest.cpu(0).before_load = {};
      EXPECT_TRUE(guest.cpu(0).invalidations.empty() ||
                  guest.cpu(0).invalidations.back().second <= 1);
    }
  };
  expect_reads(guest, kPage, kData);
  const auto left = guest.cpu(1).cached(direct(kLevel1));
  EXPECT_TRUE(!left || !left->guest.write());
  const std::uint64_t exits = guest.cpu(1).num_exits();
  guest.set(kLevel1, leaf(kData + 4096), 1);
  EXPECT_GT(guest.cpu(1).num_exits(), exits);
  guest.cpu(0).invlpg(kPage);
  expect_reads(guest, kPage, kData + 4096);
}

// XSA-477: a write that is wider than an entry, or lies across two.
TEST(ShadowPagerAtOnce, SHD_13_AWideWriteIsFollowedInEveryEntry) {
  for (const std::size_t length : {std::size_t{16}, std::size_t{32}}) {
    for (const std::uint64_t offset : {std::uint64_t{8}, std::uint64_t{12}}) {
      ShadowGuest guest(options_of(ShadowSync::kAtOnce));
      mark_pages(guest);
      std::array<std::byte, 64> content{};
      for (unsigned i = 0; i < 8; ++i) {
        expect_reads(guest, kPage + i * 4096, kData + i * 4096);
        const std::uint64_t entry = leaf(kData + (7 - i) * 4096);
        std::memcpy(content.data() + i * 8, &entry, 8);
      }
      const auto data = std::span(content).subspan(offset, length);
      guest.cpu().store_bytes(direct(kLevel1 + offset), data, Privilege::kSupervisor);
      EXPECT_EQ(guest.statistics().emulated, 1U);
      EXPECT_EQ(guest.audit(), "");
      guest.cpu().load_cr3(kRoot);
      for (unsigned i = 0; i < 8; ++i) {
        const Gpa entry = kLevel1 + i * 8;
        const Gpa page(guest.read_physical(entry, 8) & mask(51, 12));
        const bool is_written = i * 8 >= offset && i * 8 + 4 <= offset + length;  // its lower half
        EXPECT_EQ(page, kData + (is_written ? 7 - i : i) * 4096);
        expect_reads(guest, kPage + i * 4096, page);
      }
    }
  }
}

TEST(ShadowPagerAtOnce, SHD_13_AWriteAtTheEndOfATableStaysInIt) {
  ShadowGuest guest(options_of(ShadowSync::kAtOnce));
  EXPECT_FALSE(guest.read(kPage).is_fault);
  const std::array<std::byte, 32> zeroes{};
  guest.cpu().store_bytes(direct(kLevel1 + (4096 - 32)), zeroes, Privilege::kSupervisor);
  EXPECT_EQ(guest.statistics().emulated, 1U);
  EXPECT_EQ(guest.audit(), "");
  EXPECT_FALSE(guest.read(kPage).is_fault);
}

// XSA-249, XSA-250: one table behind every entry of the level above.
TEST_P(ShadowPager, SHD_16_ATableHasAsManyParentsAsThereAre) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  for (unsigned i = 0; i < 512; ++i) {
    guest.write_physical(kLevel2 + i * 8, 8, table(kLevel1));
  }
  for (unsigned i = 0; i < 512; ++i) {
    ASSERT_EQ(guest.read(Gva(std::uint64_t{i} << 21)).value, value_of(kData));
  }
  EXPECT_EQ(guest.audit(), "");
  guest.run(HostAction::kMigrate, {kLevel1, kLevel1 + 4096});
  EXPECT_EQ(guest.audit(), "");
  EXPECT_FALSE(guest.is_shadowed(kLevel1));
  guest.hypervisor().drop_shadow(guest.cpu(), guest.vm_id());
  EXPECT_EQ(guest.vm().shadow.cache.num_tables(), 0U);
  EXPECT_EQ(guest.vm().shadow.reverse_map.num_leaves(), 0U);
  EXPECT_EQ(guest.statistics().tables_made, guest.statistics().tables_freed);
}

// XSA-438: no room for a new root; what was there is whole.
TEST_P(ShadowPager, SHD_17_TheOldRootIsLeftAfterTheNewOneExists) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  expect_reads(guest, kPage, kData);
  const ShadowId old_root = guest.vm().shadow.vcpus[0].root;
  bool is_old_there = false;
  guest.cpu().before_store = [&](Hpa) {
    is_old_there = guest.vm().shadow.cache.table(old_root).num_roots == 1;
  };
  guest.cpu().load_cr3(kOtherRoot);
  EXPECT_NE(guest.vm().shadow.vcpus[0].root, old_root);
  EXPECT_EQ(guest.vm().shadow.cache.table(old_root).num_roots, 0U);
  guest.cpu().before_store = {};
  expect_reads(guest, kPage, kData);
  guest.cpu().load_cr3(kRoot);
  EXPECT_EQ(guest.vm().shadow.vcpus[0].root, old_root);  // kept, and found again
  const std::uint64_t exits = guest.cpu().num_exits();
  expect_reads(guest, kPage, kData);
  EXPECT_EQ(guest.cpu().num_exits(), exits);
}

// XSA-243: a root with an entry for itself, and tables written through it.
TEST_P(ShadowPager, SHD_18_ARecursiveRootIsProtectedAtEveryLevel) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  guest.write_physical(kRoot + 8, 8, table(kRoot));
  const auto through = [](std::uint64_t l4, std::uint64_t l3, std::uint64_t l2, std::uint64_t l1) {
    return Gva(l4 << 39 | l3 << 30 | l2 << 21 | l1 << 12);
  };
  expect_reads(guest, kPage, kData);
  EXPECT_EQ(guest.read(through(1, 1, 1, 1) + 8).value, table(kRoot));  // the root as a page
  EXPECT_EQ(guest.read(through(1, 0, 0, 0) + 16).value, leaf(kData + 2 * 4096));
  EXPECT_FALSE(guest.write(through(1, 0, 0, 0), leaf(kData + 4096)).is_fault);  // kLevel1
  EXPECT_FALSE(guest.write(through(1, 1, 0, 0) + 8, table(kLevel1)).is_fault);  // kLevel2
  EXPECT_FALSE(guest.write(through(1, 1, 1, 1) + 16, table(kLevel3)).is_fault);
  guest.cpu().load_cr3(kRoot);
  expect_reads(guest, kPage, kData + 4096);
  expect_reads(guest, kSecond2M, kData + 4096);
  expect_reads(guest, through(2, 0, 0, 0), kData + 4096);
}

// A table that is freed and used for data: it stops to trap.
TEST_P(ShadowPager, SHD_26_AFormerTableIsWrittenWithoutExits) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  expect_reads(guest, kPage, kData);
  guest.write_physical(kLevel2 + 8, 8, table(kOtherLevel1));
  guest.set(kLevel2, 0);
  guest.cpu().invlpg(kPage);
  guest.write_physical(kOtherLevel1, 8, leaf(kLevel1));
  const std::uint64_t before = guest.cpu().num_exits();
  for (unsigned i = 0; i < 1000; ++i) {
    ASSERT_FALSE(guest.write(kSecond2M + i % 512 * 8, i).is_fault);
  }
  EXPECT_LE(guest.cpu().num_exits() - before, 8U);
  for (unsigned i = 488; i < 1000; ++i) {
    ASSERT_EQ(guest.read_physical(kLevel1 + i % 512 * 8, 8), i);
  }
  EXPECT_EQ(guest.audit(), "");
  // By the kernel, over its direct map, likewise.
  for (unsigned i = 0; i < 100; ++i) {
    guest.set(kLevel1 + i * 8, 0);
  }
  EXPECT_LE(guest.cpu().num_exits() - before, 10U);
}

// KVM 93a423e7045c: a large page is replaced by smaller ones while another processor holds it.
TEST_P(ShadowPager, SPL_01_ALargePageIsGoneEverywhereBeforeItsPiecesCome) {
  BenchOptions options = options_of(GetParam());
  options.num_cpus = 2;
  options.vm.backing = PageSize::k2M;
  ShadowGuest guest(options);
  guest.write_physical(kLevel2 + 8, 8, large_leaf(kLarge));
  guest.write_physical(kLarge, 8, leaf(kData));
  EXPECT_EQ(guest.read(kSecond2M, 1).value, leaf(kData));
  ASSERT_EQ(guest.cpu(1).cached(kSecond2M)->guest_page_bits, 21);
  guest.write_physical(kLevel2 + 16, 8, table(kLarge));
  mark_pages(guest);
  expect_reads(guest, Gva(std::uint64_t{4} << 20), kData);  // a table in the large page
  EXPECT_FALSE(guest.cpu(1).cached(kSecond2M).has_value());
  EXPECT_EQ(guest.read(kSecond2M, 1).value, leaf(kData));
  EXPECT_EQ(guest.cpu(1).cached(kSecond2M)->guest_page_bits, 12);
  EXPECT_FALSE(guest.write(kSecond2M, leaf(kData + 4096), 1).is_fault);
  guest.cpu(0).load_cr3(kRoot);
  guest.cpu(1).load_cr3(kRoot);
  expect_reads(guest, Gva(std::uint64_t{4} << 20), kData + 4096);
}

// XSA-328, XSA-347: at every store of the hypervisor, a walk on another processor finds what the
// guest has mapped, or nothing.
TEST_P(ShadowPager, SPL_05_NoStoreShowsAHalfMadeTable) {
  BenchOptions options = options_of(GetParam());
  options.num_cpus = 2;
  ShadowGuest guest(options);
  mark_pages(guest);
  std::uint64_t num_found = 0;
  const auto look = [&](Hpa) {
    const ShadowState& state = guest.vm().shadow;
    WalkContext context;
    context.has_guest = true;
    context.guest_root = state.cache.table(state.vcpus[1].root).frame.value();
    struct Memory {
      SparseMemory& memory;
      MemoryAnswer read(const Step& step) const {
        return {true, memory.read(step.hpa, step.bytes)};
      }
      static UpdateAnswer update(const Step&) {
        ADD_FAILURE() << "A or D of a shadow entry was clear";
        return UpdateAnswer::kError;
      }
    };
    for (unsigned i = 0; i < 8; ++i) {
      const Access access{kPage + i * 4096, AccessType::kRead, Privilege::kUser};
      const WalkOutcome outcome = walk(context, access, Memory{guest.memory()}, NoCache{});
      if (outcome.is_translation) {
        ++num_found;
        ASSERT_EQ(outcome.translation.hpa,
                  *guest.hypervisor().translate(guest.memory(), guest.vm_id(), kData + i * 4096));
      }
    }
  };
  guest.cpu(0).before_store = look;
  for (unsigned i = 0; i < 8; ++i) {
    expect_reads(guest, kPage + i * 4096, kData + i * 4096);
  }
  for (unsigned i = 0; i < 5; ++i) {
    guest.set(kLevel2 + 8 * 8, i % 2 == 0 ? table(kOtherLevel1) : 0);
    expect_reads(guest, kPage, kData);
  }
  EXPECT_GT(num_found, 20U);
}

// KVM 07ffaf3: roots of before are as much in sync as the one that is loaded.
TEST(ShadowPagerOnFlush, SWI_02_ALoadOfCr3SyncsWhatEveryRootUses) {
  ShadowGuest guest(options_of(ShadowSync::kOnFlush));
  mark_pages(guest);
  for (const Gpa root : {kOtherRoot, kRoot, kOtherRoot}) {
    guest.cpu().load_cr3(root);
    expect_reads(guest, kPage, kData);
  }
  guest.set(kLevel1, leaf(kData + 2 * 4096));
  EXPECT_FALSE(guest.vm().shadow.cache.out_of_sync().empty());
  guest.cpu().load_cr3(kRoot);
  EXPECT_TRUE(guest.vm().shadow.cache.out_of_sync().empty());
  expect_reads(guest, kPage, kData + 2 * 4096);
  guest.cpu().load_cr3(kOtherRoot);
  expect_reads(guest, kPage, kData + 2 * 4096);
}

// KVM f87f928882d0: a guest without paging, before and after.
TEST_P(ShadowPager, SWI_05_AGuestWithoutPagingSeesItsMemory) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  expect_reads(guest, kPage, kData);
  GuestRegisters registers = guest.cpu().registers();
  registers.paging = false;
  registers.control.smep = true;
  registers.control.smap = true;  // both are about tables' user pages: nothing here
  guest.cpu().write_control(registers);
  EXPECT_EQ(guest.cpu().load(Gva(kData.value()), 8, Privilege::kSupervisor).value, value_of(kData));
  EXPECT_FALSE(guest.cpu().fetch(Gva(kData.value()), Privilege::kSupervisor).is_fault);
  // A store to a frame that is shadowed for the time with paging.
  guest.cpu().store(Gva(kLevel1.value()), 8, leaf(kData + 4096), Privilege::kSupervisor);
  EXPECT_EQ(guest.read_physical(kLevel1, 8), leaf(kData + 4096));
  EXPECT_TRUE(guest.cpu().load(Gva(kGuestBytes), 8, Privilege::kSupervisor).is_stopped);
  EXPECT_EQ(guest.audit(), "");
  registers.paging = true;
  registers.control.smap = false;
  guest.cpu().write_control(registers);
  expect_reads(guest, kPage, kData + 4096);
}

// An entry that is written in halves, the present bit last and first: nothing in between is mapped.
TEST_P(ShadowPager, CON_04_AnEntryWrittenInHalvesIsNothingInBetween) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  expect_reads(guest, kPage, kData);
  const std::uint64_t other = leaf(kData + 4096) | bit(x86::kNoExecute);
  const auto set_half = [&](std::uint64_t offset, std::uint64_t word) {
    guest.cpu().store(direct(kLevel1 + offset), 4, word, Privilege::kSupervisor);
    guest.cpu().invlpg(kPage);
    EXPECT_EQ(guest.audit(), "");
  };
  set_half(0, 0);
  EXPECT_TRUE(guest.read(kPage).is_fault);
  set_half(4, other >> 32);
  EXPECT_TRUE(guest.read(kPage).is_fault);
  set_half(0, other & mask(31, 0));
  expect_reads(guest, kPage, kData + 4096);
  EXPECT_TRUE(guest.cpu().fetch(kPage, Privilege::kUser).is_fault);
}

// A store that changes the mapping it goes through goes by the old one as a whole.
TEST_P(ShadowPager, CON_05_AStoreMayChangeItsOwnMapping) {
  ShadowGuest guest(options_of(GetParam()));
  mark_pages(guest);
  guest.write_physical(kLevel1 + 8, 8, leaf(kLevel1));
  EXPECT_FALSE(guest.write(kPage + 4096 + 8, leaf(kData + 4096)).is_fault);
  EXPECT_EQ(guest.read_physical(kLevel1 + 8, 8), leaf(kData + 4096));
  EXPECT_EQ(guest.read_physical(kData + 4096 + 8, 8), 0U);
  guest.cpu().invlpg(kPage + 4096);
  expect_reads(guest, kPage + 4096, kData + 4096);
}

}  // namespace
}  // namespace nestwalk::test
