// Whole runs of traces with every event there is, natively and nested: processes that fork, run
// other programs and exit inside one trace, and traces that cannot be carried out.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/workload/trace_writer.h"
#include "tests/support/run_bench.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr Gva kData{0x400000};
constexpr RegionRights kReadWrite{.read = true, .write = true};
constexpr RegionRights kReadOnly{.read = true};

// A trace line by line; every record is one instruction.
class Script {
 public:
  explicit Script(const std::string& path)
      : writer_(path, {.command = "a test", .source = "a test"}) {}

  Script& in(std::uint32_t process) {
    process_ = process;
    return *this;
  }
  Script& access(AccessType type, Gva start, std::uint64_t num_pages = 1) {
    for (std::uint64_t page = 0; page < num_pages; ++page) {
      TraceRecord record;
      record.address = start + (page << 12);
      record.size_bytes = 8;
      record.type = type;
      put(record);
    }
    return *this;
  }
  Script& write(Gva start, std::uint64_t num_pages = 1) {
    return access(AccessType::kWrite, start, num_pages);
  }
  Script& read(Gva start, std::uint64_t num_pages = 1) {
    return access(AccessType::kRead, start, num_pages);
  }
  Script& event(TraceEventKind kind, const Region& region = {}, std::uint32_t target = 0) {
    TraceEvent event;
    event.kind = kind;
    event.region = region;
    event.target_process = target;
    TraceRecord record;
    record.event = &event;
    put(record);
    return *this;
  }
  Script& map(Gva start, std::uint64_t num_pages, RegionRights rights = kReadWrite,
              const std::string& name = "[anonymous]") {
    return event(TraceEventKind::kMap, {start, num_pages << 12, rights, name});
  }
  Script& unmap(Gva start, std::uint64_t num_pages) {
    return event(TraceEventKind::kUnmap, {start, num_pages << 12, {}, ""});
  }
  Script& protect(Gva start, std::uint64_t num_pages, RegionRights rights) {
    return event(TraceEventKind::kProtect, {start, num_pages << 12, rights, ""});
  }
  Script& set_break(Gva end) { return event(TraceEventKind::kBreak, {end, 0, {}, ""}); }
  Script& fork(std::uint32_t child) { return event(TraceEventKind::kFork, {}, child); }
  Script& switch_to(std::uint32_t process) {
    return event(TraceEventKind::kSwitchProcess, {}, process).in(process);
  }
  void finish(const std::vector<Region>& initial = {{kData, 16 << 12, kReadWrite, "[data]"}}) {
    writer_.finish(initial);
  }
  std::uint64_t num_records() const { return num_records_; }

 private:
  void put(TraceRecord& record) {
    record.process = process_;
    record.num_instructions = 1;
    writer_.append(record);
    ++num_records_;
  }

  TraceWriter writer_;
  std::uint32_t process_ = 0;
  std::uint64_t num_records_ = 0;
};

class RunEvents : public ::testing::TestWithParam<Mode> {
 protected:
  [[nodiscard]] std::string path() const { return folder_.file("trace.nwt"); }
  [[nodiscard]] RunParams params() const {
    RunParams params = small_run();
    params.mode = GetParam();
    params.vms[0].processes[0].name = "program";
    params.vms[0].processes[0].workload.kind = WorkloadKind::kTrace;
    params.vms[0].processes[0].workload.trace = path();
    return params;
  }
  static void expect_sound(const RunReport& report, std::uint64_t num_segfaults = 0) {
    ASSERT_EQ(report.end, "finished") << report.message;
    EXPECT_TRUE(report.law_violations.empty()) << report.law_violations.front();
    EXPECT_EQ(report.num_segfaults, num_segfaults);
    EXPECT_EQ(report.ledger_cycles, report.core_cycles);
  }
  void expect_stopped(const std::vector<std::string>& words) const {
    const RunReport report = run_apart(params());
    EXPECT_EQ(report.end, "vm_stopped");
    for (const std::string& word : words) {
      EXPECT_NE(report.message.find(word), std::string::npos) << word << ": " << report.message;
    }
    EXPECT_TRUE(report.law_violations.empty()) << "a stopped run still adds up";
  }

