// Dirty logs: catalogue series DLG as far as it concerns the host stage.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/frame_migration.h"
#include "model/hypervisor/guest_write.h"
#include "model/hypervisor/host_actions.h"
#include "model/walk/functional_driver.h"
#include "tests/unit/hypervisor_dressings.h"

namespace nestwalk::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Formats, NestedPagerOf, ::testing::ValuesIn(kDressings), dressing_label);

using Pages = std::set<std::uint64_t>;

Pages pages_of(const PageSet& set) {
  Pages pages;
  set.for_each([&](Gpa page) { pages.insert(page.value()); });
  return pages;
}

// A guest under a log, by either method.
struct Logged {
  Logged(const VmParams& params, DirtyLogMethod method) : guest(make(params, method)) {}

  StickyGuest make(VmParams params, DirtyLogMethod method) {
    params.dirty_log_method = method;
    vm = host.create(params);
    return {host, vm, 2};
  }
  void start(std::uint64_t begin = 0, std::uint64_t end = ~std::uint64_t{0}) {
    DirtyLogger(guest.context(), guest.targets()).start(Gpa(begin), Gpa(end));
  }
  Pages harvest() {
    const Pages pages = pages_of(DirtyLogger(guest.context(), guest.targets()).harvest());
    guest.expect_caches_are_true();
    return pages;
  }
  void stop() { DirtyLogger(guest.context(), guest.targets()).stop(); }
  std::uint64_t flushes() const { return guest.vm().statistics.pager.flushes; }

  Host host;
  VmId vm{};
  StickyGuest guest;
};

constexpr std::array kMethods = {DirtyLogMethod::kWriteProtect, DirtyLogMethod::kDirtyBits};

TEST_P(NestedPagerOf, DLG_00_HarvestsAreExactlyWhatWasWritten) {
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam()), method);
    for (const std::uint64_t gpa : {0x1000U, 0x2000U, 0x3000U, 0x4000U}) {
      ASSERT_TRUE(log.guest.write(0, gpa, gpa));
    }
    log.start(0x2000, 0x5000);
    log.guest.expect_caches_are_true();
    EXPECT_EQ(log.flushes(), 1U);
    EXPECT_EQ(log.harvest(), Pages{});
    EXPECT_EQ(log.flushes(), 1U) << "nothing was taken away";
    ASSERT_TRUE(log.guest.read(0, 0x2000));
    ASSERT_TRUE(log.guest.write(0, 0x3008, 5));
    ASSERT_TRUE(log.guest.write(1, 0x1000, 5));  // outside the range
    EXPECT_EQ(log.harvest(), Pages{0x3000});
    EXPECT_EQ(log.flushes(), 2U);
    ASSERT_TRUE(log.guest.write(1, 0x3010, 6));
    ASSERT_TRUE(log.guest.write(0, 0x3018, 7));
    ASSERT_TRUE(log.guest.write(0, 0x4000, 8));
    EXPECT_EQ(log.harvest(), (Pages{0x3000, 0x4000}));
    log.stop();
    EXPECT_EQ(log.flushes(), 3U) << "giving rights back needs no flush";
    EXPECT_TRUE(log.host.walk(log.vm, 0x2000)->write);
    const std::uint64_t faults = log.guest.num_faults();
    ASSERT_TRUE(log.guest.write(0, 0x2000, 9));
    EXPECT_EQ(log.guest.num_faults(), faults);
    EXPECT_EQ(log.harvest(), Pages{}) << "no log is on";
    EXPECT_EQ(log.host.port.invalidations.size(), 3U * 2) << "each on both cores";
  }
}

TEST_P(NestedPagerOf, DLG_00_WritesCostAFaultOnlyWhereEntriesAreProtected) {
  Logged protect(vm_of(GetParam()), DirtyLogMethod::kWriteProtect);
  Logged bits(vm_of(GetParam()), DirtyLogMethod::kDirtyBits);
  for (Logged* log : {&protect, &bits}) {
    ASSERT_TRUE(log->guest.write(0, 0x1000, 1));
    log->start();
    ASSERT_TRUE(log->guest.write(0, 0x1000, 2));
    ASSERT_TRUE(log->guest.write(0, 0x1008, 3));
  }
  EXPECT_EQ(protect.guest.num_faults(), 2U);
  EXPECT_EQ(bits.guest.num_faults(), bits.guest.has_accessed_dirty() ? 1U : 2U);
  const PagerStatistics& protecting = protect.guest.vm().statistics.pager;
  EXPECT_EQ(protecting.log_write_faults, 1U);
  EXPECT_EQ(protecting.log_pages_protected, 1U);
  EXPECT_EQ(protecting.log_dirty_bits_cleared, 0U);
  const PagerStatistics& clearing = bits.guest.vm().statistics.pager;
  EXPECT_EQ(clearing.log_dirty_bits_cleared, bits.guest.has_accessed_dirty() ? 1U : 0U);
  EXPECT_EQ(clearing.log_pages_protected, bits.guest.has_accessed_dirty() ? 0U : 1U);
  EXPECT_GT(protect.host.port.spent.cycles(Cause::kDirtyLog), 0U);
}

