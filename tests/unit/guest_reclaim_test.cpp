// Reclaim under memory pressure: which pages go, who is told, what comes back.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

GuestMachine swapping(FormatId format = FormatId::kX86FourLevel, std::uint64_t swap_pages = 1000) {
  GuestMachine machine = machine_of(format);
  machine.params.reclaim.swap_bytes = swap_pages << 12;
  machine.params.reclaim.low_pages = 4;
  machine.params.reclaim.high_pages = 8;
  machine.params.reclaim.batch_pages = 4;
  return machine;
}

// A machine with so many frames in all; boot takes a few of them.
FrameAllocator<Gpa> few(std::uint64_t num_frames) {
  return FrameAllocator<Gpa>(Gpa{0}, num_frames << 12);
}

std::uint64_t address(std::uint64_t page) {
  return kStart + (page << 12);
}

class GuestReclaimOf : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestReclaimOf, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestReclaimOf, TwiceTheMemoryKeepsItsContents) {
  SmpMachine machine(swapping(GetParam()), 1, few(64));
  const ProcessId process = machine.start();
  machine.map(process, kStart, 128 * 4096);
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 128; ++i) {
      if (round != 0) {
        ASSERT_EQ(machine.read(0, address(i)), 1000 * (round - 1) + i) << "page " << i;
      }
      machine.write(0, address(i), 1000 * round + i);
    }
  }
  const GuestStatistics& s = machine.kernel.statistics();
  EXPECT_GT(s.swap_writes, 128U);
  EXPECT_GT(s.swap_reads, 128U);
  EXPECT_EQ(s.out_of_memory, 0U);
  EXPECT_EQ(s.remote_flushes, 0U);
  EXPECT_GT(machine.cpu().spent.cycles(Cause::kGuestReclaim), s.swap_writes * 15000);
  machine.kernel.exit_process(machine.cpu(), process);
  EXPECT_EQ(machine.kernel.frames().num_free(), machine.free_after_boot);
  EXPECT_EQ(machine.kernel.swap().num_used(), 0U);
}

TEST(GuestReclaim, OffByDefault) {
  Guest guest(machine_of(FormatId::kX86FourLevel), few(12));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 64 * 4096);
  std::uint64_t i = 0;
  while (guest.fault(process, address(i)) == FaultOutcome::kMapped) {
    ++i;
  }
  EXPECT_EQ(guest.kernel.statistics().reclaims, 0U);
  EXPECT_EQ(guest.kernel.shortage(), "no memory left");
}

class Reclaim : public ::testing::Test {
 protected:
  explicit Reclaim(const GuestMachine& params = swapping(), unsigned num_cpus = 1,
                   std::uint64_t num_frames = 48)
      : machine_(params, num_cpus, few(num_frames)), kernel_(machine_.kernel) {
    process_ = machine_.start();
    machine_.map(process_, kStart, 1024 * 4096);
  }
  bool is_present(std::uint64_t page) {
    return machine_.cpu().walk(kernel_.process(process_).root, Gva(address(page))).has_value();
  }
  // Writes further pages until reclaim has run once more.
  void press(std::uint64_t first) {
    const std::uint64_t before = kernel_.statistics().reclaims;
    for (std::uint64_t i = first; kernel_.statistics().reclaims == before; ++i) {
      machine_.write(0, address(i), i);
    }
  }

  SmpMachine machine_;
  GuestKernel& kernel_;
  ProcessId process_{};
};

TEST_F(Reclaim, TheWatermarksDecideWhenAndHowMuch) {
  while (kernel_.frames().num_free() >= 4) {
    machine_.write(0, address(kernel_.statistics().pages_mapped[0]), 1);
    ASSERT_EQ(kernel_.statistics().reclaims, 0U);
  }
  machine_.write(0, address(kernel_.statistics().pages_mapped[0]), 1);
  EXPECT_EQ(kernel_.statistics().reclaims, 1U);
  // Eight were free after it, by whole batches of four; the page took one.
  EXPECT_GE(kernel_.frames().num_free(), 7U);
  EXPECT_LE(kernel_.frames().num_free(), 10U);
}

TEST_F(Reclaim, APageInUseGetsASecondChance) {
  press(0);  // the first round has cleared every A bit
  const std::uint64_t mapped = kernel_.statistics().pages_mapped[0];
  std::uint64_t old = 0;
  while (!is_present(old)) {
    ++old;
  }
  // Used again: a walk sets A, because the CPU has forgotten the page.
  machine_.cpu().cached.clear();
  EXPECT_EQ(machine_.read(0, address(old)), old);
  press(mapped);
  EXPECT_TRUE(is_present(old)) << "it was used";
  EXPECT_FALSE(is_present(old + 1)) << "it was not";
}

