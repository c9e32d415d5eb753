// Several CPUs: who is interrupted when entries change, who flushes later, and when frames are
// free.
#include <gtest/gtest.h>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;

class GuestShootdown : public ::testing::Test {
 protected:
  GuestShootdown() : machine_(machine_of(FormatId::kX86FourLevel), 4), kernel_(machine_.kernel) {
    process_ = machine_.start(0);
    machine_.map(process_, kStart, 64 * 4096);
  }
  void run_on(unsigned cpu, ProcessId process) { kernel_.switch_to(machine_.cpu(cpu), process); }
  void unmap(unsigned cpu, std::uint64_t pages) {
    ASSERT_EQ(kernel_.unmap(machine_.cpu(cpu), process_, Gva(kStart), pages << 12),
              UnmapOutcome::kUnmapped);
  }
  const auto& calls(unsigned cpu) { return machine_.cpu(cpu).remote_calls; }

  SmpMachine machine_;
  GuestKernel& kernel_;
  ProcessId process_{};
};

CpuSet set_of(std::initializer_list<unsigned> cpus) {
  CpuSet set;
  for (const unsigned cpu : cpus) {
    set.insert(cpu);
  }
  return set;
}

TEST(CpuSet, IsASet) {
  CpuSet set = set_of({0, 5, 63});
  EXPECT_EQ(set.size(), 3U);
  EXPECT_TRUE(set.contains(63) && !set.contains(62));
  std::vector<unsigned> seen;
  set.for_each([&](unsigned cpu) { seen.push_back(cpu); });
  EXPECT_EQ(seen, (std::vector<unsigned>{0, 5, 63}));
  EXPECT_EQ(set - set_of({5, 6}), set_of({0, 63}));
  set.erase(0);
  set |= set_of({1});
  EXPECT_EQ(set, set_of({1, 5, 63}));
  EXPECT_TRUE(CpuSet().is_empty());
  EXPECT_EQ(CpuSet::all().size(), CpuSet::kMaxCpus);
}

TEST_F(GuestShootdown, OneCpuTellsNobody) {
  for (std::uint64_t i = 0; i < 64; ++i) {
    machine_.write(0, kStart + (i << 12), i);
  }
  unmap(0, 10);
  unmap(0, 64);
  ASSERT_TRUE(kernel_.fork(machine_.cpu(0), process_).has_value());
  ASSERT_TRUE(kernel_.exec(machine_.cpu(0), process_));
  kernel_.exit_process(machine_.cpu(0), process_);
  EXPECT_TRUE(calls(0).empty());
  EXPECT_TRUE(machine_.cpu(0).remote_cr3s.empty());
  EXPECT_EQ(kernel_.statistics().remote_flushes, 0U);
}

TEST_F(GuestShootdown, CpusThatRunTheProcessAreToldAtOnceTheOthersFlushLater) {
  const ProcessId other = kernel_.create_process(machine_.cpu(2)).value();
  for (const unsigned cpu : {1U, 2U}) {
    run_on(cpu, process_);
  }
  machine_.write(0, kStart, 1);
  machine_.write(0, kStart + 4096, 2);
  for (const unsigned cpu : {1U, 2U}) {
    EXPECT_EQ(machine_.read(cpu, kStart), 1U);
    EXPECT_EQ(machine_.read(cpu, kStart + 4096), 2U);
  }
  run_on(2, other);  // its translations of the process stay, under their PCID
  EXPECT_EQ(kernel_.cpus_of(process_), set_of({0, 1}));
  unmap(0, 64);
  ASSERT_EQ(calls(0).size(), 1U) << "one interrupt for both pages";
  EXPECT_EQ(calls(0)[0].second, set_of({1}));
  ASSERT_EQ(calls(0)[0].first.size(), 2U);
  EXPECT_EQ(calls(0)[0].first[1].op, InvalidateOp::kInvlpg);
  EXPECT_EQ(calls(0)[0].first[1].address, Gva(kStart + 4096));
  EXPECT_EQ(kernel_.statistics().remote_flushes, 1U);
  EXPECT_EQ(kernel_.statistics().remote_cpus, 1U);
  EXPECT_EQ(kernel_.statistics().single_invalidations, 2U) << "its own";
  EXPECT_FALSE(machine_.read(1, kStart).has_value());
  // CPU 2 finds nothing when it comes back, CPU 3 never was there.
  run_on(2, process_);
  EXPECT_FALSE(machine_.cpu(2).cr3_writes.back().no_flush);
  EXPECT_FALSE(machine_.read(2, kStart).has_value());
  // Once flushed it may keep what it has.
  run_on(2, other);
  run_on(2, process_);
  EXPECT_TRUE(machine_.cpu(2).cr3_writes.back().no_flush);
}

TEST_F(GuestShootdown, ManyPagesAreOneReloadOfCr3) {
  run_on(3, process_);
  for (std::uint64_t i = 0; i < 34; ++i) {
    machine_.write(3, kStart + (i << 12), i);
  }
  unmap(0, 64);
  ASSERT_EQ(calls(0).size(), 1U);
  ASSERT_EQ(calls(0)[0].first.size(), 1U);
  EXPECT_EQ(calls(0)[0].first[0].op, InvalidateOp::kMovCr3);
  EXPECT_EQ(calls(0)[0].second, set_of({3}));
  EXPECT_TRUE(machine_.cpu(3).cached.empty());
}