 private:
  TempFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Modes, RunEvents,
                         ::testing::Values(Mode::kNative, Mode::kNested, Mode::kShadow),
                         [](const auto& mode) {
                           return std::string(kModeNames[static_cast<unsigned>(mode.param)]);
                         });

// The second access is outside all regions; the child is left where it is.
void write_segfault_script(const std::string& path) {
  Script script(path);
  script.write(kData, 4).fork(1).read(kData + 0x20000).write(kData, 4).in(1).write(kData, 4);
  script.finish();
}

TEST_P(RunEvents, ASegfaultLeavesTheAccessOutUnlessTheConfigurationSaysOtherwise) {
  write_segfault_script(path());
  expect_sound(run_apart(params()), 1);
}

TEST_P(RunEvents, ASegfaultKillsTheProcessAndAllItHasForked) {
  write_segfault_script(path());
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    RunParams killing = params();
    killing.machine.timing = timing;
    killing.vms[0].guest.on_segfault = SegfaultAction::kKill;
    ProcessParams other;  // goes on
    other.workload.kind = WorkloadKind::kGups;
    other.workload.footprint_bytes = std::uint64_t{1} << 20;
    other.workload.num_accesses = 500;
    killing.vms[0].processes.push_back(other);
    const RunReport report = run_apart(killing);
    expect_sound(report, 1);
    EXPECT_EQ(report.count("vm0.guest.processes_ended"), 2U) << "parent and child";
    const std::uint64_t accesses = report.count("run.accesses");
    EXPECT_GE(accesses, 505U);
    EXPECT_LE(accesses, 505U + (timing == Timing::kAt ? killing.machine.core.window : 0))
        << "none is made after the fault but what was under way";
  }
}

TEST_P(RunEvents, ASegfaultStopsTheRunIfAskedTo) {
  write_segfault_script(path());
  RunParams stopping = params();
  stopping.vms[0].guest.on_segfault = SegfaultAction::kStop;
  const RunReport report = run_apart(stopping);
  EXPECT_EQ(report.end, "vm_stopped");
  for (const char* word : {"program", "segmentation fault", "read", "vms.0.guest.on_segfault"}) {
    EXPECT_NE(report.message.find(word), std::string::npos) << word << ": " << report.message;
  }
}

TEST_P(RunEvents, UnmappingWhatWasNeverMappedIsCountedAndPasses) {
  Script script(path());
  script.write(kData, 4)
      .unmap(kData + 0x40000, 3)
      .unmap(kData, 1)
      .unmap(kData, 1)
      .read(kData + 0x1000);
  script.finish();
  const RunReport report = run_apart(params());
  expect_sound(report);
  EXPECT_EQ(report.count("vm0.guest.unmaps"), 3U);
  EXPECT_EQ(report.count("vm0.guest.unmaps_of_nothing"), 2U);
}

// Memory for less than half of what the process writes, and the rest in swap.
TEST_P(RunEvents, TooLittleMemoryIsMadeUpForBySwap) {
  Script script(path());
  for (unsigned round = 0; round < 2; ++round) {
    script.write(kData, 1500);
  }
  script.finish({{kData, 2048 << 12, kReadWrite, "[data]"}});
  RunParams small = params();
  small.vms[0].vm.memory_bytes = std::uint64_t{3} << 20;
  const RunReport without = run_apart(small);
  EXPECT_EQ(without.end, "vm_stopped");
  EXPECT_NE(without.message.find("no memory left"), std::string::npos) << without.message;
  small.vms[0].guest.reclaim.swap_bytes = std::uint64_t{64} << 20;
  const RunReport with = run_apart(small);
  expect_sound(with);
  EXPECT_GT(with.count("vm0.guest.swap_writes"), 700U);
  EXPECT_GT(with.count("vm0.guest.swap_reads"), 700U);
  EXPECT_GT(with.count("ledger.total.guest_reclaim"), 700U * 30000);
}