TEST(HypervisorDirtyLog, DLG_01_DirtyBitsWithoutHardwareFallBackToProtection) {
  Logged log(vm_of({HostFormat::kEptFourLevel, false}), DirtyLogMethod::kDirtyBits);
  ASSERT_TRUE(log.guest.write(0, 0x1000, 1));
  log.start();
  EXPECT_EQ(log.guest.vm().dirty_log->method, DirtyLogMethod::kWriteProtect);
  EXPECT_FALSE(log.host.walk(log.vm, 0x1000)->write);
  ASSERT_TRUE(log.guest.write(0, 0x1000, 2));
  EXPECT_EQ(log.harvest(), Pages{0x1000});
}

TEST_P(NestedPagerOf, DLG_02_LargePagesAreLoggedWholeOrInPieces) {
  for (const DirtyLogMethod method : kMethods) {
    for (const bool splits : {false, true}) {
      VmParams params = vm_of(GetParam(), 64 * kMiB, PageSize::k2M);
      params.dirty_log_splits_pages = splits;
      Logged log(params, method);
      ASSERT_TRUE(log.guest.write(0, size() + 0x3000, 1));
      ASSERT_TRUE(log.guest.write(1, 2 * size(), 1));
      // A quarter of the large page.
      log.start(size(), size() + size() / 4);
      log.guest.expect_caches_are_true();
      EXPECT_EQ(log.host.walk(log.vm, size())->page_bits, splits ? 12U : bits());
      EXPECT_EQ(log.host.walk(log.vm, 2 * size())->page_bits, bits());
      EXPECT_EQ(log.flushes(), 1U);
      ASSERT_TRUE(log.guest.write(0, size() + 0x3000, 2));
      const Pages pages = log.harvest();
      EXPECT_EQ(pages.size(), splits ? 1U : pieces() / 4);
      EXPECT_TRUE(pages.contains(size() + 0x3000));
      // The whole entry, also what lies outside the range, tells of the next write.
      ASSERT_TRUE(log.guest.write(0, size() + 0x4000, 3));
      EXPECT_TRUE(log.harvest().contains(size() + 0x4000));
      EXPECT_EQ(log.harvest(), Pages{});
    }
  }
}

// Another core writes through what it has cached, at any moment of a harvest.
TEST_P(NestedPagerOf, DLG_04_AWriteDuringAHarvestIsInItOrInTheNext) {
  for (const DirtyLogMethod method : kMethods) {
    for (unsigned moment = 0; moment < 8; ++moment) {
      Logged log(vm_of(GetParam()), method);
      for (std::uint64_t gpa = 0; gpa < 0x4000; gpa += 0x1000) {
        ASSERT_TRUE(log.guest.write(1, gpa, 1));
      }
      log.start();
      for (std::uint64_t gpa = 0; gpa < 0x4000; gpa += 0x1000) {
        ASSERT_TRUE(log.guest.write(1, gpa, 2));
      }
      unsigned calls = 0;
      bool has_written = false;
      const auto write = [&] {
        if (calls++ == moment) {
          has_written = log.guest.try_write(1, 0x2000, 77);
        }
      };
      log.host.port.before_swap = [&](Hpa) { write(); };
      // Also between the last entry and the flush, and between the flushes of both cores.
      const auto flush = log.host.port.on_invalidate;
      log.host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
        write();
        flush(drop, core);
      };
      const Pages first = pages_of(DirtyLogger(log.guest.context(), log.guest.targets()).harvest());
      log.host.port.on_invalidate = flush;
      log.host.port.before_swap = nullptr;
      log.guest.expect_caches_are_true();
      const Pages second = log.harvest();
      EXPECT_TRUE(first.contains(0x2000));
      EXPECT_TRUE(second.empty() || second == Pages{0x2000});
      if (has_written) {
        EXPECT_EQ(log.host.memory.read(Hpa(log.host.walk(log.vm, 0x2000)->output), 8), 77U)
            << "seen by whoever copies after the harvest";
      }
      EXPECT_EQ(has_written, moment < 6) << "four entries and two cores";
    }
  }
}