TEST_F(GuestShootdown, AKernelThatHelpsFromElsewhereTellsAllThatRunIt) {
  machine_.write(0, kStart, 1);
  unmap(1, 64);  // CPU 1 never ran it
  ASSERT_EQ(calls(1).size(), 1U);
  EXPECT_EQ(calls(1)[0].second, set_of({0}));
  EXPECT_TRUE(machine_.cpu(1).invalidations.empty());
  EXPECT_TRUE(machine_.cpu(0).cached.empty());
}

TEST_F(GuestShootdown, NoFrameIsFreeBeforeTheOthersHaveAcknowledged) {
  run_on(1, process_);
  for (std::uint64_t i = 0; i < 8; ++i) {
    machine_.write(1, kStart + (i << 12), i);
  }
  const std::uint64_t num_free = kernel_.frames().num_free();
  unsigned told = 0;
  machine_.cpu(0).before_remote = [&] {
    ++told;
    EXPECT_EQ(kernel_.frames().num_free(), num_free);
    EXPECT_FALSE(machine_.cpu(0).walk(Gva(kStart))) << "the entries are gone already";
  };
  unmap(0, 64);
  EXPECT_EQ(told, 1U);
  EXPECT_GT(kernel_.frames().num_free(), num_free);
}

TEST_F(GuestShootdown, AThreadElsewhereLosesTheRightToWrite) {
  run_on(1, process_);
  machine_.write(1, kStart, 1);
  ASSERT_EQ(kernel_.protect(machine_.cpu(0), process_, {Gva(kStart), 4096, {true, false, false}}),
            ProtectOutcome::kProtected);
  EXPECT_FALSE(machine_.access(1, kStart, AccessType::kWrite).has_value());
  EXPECT_EQ(machine_.read(1, kStart), 1U);
  const std::size_t told = calls(0).size();
  ASSERT_EQ(kernel_.protect(machine_.cpu(0), process_, {Gva(kStart), 4096, {true, true, false}}),
            ProtectOutcome::kProtected);
  EXPECT_EQ(calls(0).size(), told) << "a right that is given needs no interrupt";
  machine_.write(1, kStart, 2);
}

TEST_F(GuestShootdown, AThreadElsewhereSeesTheCopyNotTheSharedPage) {
  run_on(1, process_);
  machine_.write(0, kStart, 1);
  EXPECT_EQ(machine_.read(1, kStart), 1U);
  const ProcessId child = kernel_.fork(machine_.cpu(0), process_).value();
  EXPECT_EQ(calls(0).back().first[0].op, InvalidateOp::kMovCr3);
  EXPECT_EQ(machine_.read(1, kStart), 1U);
  machine_.cpu(0).before_remote = [&] {
    EXPECT_FALSE(machine_.cpu(0).walk(Gva(kStart))) << "first out of reach, then the new one";
  };
  machine_.write(0, kStart, 2);
  EXPECT_EQ(machine_.read(1, kStart), 2U);
  machine_.cpu(0).before_remote = nullptr;
  run_on(2, child);
  EXPECT_EQ(machine_.read(2, kStart), 1U);
}

TEST_F(GuestShootdown, ExitAndExecTakeTheTablesFromEveryCpu) {
  machine_.write(0, kStart, 1);
  run_on(1, process_);
  run_on(2, process_);
  EXPECT_EQ(machine_.read(1, kStart), 1U);
  ASSERT_TRUE(kernel_.exec(machine_.cpu(1), process_));
  EXPECT_EQ(kernel_.cpus_of(process_), set_of({1}));
  ASSERT_EQ(machine_.cpu(1).remote_cr3s.size(), 1U);
  EXPECT_EQ(machine_.cpu(1).remote_cr3s[0].second, set_of({0, 2}));
  EXPECT_EQ(machine_.cpu(0).cr3_writes.back().root, kernel_.boot_cr3().root);
  EXPECT_FALSE(machine_.read(1, kStart).has_value());
  run_on(0, process_);
  EXPECT_FALSE(machine_.cpu(0).cr3_writes.back().no_flush);
  EXPECT_FALSE(machine_.read(0, kStart).has_value());

  kernel_.exit_process(machine_.cpu(3), process_);
  EXPECT_EQ(machine_.cpu(3).remote_cr3s.back().second, set_of({0, 1}));
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    EXPECT_EQ(kernel_.current(cpu), std::nullopt);
  }
  EXPECT_EQ(kernel_.frames().num_free(), machine_.free_after_boot);
}

TEST(GuestShootdownWithoutPcid, ASwitchedAwayCpuNeedsNothing) {
  GuestMachine params = machine_of(FormatId::kX86FourLevel);
  params.params.pcid = false;
  SmpMachine machine(params, 2);
  const ProcessId process = machine.start(0);
  const ProcessId other = machine.kernel.create_process(machine.cpu(1)).value();
  machine.map(process, kStart, 4096);
  machine.kernel.switch_to(machine.cpu(1), process);
  machine.write(1, kStart, 1);
  machine.kernel.switch_to(machine.cpu(1), other);
  ASSERT_EQ(machine.kernel.unmap(machine.cpu(0), process, Gva(kStart), 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_TRUE(machine.cpu(0).remote_calls.empty());
  machine.kernel.switch_to(machine.cpu(1), process);
  EXPECT_FALSE(machine.read(1, kStart).has_value());
}

}  // namespace
}  // namespace nestwalk::test