TEST_P(RunEvents, PagesInUseBecomeALargePage) {
  Script script(path());
  const Gva block{0x40000000};
  script.write(block, 512).read(block, 512);
  script.finish({{block, 512 << 12, kReadWrite, "[data]"}});
  RunParams collapsing = params();
  collapsing.vms[0].guest.collapse.every_faults = 64;
  const RunReport report = run_apart(collapsing);
  expect_sound(report);
  EXPECT_EQ(report.count("vm0.guest.collapses"), 1U);
}

TEST_P(RunEvents, OneProcessMapsProtectsBreaksAndUnmaps) {
  Script script(path());
  const Gva library{0x7f0000000000};
  script.write(kData, 4)
      .map(library, 8, kReadOnly, "lib.so")
      .read(library, 8)
      .map(library + 0x2000, 2, kReadWrite, "lib.so")  // as a loader does: over a part of it
      .write(library + 0x2000, 2)
      .protect(library + 0x2000, 1, kReadOnly)
      .read(library + 0x2000)
      .write(library + 0x2000)  // a segfault
      .protect(library + 0x2000, 1, kReadWrite)
      .write(library + 0x2000)
      .unmap(library, 8)
      .read(library)               // a segfault
      .set_break(kData + 0x10000)  // the data region ends there
      .set_break(kData + 0x13000)
      .write(kData + 0x10000, 3)
      .set_break(kData + 0x11000)
      .write(kData + 0x11000)  // a segfault
      .write(kData + 0x10000);
  script.finish();
  const RunReport report = run_apart(params());
  expect_sound(report, 3);
  EXPECT_EQ(report.count("core0.instructions"), script.num_records());
  EXPECT_EQ(report.count("vm0.guest.protects"), 2U);
  EXPECT_EQ(report.count("vm0.guest.breaks"), 3U);
  EXPECT_EQ(report.count("vm0.guest.pages_mapped.level1"), 4U + 8U + 2U + 3U);
  EXPECT_EQ(report.count("vm0.guest.pages_unmapped.level1"), 2U + 8U + 2U);
  EXPECT_EQ(report.count("vm0.guest.faults"), 17U + 3U) << "read-write again needs no fault";
}

TEST_P(RunEvents, ProcessesOfOneTraceForkExecAndExit) {
  Script script(path());
  script.write(kData, 8)
      .fork(7)
      .write(kData, 2)  // copies two
      .switch_to(7)
      .read(kData, 8)
      .write(kData + 0x1000, 2)  // the last holder of one, copies one
      .event(TraceEventKind::kExec, {Gva{}, 0, {}, "/bin/true"})
      .map(kData, 4)
      .write(kData, 4)
      .fork(8)
      .switch_to(8)
      .event(TraceEventKind::kExit)
      .switch_to(7)
      .event(TraceEventKind::kExit)
      .switch_to(0)
      .write(kData, 8)  // nobody shares them any more
      .event(TraceEventKind::kExit);
  script.finish();
  const RunReport report = run_apart(params());
  expect_sound(report);
  EXPECT_EQ(report.count("core0.instructions"), script.num_records());
  EXPECT_EQ(report.count("vm0.guest.forks"), 2U);
  EXPECT_EQ(report.count("vm0.guest.execs"), 1U);
  EXPECT_EQ(report.count("vm0.guest.cow_copies"), 3U);
  // The first process writes all eight again: two are its copies, six were still read-only.
  EXPECT_EQ(report.count("vm0.guest.cow_faults"), 2U + 2U + 6U);
  EXPECT_EQ(report.count("vm0.guest.pages_mapped.level1"), 8U + 4U);
  EXPECT_EQ(report.count("vm0.guest.processes_created"), 3U);
  EXPECT_EQ(report.count("vm0.guest.processes_ended"), 3U);
  EXPECT_EQ(report.count("vm0.guest.context_switches"), 1U + 4U);
  EXPECT_EQ(report.count("vm0.guest.tables_allocated"), report.count("vm0.guest.tables_freed"));
  EXPECT_GT(report.count("ledger.total.guest_frame_copy"),
            3U * params().vms[0].guest.copy_4k_cycles);
  EXPECT_GT(report.count("ledger.vm0.process2.core"), 0U) << "the child has its own account";
}