// A page that moves, is split or comes back stays as the log wants it.
TEST_P(NestedPagerOf, DLG_05_OtherOperationsKeepWhatALogProtects) {
  for (const DirtyLogMethod method : kMethods) {
    for (const MigrationMethod migration :
         {MigrationMethod::kWriteProtect, MigrationMethod::kNotPresent}) {
      VmParams params = vm_of(GetParam(), 64 * kMiB, PageSize::k2M);
      params.migration = migration;
      params.dirty_log_splits_pages = false;
      Logged log(params, method);
      ASSERT_TRUE(log.guest.write(0, 0x1000, 1));
      log.start(0, size());
      FrameMigration(log.guest.context(), log.guest.targets()).move_range(Gpa{0}, Gpa{0x1000});
      HostActions(log.guest.context(), log.guest.targets())
          .run(HostAction::kSplit, std::array{GuestRange{Gpa{0}, Gpa{size()}}});
      FrameMigration(log.guest.context(), log.guest.targets()).move_range(Gpa{0}, Gpa{0x3000});
      log.guest.expect_caches_are_true();
      EXPECT_EQ(log.harvest(), Pages{});
      ASSERT_TRUE(log.guest.write(1, 0x2000, 2));
      FrameMigration(log.guest.context(), log.guest.targets()).move_range(Gpa{0}, Gpa{0x3000});
      EXPECT_EQ(log.harvest(), Pages{0x2000});
    }
  }
}

// ---- What no entry of the logged page tells ----

struct HostMemory {
  SparseMemory& memory;
  MemoryAnswer read(const Step& step) const { return {true, memory.read(step.hpa, step.bytes)}; }
  UpdateAnswer update(const Step& step) const {
    return memory.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }
};

// A supervisor access by the walk engine, its faults served; whether it came to a translation.
bool access_guest(Logged& log, std::uint64_t gva, AccessType type) {
  WalkContext context;
  context.has_guest = true;
  context.guest_root = 0x1000;
  context.has_host = true;
  context.host_format = log.guest.vm().format().id;
  context.host_root = log.guest.vm().root.value();
  context.control.accessed_dirty = log.guest.has_accessed_dirty();
  context.control.wp = false;
  Access access;
  access.address = Gva(gva);
  access.type = type;
  access.privilege = Privilege::kSupervisor;
  for (unsigned tries = 0; tries < 10; ++tries) {
    const WalkOutcome outcome = walk(context, access, HostMemory{log.host.memory}, NoCache{});
    if (outcome.is_translation) {
      return true;
    }
    if (is_guest_fault(outcome.fault.kind) ||
        log.host.hypervisor.handle_fault(log.host.port, log.vm, outcome.fault) !=
            ExitOutcome::kResumed) {
      return false;
    }
  }
  return false;
}

// Guest tables at 1000 to 4000 whose last level maps what `leaves` says, page by page from GVA 0.
void make_tables(Logged& log, const std::vector<std::uint64_t>& leaves) {
  constexpr std::uint64_t kPointer = 0x7 | bit(x86::kAccessed);
  ASSERT_TRUE(log.guest.write(0, 0x1000, 0x2000 | kPointer));
  ASSERT_TRUE(log.guest.write(0, 0x2000, 0x3000 | kPointer));
  ASSERT_TRUE(log.guest.write(0, 0x3000, 0x4000 | kPointer));
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_TRUE(log.guest.write(0, 0x4000 + i * 8, leaves[i]));
    ASSERT_TRUE(log.guest.write(0, leaves[i] & ~std::uint64_t{0xfff}, 42));
  }
}

// The guest's own read-only entry does not stop a supervisor with WP = 0; the log's does.
TEST_P(NestedPagerOf, DLG_06_AWriteThatIgnoresGuestRightsIsLogged) {
  constexpr std::uint64_t kReadOnly = 0x5 | bit(x86::kAccessed) | bit(x86::kDirty);
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam()), method);
    make_tables(log, {0x5000 | kReadOnly, 0x5000 | kReadOnly});
    log.start(0x5000, 0x6000);
    ASSERT_TRUE(access_guest(log, 0x1000, AccessType::kRead));
    EXPECT_EQ(log.harvest(), Pages{});
    ASSERT_TRUE(access_guest(log, 0x1000, AccessType::kWrite));
    EXPECT_EQ(log.harvest(), Pages{0x5000});
    ASSERT_TRUE(access_guest(log, 0x0, AccessType::kWrite));  // the other alias
    EXPECT_EQ(log.harvest(), Pages{0x5000});
  }
}

TEST_P(NestedPagerOf, DLG_08_TheWalkersOwnWritesToGuestTablesAreLogged) {
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam()), method);
    make_tables(log, {0x5000 | 0x7});  // only this entry lacks A
    log.start();
    ASSERT_TRUE(access_guest(log, 0, AccessType::kRead));
    const std::uint64_t entry = log.host.memory.read(Hpa(log.host.walk(log.vm, 0x4000)->output), 8);
    ASSERT_NE(entry & bit(x86::kAccessed), 0U);
    // With A and D in the host stage every access to a guest table is a write to it.
    const Pages expected =
        log.guest.has_accessed_dirty() ? Pages{0x1000, 0x2000, 0x3000, 0x4000} : Pages{0x4000};
    EXPECT_EQ(log.harvest(), expected);
  }
}