TEST_F(Reclaim, TheABitIsClearedWithoutAFlush) {
  press(0);
  EXPECT_EQ(kernel_.statistics().reclaim_flushes, machine_.cpu().cr3_writes.size() - 1)
      << "one load of CR3 for each batch, beside that of the switch";
  EXPECT_TRUE(machine_.cpu().invalidations.empty());
  EXPECT_EQ(kernel_.statistics().single_invalidations, 0U);
  EXPECT_GT(kernel_.statistics().reclaim_scans, kernel_.statistics().pages_reclaimed);
}

TEST_F(Reclaim, ACleanPageIsNotWrittenAgain) {
  press(0);
  std::uint64_t gone = 0;
  while (is_present(gone)) {
    ++gone;
  }
  EXPECT_EQ(machine_.read(0, address(gone)), gone);
  EXPECT_EQ(kernel_.statistics().swap_reads, 1U);
  ASSERT_TRUE(is_present(gone));
  // Out it goes again, with all others that are older.
  const std::uint64_t from = 500;
  std::uint64_t next = from;
  while (is_present(gone)) {
    machine_.write(0, address(next), next);
    ++next;
  }
  const GuestStatistics& s = kernel_.statistics();
  EXPECT_EQ(s.swap_writes, s.pages_reclaimed - 1) << "all but this one";
  EXPECT_EQ(machine_.read(0, address(gone)), gone);
  // Written, it is dirty, and its slot is void.
  machine_.write(0, address(gone), 77);
  while (is_present(gone)) {
    machine_.write(0, address(next), next);
    ++next;
  }
  EXPECT_EQ(s.swap_writes, s.pages_reclaimed - 1);
  EXPECT_EQ(machine_.read(0, address(gone)), 77U);
}

TEST_F(Reclaim, AWriteFaultTakesThePageOutOfSwapForGood) {
  press(0);
  std::uint64_t gone = 0;
  while (is_present(gone)) {
    ++gone;
  }
  const std::uint64_t used = kernel_.swap().num_used();
  machine_.write(0, address(gone), 5);
  EXPECT_EQ(kernel_.swap().num_used(), used - 1);
}

