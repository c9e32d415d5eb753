// CPUs that run nothing, threads, and processes that move between CPUs.
#include <gtest/gtest.h>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;

class GuestIdle : public ::testing::TestWithParam<bool> {
 protected:
  GuestIdle() : machine_(machine(), 3), kernel_(machine_.kernel) {
    process_ = machine_.start(0);
    machine_.map(process_, kStart, 64 * 4096);
    kernel_.switch_to(machine_.cpu(1), process_);
    machine_.write(1, kStart, 1);
  }
  static GuestMachine machine() {
    GuestMachine machine = machine_of(FormatId::kX86FourLevel);
    machine.params.pcid = GetParam();
    return machine;
  }
  void go_idle(unsigned cpu) {
    kernel_.go_idle(machine_.cpu(cpu));
    machine_.cpu(cpu).is_idle = true;
  }
  void run_on(unsigned cpu, ProcessId process) {
    machine_.cpu(cpu).is_idle = false;
    kernel_.switch_to(machine_.cpu(cpu), process);
  }
  void take_write_right() {
    ASSERT_EQ(kernel_.protect(machine_.cpu(0), process_, {Gva(kStart), 4096, {true, false, false}}),
              ProtectOutcome::kProtected);
  }

  SmpMachine machine_;
  GuestKernel& kernel_;
  ProcessId process_{};
};
INSTANTIATE_TEST_SUITE_P(Pcid, GuestIdle, ::testing::Bool(), [](const auto& param_info) {
  return param_info.param ? "pcid" : "no_pcid";
});

TEST_P(GuestIdle, AnIdleCpuIsNotInterruptedAndFlushesWhenItComesBack) {
  go_idle(1);
  EXPECT_EQ(kernel_.current(1), process_);
  take_write_right();
  EXPECT_TRUE(machine_.cpu(0).remote_calls.empty());
  const std::size_t loads = machine_.cpu(1).cr3_writes.size();
  run_on(1, process_);
  ASSERT_EQ(machine_.cpu(1).cr3_writes.size(), loads + 1);
  EXPECT_FALSE(machine_.cpu(1).cr3_writes.back().no_flush);
  EXPECT_FALSE(machine_.access(1, kStart, AccessType::kWrite).has_value());
  EXPECT_EQ(kernel_.statistics().lazy_returns, 1U);
}

TEST_P(GuestIdle, WithoutAChangeItComesBackForNothing) {
  go_idle(1);
  const std::size_t loads = machine_.cpu(1).cr3_writes.size();
  run_on(1, process_);
  EXPECT_EQ(machine_.cpu(1).cr3_writes.size(), loads);
  EXPECT_EQ(kernel_.statistics().lazy_returns, 1U);
  EXPECT_FALSE(machine_.cpu(1).cached.empty());
  take_write_right();
  EXPECT_EQ(machine_.cpu(0).remote_calls.size(), 1U) << "it runs again";
}

TEST_P(GuestIdle, FreedTablesInterruptAnIdleCpuToo) {
  go_idle(1);
  ASSERT_EQ(kernel_.unmap(machine_.cpu(0), process_, Gva(kStart), 64 * 4096),
            UnmapOutcome::kUnmapped);
  ASSERT_EQ(machine_.cpu(0).remote_calls.size(), 1U);
  EXPECT_TRUE(machine_.cpu(0).remote_calls[0].second.contains(1));
}

TEST_P(GuestIdle, AnotherProcessAfterIdlenessLeavesTheFlushOwed) {
  const ProcessId other = kernel_.create_process(machine_.cpu(2)).value();
  go_idle(1);
  take_write_right();
  run_on(1, other);
  EXPECT_EQ(kernel_.statistics().lazy_returns, 0U);
  run_on(1, process_);
  EXPECT_FALSE(machine_.access(1, kStart, AccessType::kWrite).has_value());
}

TEST_P(GuestIdle, AnExitTakesTheTablesFromAnIdleCpu) {
  go_idle(1);
  kernel_.exit_process(machine_.cpu(0), process_);
  EXPECT_EQ(kernel_.current(1), std::nullopt);
  ASSERT_EQ(machine_.cpu(0).remote_cr3s.size(), 1U);
  EXPECT_EQ(machine_.cpu(0).remote_cr3s[0].second, CpuSet::of(1));
  const ProcessId next = kernel_.create_process(machine_.cpu(1)).value();
  run_on(1, next);
  EXPECT_EQ(kernel_.statistics().lazy_returns, 0U);
}

// A process that moves is where it runs now; where it was before, nobody is interrupted.
TEST_P(GuestIdle, AMovedProcessIsFlushedWhereItIs) {
  const ProcessId other = kernel_.create_process(machine_.cpu(2)).value();
  run_on(1, other);
  run_on(2, process_);
  machine_.write(2, kStart, 2);
  take_write_right();
  ASSERT_EQ(machine_.cpu(0).remote_calls.size(), 1U);
  EXPECT_EQ(machine_.cpu(0).remote_calls[0].second, CpuSet::of(2));
  run_on(1, process_);
  EXPECT_FALSE(machine_.access(1, kStart, AccessType::kWrite).has_value());
  EXPECT_EQ(machine_.read(1, kStart), 2U);
}

TEST_P(GuestIdle, AProcessEndsWithItsLastThread) {
  kernel_.add_thread(process_);
  kernel_.add_thread(process_);
  EXPECT_FALSE(kernel_.exit_thread(machine_.cpu(1), process_));
  EXPECT_TRUE(kernel_.has_process(process_));
  EXPECT_EQ(machine_.read(0, kStart), 1U);
  EXPECT_FALSE(kernel_.exit_thread(machine_.cpu(0), process_));
  EXPECT_TRUE(kernel_.exit_thread(machine_.cpu(0), process_));
  EXPECT_FALSE(kernel_.has_process(process_));
  EXPECT_EQ(kernel_.statistics().threads_ended, 2U);
  EXPECT_EQ(kernel_.statistics().processes_ended, 1U);
  EXPECT_EQ(kernel_.frames().num_free(), machine_.free_after_boot);
}

TEST_P(GuestIdle, AChildAndANewProgramHaveOneThread) {
  kernel_.add_thread(process_);
  const ProcessId child = kernel_.fork(machine_.cpu(0), process_).value();
  EXPECT_EQ(kernel_.process(child).num_threads, 1U);
  EXPECT_EQ(kernel_.process(process_).num_threads, 2U);
  ASSERT_TRUE(kernel_.exec(machine_.cpu(0), process_));
  EXPECT_EQ(kernel_.process(process_).num_threads, 1U);
}

}  // namespace
}  // namespace nestwalk::test