TEST_P(NestedPagerOf, DLG_08_TheHypervisorsOwnWritesAreLogged) {
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam()), method);
    ASSERT_TRUE(log.guest.write(0, 0x1000, 1));
    ASSERT_TRUE(log.guest.write(0, 0x2000, 1));
    log.start();
    ASSERT_TRUE(write_guest(log.guest.context(), Cause::kEptViolation, Gpa(0x1010), 8, 99));
    EXPECT_EQ(log.guest.read(0, 0x1010), 99U);
    EXPECT_EQ(log.harvest(), Pages{0x1000});
    // Also where nothing was: the page comes to be.
    ASSERT_TRUE(write_guest(log.guest.context(), Cause::kEptViolation, Gpa(0x7004), 4, 98));
    EXPECT_EQ(log.guest.read(1, 0x7000), std::uint64_t{98} << 32);
    EXPECT_EQ(log.harvest(), Pages{0x7000});
  }
}

TEST_P(NestedPagerOf, DLG_09_ACopyMadeOfLoggedPagesIsTheGuestsMemory) {
  constexpr std::uint64_t kNumPages = 64;
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam(), 64 * kMiB, PageSize::k2M), method);
    std::array<std::uint64_t, kNumPages> copy{};
    std::uint64_t state = 1;
    const auto draw = [&state] {
      return (state = state * 6364136223846793005U + 1442695040888963407U) >> 33;
    };
    const auto copy_page = [&](std::uint64_t gpa) {
      if (const auto at = log.host.walk(log.vm, gpa)) {
        copy.at(gpa >> 12) = log.host.memory.read(Hpa(at->output), 8);
      }
    };
    for (std::uint64_t p = 0; p < kNumPages; p += 3) {
      ASSERT_TRUE(log.guest.write(0, p << 12, p));
    }
    log.start(0, kNumPages << 12);
    for (std::uint64_t p = 0; p < kNumPages; ++p) {
      copy_page(p << 12);
    }
    for (std::uint64_t round = 0; round < 20; ++round) {
      for (std::uint64_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(log.guest.write(draw() % 2, draw() % kNumPages << 12, round * 100 + i));
      }
      for (const std::uint64_t page : log.harvest()) {
        copy_page(page);
      }
      for (std::uint64_t p = 0; p < kNumPages; ++p) {
        const auto at = log.host.walk(log.vm, p << 12);
        ASSERT_EQ(at ? log.host.memory.read(Hpa(at->output), 8) : 0, copy.at(p)) << "page " << p;
      }
    }
  }
}

// A and D may appear between the hypervisor's reading and its writing of an entry.
TEST_P(NestedPagerOf, AD_09_WhatTheMmuSetsMeanwhileIsNotLost) {
  for (const DirtyLogMethod method : kMethods) {
    Logged log(vm_of(GetParam()), method);
    if (!log.guest.has_accessed_dirty()) {
      continue;
    }
    ASSERT_TRUE(log.guest.write(0, 0x1000, 1));
    log.start();
    ASSERT_TRUE(log.guest.write(0, 0x1000, 1));
    const std::uint64_t accessed = log.guest.flag(ept::kAccessed, x86::kAccessed);
    const auto leaf = log.host.walk(log.vm, 0x1000);
    const unsigned bytes = shape_of(GetParam().format).entry_bytes;
    log.host.memory.write(Hpa(leaf->entry_address), bytes, leaf->entry & ~accessed);
    unsigned swaps = 0;
    log.host.port.before_swap = [&](Hpa at) {
      if (swaps++ == 0) {
        log.host.memory.write(at, bytes, leaf->entry);
      }
    };
    EXPECT_EQ(log.harvest(), Pages{0x1000});
    EXPECT_EQ(swaps, 2U);
    EXPECT_NE(log.host.walk(log.vm, 0x1000)->entry & accessed, 0U);
    log.host.port.before_swap = nullptr;
  }
}

TEST(HypervisorDirtyLog, RangesAreCutToGuestMemory) {
  Logged log(vm_of({HostFormat::kNptFourLevel, false}, 64 * kMiB), DirtyLogMethod::kDirtyBits);
  log.start(63 * kMiB, ~std::uint64_t{0});
  EXPECT_EQ(log.guest.vm().dirty_log->end, Gpa(64 * kMiB));
  EXPECT_EQ(log.flushes(), 0U) << "nothing was there to protect";
  ASSERT_TRUE(log.guest.write(0, 64 * kMiB - 8, 1));
  EXPECT_EQ(log.harvest(), Pages{64 * kMiB - 4096});
}

}  // namespace
}  // namespace nestwalk::test