TEST_F(Reclaim, UnmapAndExitGiveSlotsBack) {
  press(0);
  ASSERT_GT(kernel_.swap().num_used(), 0U);
  ASSERT_EQ(kernel_.unmap(machine_.cpu(), process_, Gva(kStart), 1024 * 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_EQ(kernel_.swap().num_used(), 0U);
  EXPECT_FALSE(machine_.read(0, address(0)).has_value());
}

TEST_F(Reclaim, ProtectionHoldsForWhatComesBack) {
  press(0);
  std::uint64_t gone = 0;
  while (is_present(gone)) {
    ++gone;
  }
  const auto protect = [&](GuestRegionRights rights) {
    ASSERT_EQ(kernel_.protect(machine_.cpu(), process_, {Gva(kStart), 1024 * 4096, rights}),
              ProtectOutcome::kProtected);
  };
  protect({false, false, false});
  EXPECT_FALSE(machine_.read(0, address(gone)).has_value());
  protect({true, false, false});
  EXPECT_EQ(machine_.read(0, address(gone)), gone);
  EXPECT_FALSE(machine_.access(0, address(gone), AccessType::kWrite).has_value());
  EXPECT_EQ(machine_.last_outcome, FaultOutcome::kSegfault);
}

TEST_F(Reclaim, ParentAndChildBothFindWhatWasInSwap) {
  press(0);
  std::uint64_t gone = 0;
  while (is_present(gone)) {
    ++gone;
  }
  const ProcessId child = kernel_.fork(machine_.cpu(), process_).value();
  machine_.write(0, address(gone), 123);
  kernel_.switch_to(machine_.cpu(), child);
  EXPECT_EQ(machine_.read(0, address(gone)), gone);
  for (std::uint64_t i = 0; i < kernel_.statistics().pages_mapped[0]; ++i) {
    if (const auto value = machine_.read(0, address(i)); value && i != gone && *value != 0) {
      EXPECT_EQ(*value, i);
    }
  }
}

// The slot of a page that was written after it came back is void, also once a fork shares the page.
TEST_F(Reclaim, AVoidSlotIsNotTakenForTheCopyOfASharedPage) {
  press(0);
  std::uint64_t gone = 0;
  while (is_present(gone)) {
    ++gone;
  }
  EXPECT_EQ(machine_.read(0, address(gone)), gone);  // remembers its slot
  machine_.write(0, address(gone), 321);             // D
  const ProcessId child = kernel_.fork(machine_.cpu(), process_).value();
  for (std::uint64_t next = 600; is_present(gone); ++next) {
    machine_.write(0, address(next), next);
  }
  EXPECT_EQ(machine_.read(0, address(gone)), 321U);
  kernel_.switch_to(machine_.cpu(), child);
  EXPECT_EQ(machine_.read(0, address(gone)), 321U);
}

TEST_F(Reclaim, AForkThatFindsNoFrameReclaims) {
  for (std::uint64_t i = 0; kernel_.frames().num_free() > 0; i += 1) {
    if (kernel_.frames().num_free() < 4) {
      break;
    }
    machine_.write(0, address(i), i);
  }
  ASSERT_EQ(kernel_.frames().num_free(), 3U);  // a child needs six
  const auto child = kernel_.fork(machine_.cpu(), process_);
  ASSERT_TRUE(child.has_value());
  EXPECT_GT(kernel_.statistics().pages_reclaimed, 0U);
  kernel_.switch_to(machine_.cpu(), *child);
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(machine_.read(0, address(i)), i);
  }
}

struct SmallSwap : Reclaim {
  SmallSwap() : Reclaim(swapping(FormatId::kX86FourLevel, 8)) {}
};

TEST_F(SmallSwap, WhenSwapIsFullMemoryIsOut) {
  std::uint64_t i = 0;
  while (machine_.access(0, address(i), AccessType::kWrite)) {
    ++i;
  }
  EXPECT_EQ(machine_.last_outcome, FaultOutcome::kOutOfMemory);
  EXPECT_EQ(kernel_.swap().num_used(), 8U);
  EXPECT_EQ(kernel_.frames().num_free(), 0U);
  EXPECT_GT(kernel_.statistics().swap_full, 0U);
  EXPECT_EQ(kernel_.statistics().out_of_memory, 1U);
  EXPECT_EQ(kernel_.shortage(), "no memory left and nothing that could go to swap");
  ASSERT_EQ(kernel_.unmap(machine_.cpu(), process_, Gva(kStart), 4 * 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_TRUE(machine_.access(0, address(i), AccessType::kWrite).has_value());
}

struct LargePages : Reclaim {
  LargePages() : Reclaim(machine(), 1, 1700) {}
  static GuestMachine machine() {
    GuestMachine machine = swapping(FormatId::kX86FourLevel, 8000);
    machine.params.page_size = PageSize::k2M;
    return machine;
  }
};

TEST_F(LargePages, AnOldLargePageIsSplitAndGoesInParts) {
  machine_.write(0, address(0), 1);
  machine_.write(0, address(511), 2);
  ASSERT_EQ(kernel_.statistics().pages_mapped[1], 1U);
  machine_.write(0, address(512), 3);
  ASSERT_EQ(kernel_.statistics().pages_mapped[1], 2U);
  machine_.map(process_, kStart + 64 * kMiB, 1024 * 4096);
  for (std::uint64_t i = 1; kernel_.statistics().pages_reclaimed == 0; i += 1) {
    machine_.write(0, kStart + 64 * kMiB + (i << 12), i);
  }
  EXPECT_GT(kernel_.statistics().pages_split, 0U);
  EXPECT_EQ(machine_.read(0, address(0)), 1U);
  EXPECT_EQ(machine_.read(0, address(511)), 2U);
  EXPECT_EQ(machine_.read(0, address(512)), 3U);
}

// A large page of one process, small ones of the other: what is remembered of the parts is void
// once the whole is written or freed.
TEST_F(LargePages, APartThatWentIsNotTakenForThePageOfTheOther) {
  machine_.write(0, address(5), 1);
  const ProcessId child = kernel_.fork(machine_.cpu(), process_).value();
  // The child's goes: it is split, and its parts are remembered while the parent has them too.
  machine_.map(child, kStart + 64 * kMiB + 4096, 4096 * 4096);
  kernel_.switch_to(machine_.cpu(), child);
  std::uint64_t next = 1;
  const auto has_page = [&](ProcessId id) {
    return machine_.cpu().walk(kernel_.process(id).root, Gva(address(5))).has_value();
  };
  // Another thread of the parent uses the page all the time.
  machine_.cpu().on_flush = [&] {
    if (const auto leaf = machine_.cpu().walk(kernel_.process(process_).root, Gva(address(5)))) {
      machine_.memory.write(Hpa(leaf->entry_address), 8, leaf->entry | bit(x86::kAccessed));
    }
  };
  while (has_page(child) && has_page(process_) && next < 4096) {
    machine_.write(0, kStart + 64 * kMiB + (next++ << 12), 7);
  }
  machine_.cpu().on_flush = nullptr;
  ASSERT_TRUE(has_page(process_) && !has_page(child));
  kernel_.exit_process(machine_.cpu(), child);
  kernel_.switch_to(machine_.cpu(), process_);
  machine_.write(0, address(5), 2);
  ASSERT_EQ(machine_.cpu().walk(Gva(address(5)))->page_bits, 21U);
  const ProcessId last = kernel_.fork(machine_.cpu(), process_).value();
  kernel_.switch_to(machine_.cpu(), last);
  machine_.map(last, kStart + 128 * kMiB, 4096 * 4096);
  for (next = 0; (has_page(process_) || has_page(last)) && next < 4096; ++next) {
    machine_.write(0, kStart + 128 * kMiB + (next << 12), 7);
  }
  EXPECT_EQ(machine_.read(0, address(5)), 2U);
  kernel_.switch_to(machine_.cpu(), process_);
  EXPECT_EQ(machine_.read(0, address(5)), 2U);
  kernel_.exit_process(machine_.cpu(), process_);
  kernel_.exit_process(machine_.cpu(), last);
  EXPECT_EQ(kernel_.swap().num_used(), 0U);
}

struct ThreeCpus : Reclaim {
  ThreeCpus() : Reclaim(swapping(), 3) {}
};

TEST_F(ThreeCpus, ABatchIsOneInterruptForAllItsPages) {
  kernel_.switch_to(machine_.cpu(1), process_);
  kernel_.switch_to(machine_.cpu(2), process_);
  for (std::uint64_t i = 0; i < 8; ++i) {
    machine_.write(1, address(i), i);
    machine_.write(2, address(i), i);
  }
  press(8);
  const auto& calls = machine_.cpu(0).remote_calls;
  ASSERT_EQ(calls.size(), kernel_.statistics().reclaim_flushes);
  EXPECT_LE(calls.size(), 3U);
  for (const auto& [operations, targets] : calls) {
    ASSERT_EQ(operations.size(), 1U);
    EXPECT_EQ(operations[0].op, InvalidateOp::kMovCr3);
    EXPECT_EQ(targets.size(), 2U);
  }
  EXPECT_EQ(kernel_.statistics().remote_cpus, 2 * calls.size());
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(machine_.read(1, address(i)), i);
  }
}

TEST_F(ThreeCpus, NoFrameIsFreeBeforeTheOthersHaveAcknowledged) {
  kernel_.switch_to(machine_.cpu(1), process_);
  std::uint64_t num_free = 0;
  machine_.cpu(0).before_remote = [&] { num_free = kernel_.frames().num_free(); };
  press(0);
  EXPECT_LT(num_free, kernel_.frames().num_free());
}

// A page of a process that another CPU writes until the flush: the last value is the one kept.
TEST_F(ThreeCpus, WhatIsWrittenUntilTheFlushIsKept) {
  kernel_.switch_to(machine_.cpu(1), process_);
  machine_.write(1, address(0), 1);
  const Hpa frame = machine_.cpu(1).access(Gva(address(0)), AccessType::kWrite).value();
  bool is_gone = false;
  machine_.cpu(0).before_remote = [&] {
    if (!is_gone && !is_present(0)) {
      machine_.memory.write(frame, 8, 99);
      is_gone = true;
    }
  };
  for (std::uint64_t i = 1; !is_gone; ++i) {
    machine_.write(0, address(i), i);
  }
  machine_.cpu(0).before_remote = nullptr;
  EXPECT_EQ(machine_.read(1, address(0)), 99U);
}

TEST(GuestReclaimLow, TablesMakePagesInLowMemoryGo) {
  GuestMachine params = swapping(FormatId::kX86Pae, 4000);
  params.memory_bytes = 1024 * kMiB;
  FrameAllocator<Gpa> frames = few(80);
  frames.add_range(Gpa(896 * kMiB), 64 << 12);
  SmpMachine machine(params, 1, frames);
  const ProcessId process = machine.start();
  machine.map(process, kStart, 4096 * 4096);
  for (std::uint64_t i = 0; machine.kernel.statistics().reclaims == 0; ++i) {
    machine.write(0, address(i), i);
  }
  // High memory is used up, and low memory down to the watermark. A sparse process needs tables.
  const ProcessId other = machine.kernel.create_process(machine.cpu()).value();
  machine.kernel.switch_to(machine.cpu(), other);
  for (std::uint64_t i = 0; i < 30; ++i) {
    machine.map(other, kStart + i * 2 * kMiB, 4096);
    machine.write(0, kStart + i * 2 * kMiB, i);
  }
  EXPECT_EQ(machine.kernel.statistics().out_of_memory, 0U);
  for (std::uint64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(machine.read(0, kStart + i * 2 * kMiB), i);
  }
  machine.kernel.switch_to(machine.cpu(), process);
  for (std::uint64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(machine.read(0, address(i)), i);
  }
}

}  // namespace
}  // namespace nestwalk::test