// A recorder may leave out the switches: the records' process number says who runs. Time slices end
// anywhere, also between an exit and the next access.
TEST_P(RunEvents, RecordsSayThemselvesWhoRuns) {
  Script script(path());
  script.write(kData, 4).fork(1);
  for (unsigned i = 0; i < 20; ++i) {
    script.in(1).write(kData, 3).in(0).write(kData, 5);
  }
  script.in(1).event(TraceEventKind::kExit).in(0).write(kData, 5);
  script.finish();
  std::vector<std::uint64_t> faults;
  for (const std::uint64_t slice : {1U, 2U, 3U, 7U, 100000U}) {
    RunParams two = params();
    two.vms[0].processes.push_back(small_run().vms[0].processes[0]);
    two.vms[0].processes[1].workload.num_accesses = 300;
    two.time_slice_accesses = slice;
    const RunReport report = run_apart(two);
    expect_sound(report);
    EXPECT_EQ(report.count("run.accesses"), 4U + 20U * 8U + 5U + 300U);
    EXPECT_EQ(report.count("vm0.guest.processes_ended"), 1U);
    EXPECT_GE(report.count("vm0.guest.context_switches"), 40U);
    faults.push_back(report.count("vm0.guest.faults"));
  }
  EXPECT_EQ(std::vector<std::uint64_t>(5, faults[0]), faults);
}

TEST_P(RunEvents, AForkOfANumberThatExistsStopsTheRun) {
  Script script(path());
  script.write(kData).fork(3).fork(3);
  script.finish();
  expect_stopped({"'program'", "process 0", "forks process 3", "exists already"});
}

TEST_P(RunEvents, AnUnknownProcessStopsTheRun) {
  Script script(path());
  script.write(kData).fork(3).switch_to(4).write(kData);
  script.finish();
  expect_stopped({"'program'", "process 4"});
}

TEST_P(RunEvents, AProcessThatHasExitedMakesNoAccess) {
  Script script(path());
  script.write(kData).fork(3).in(3).write(kData).event(TraceEventKind::kExit).write(kData);
  script.finish();
  expect_stopped({"'program'", "process 3", "exited"});
}

TEST_P(RunEvents, ABreakThatCannotBeStopsTheRun) {
  {
    Script script(path());
    script.write(kData)
        .map(kData + 0x20000, 1)
        .set_break(kData + 0x18000)
        .set_break(kData + 0x22000);
    script.finish();
  }
  expect_stopped({"'program'", "0x422000", "overlap"});
}

TEST_P(RunEvents, BadRangesStopTheRun) {
  Script script(path());
  script.write(kData).protect(Gva{0xffff800000000000}, 1, kReadOnly);
  script.finish();
  expect_stopped({"'program'", "0xffff800000000000", "user space"});
}

TEST_P(RunEvents, AForkWithoutMemoryStopsTheRun) {
  Script script(path());
  script.write(kData, 16);
  for (std::uint32_t child = 1; child < 200; ++child) {
    script.fork(child);
  }
  script.finish();
  RunParams small = params();
  small.vms[0].vm.memory_bytes = std::uint64_t{1} << 20;
  const RunReport report = run_apart(small);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("'fork'"), std::string::npos) << report.message;
  EXPECT_NE(report.message.find("vms.0.memory_bytes"), std::string::npos) << report.message;
}

}  // namespace
}  // namespace nestwalk
