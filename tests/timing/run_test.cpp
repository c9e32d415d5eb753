// Small whole runs: every guest format over every host format, page sizes, several VMs and
// processes, decoupling, repetition, and machines that are too small.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/workload/generator.h"
#include "model/workload/trace_writer.h"
#include "tests/support/run_bench.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

constexpr FormatId kGuests[] = {FormatId::kX86TwoLevel, FormatId::kX86Pae, FormatId::kX86FourLevel,
                                FormatId::kX86FiveLevel};
constexpr HostFormat kHosts[] = {HostFormat::kEptFourLevel, HostFormat::kEptFiveLevel,
                                 HostFormat::kNptTwoLevel,  HostFormat::kNptPae,
                                 HostFormat::kNptFourLevel, HostFormat::kNptFiveLevel};

RunParams with_formats(RunParams params, FormatId guest, HostFormat host) {
  for (VirtualMachineParams& vm : params.vms) {
    vm.guest.format = guest;
    vm.vm.format = host;
  }
  const bool is_npt = format_of(format_id(host)).rules == RuleSet::kX86;
  params.machine.tag_rules = is_npt ? TagRules::kAmd : TagRules::kIntel;
  return params;
}

RunParams natively(RunParams params) {
  params.mode = Mode::kNative;
  params.machine.memory_bytes = params.vms[0].vm.memory_bytes;
  params.machine.tag_rules = TagRules::kIntel;
  return params;
}

// How many pages of 2^bits bytes the accesses of a workload touch.
std::uint64_t num_touched_pages(const WorkloadParams& workload, unsigned bits) {
  std::set<std::uint64_t> pages;
  const std::unique_ptr<Stream> stream = make_stream(workload);
  std::array<TraceRecord, 256> records;
  for (;;) {
    const std::size_t count = stream->next_batch(records);
    if (count == 0) {
      return pages.size();
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (records[i].event == nullptr) {
        pages.insert(records[i].address.value() >> bits);
      }
    }
  }
}

void expect_sound(const RunReport& report) {
  ASSERT_EQ(report.end, "finished") << report.message;
  EXPECT_TRUE(report.law_violations.empty()) << report.law_violations.front();
  EXPECT_EQ(report.num_segfaults, 0U);
  EXPECT_EQ(report.ledger_cycles, report.core_cycles);
  EXPECT_EQ(report.core_cycles, report.count("run.cycles"));
  EXPECT_EQ(report.count("core0.abandoned"), 0U);
}

TEST(Run, EveryGuestFormatRunsOverEveryHostFormatAndNatively) {
  const RunParams base = small_run();
  const WorkloadParams& workload = base.vms[0].processes[0].workload;
  const std::uint64_t touched = num_touched_pages(workload, 12);
  ASSERT_GT(touched, 500U);
  for (const FormatId guest : kGuests) {
    SCOPED_TRACE(format_of(guest).name);
    RunParams native_params = natively(with_formats(base, guest, HostFormat::kEptFourLevel));
    const RunReport native = run_apart(native_params);
    expect_sound(native);
    EXPECT_EQ(native.count("vm0.guest.faults"), touched);
    for (const HostFormat host : kHosts) {
      SCOPED_TRACE(kHostFormatNames[static_cast<unsigned>(host)]);
      const RunReport nested = run_apart(with_formats(base, guest, host));
      expect_sound(nested);
      EXPECT_EQ(nested.count("vm0.guest.faults"), touched);
      EXPECT_EQ(nested.count("run.accesses"), native.count("run.accesses"));
      EXPECT_EQ(nested.count("core0.reads"), native.count("core0.reads"));
      EXPECT_EQ(nested.count("core0.writes"), native.count("core0.writes"));
      EXPECT_EQ(nested.count("core0.instructions"), native.count("core0.instructions"));
      EXPECT_GE(nested.count("hypervisor.vm0.exits"), touched) << "each frame is backed once";
      EXPECT_GT(nested.core_cycles, native.core_cycles);
    }
  }
}

TEST(Run, AccessedAndDirtyBitsAreSetByTheMachineWhereTheGuestLeavesThemClear) {
  for (const FormatId guest : kGuests) {
    for (const HostFormat host : kHosts) {
      RunParams params = with_formats(small_run(), guest, host);
      params.vms[0].guest.preset_accessed_dirty = false;
      params.vms[0].vm.accessed_dirty = true;
      const RunReport report = run_apart(params);
      expect_sound(report);
      EXPECT_GE(report.count("core0.walker.updates"), report.count("vm0.guest.faults"));
    }
  }
}

TEST(Run, EveryOrganisationOfWalkCachesRunsTheSameAccesses) {
  std::set<std::uint64_t> exits;
  std::set<std::uint64_t> faults;
  for (const PwcOrganisation organisation :
       {PwcOrganisation::kNone, PwcOrganisation::kPerLevel, PwcOrganisation::kUnified,
        PwcOrganisation::kPhysical, PwcOrganisation::kPhysical2d}) {
    for (const PwcContent content : {PwcContent::kCombined, PwcContent::kGuestAddress}) {
      for (const bool vpid : {false, true}) {
        RunParams params = small_run();
        params.machine.walker.pwc.organisation = organisation;
        params.machine.walker.pwc.content = content;
        params.vms[0].vm.vpid = vpid;
        const RunReport report = run_apart(params);
        expect_sound(report);
        exits.insert(report.count("hypervisor.vm0.exits"));
        faults.insert(report.count("vm0.guest.faults"));
      }
    }
  }
  EXPECT_EQ(exits.size(), 1U) << "caches do not decide which exits there are";
  EXPECT_EQ(faults.size(), 1U);
}

TEST(Run, PageSizesOfGuestAndBackingDecideFaultsAndExits) {
  for (const PageSize guest : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
    for (const PageSize backing : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
      SCOPED_TRACE(testing::Message()
                   << "guest " << kPageSizeNames[static_cast<unsigned>(guest)] << ", backing "
                   << kPageSizeNames[static_cast<unsigned>(backing)]);
      RunParams params = small_run();
      params.machine.memory_bytes = 16 * kGiB;
      params.vms[0].vm.memory_bytes = 4 * kGiB;
      params.vms[0].vm.backing = backing;
      params.vms[0].guest.page_size = guest;
      params.vms[0].guest.clear_data_pages = false;  // it would touch all of a large page
      WorkloadParams& workload = params.vms[0].processes[0].workload;
      workload.footprint_bytes = 2 * kGiB;
      const unsigned guest_bits = 12 + 9 * static_cast<unsigned>(guest);
      const unsigned backing_bits = 12 + 9 * static_cast<unsigned>(backing);
      const std::uint64_t guest_pages = num_touched_pages(workload, guest_bits);
      const RunReport report = run_apart(params);
      expect_sound(report);
      EXPECT_EQ(report.count("vm0.guest.faults"), guest_pages);
      const std::uint64_t exits = report.count("hypervisor.vm0.exits");
      if (backing <= guest) {  // a guest page lies on whole host pages, each backed as it is used
        EXPECT_GE(exits, num_touched_pages(workload, backing_bits));
        EXPECT_LE(exits,
                  num_touched_pages(workload, backing_bits) + num_touched_pages(workload, 21) + 16)
            << "data pages, one table for each 2M at most, and the upper tables";
      } else {  // guest pages are handed out side by side
        EXPECT_LE(exits, ((2 * guest_pages) << guest_bits >> backing_bits) + 16);
      }
    }
  }
}

RunParams two_vms_of_two() {
  RunParams params = small_run();
  params.time_slice_accesses = 300;
  params.vms.resize(2, params.vms[0]);
  std::uint64_t seed = 1;
  for (VirtualMachineParams& vm : params.vms) {
    vm.processes.resize(2, vm.processes[0]);
    for (ProcessParams& process : vm.processes) {
      process.workload.seed = seed;
      process.workload.num_accesses = 1000 + 137 * seed;  // none ends with its slice
      ++seed;
    }
  }
  return params;
}

TEST(Run, SumsOverProcessesAreTheMachinesTotals) {
  for (const HostFormat host : {HostFormat::kEptFourLevel, HostFormat::kNptFourLevel}) {
    const RunParams params = with_formats(two_vms_of_two(), FormatId::kX86FourLevel, host);
    const RunReport report = run_apart(params);
    expect_sound(report);
    const auto sum = [&](const std::string& name) {
      std::uint64_t total = 0;
      for (const std::string vm : {"vm0", "vm1"}) {
        for (const std::string process : {"process0", "process1", "process2"}) {
          total += report.count(vm + "." + process + ".nested." + name);
        }
      }
      return total;
    };
    EXPECT_EQ(sum("reads"), report.count("core0.reads"));
    EXPECT_EQ(sum("writes"), report.count("core0.writes"));
    EXPECT_EQ(sum("instructions"), report.count("core0.instructions"));
    std::uint64_t touched = 0;
    std::uint64_t faults = 0;
    std::uint64_t accesses = 0;
    for (std::size_t v = 0; v < 2; ++v) {
      faults += report.count("vm" + std::to_string(v) + ".guest.faults");
      for (const ProcessParams& process : params.vms[v].processes) {
        touched += num_touched_pages(process.workload, 12);
        accesses += process.workload.num_accesses;
      }
    }
    EXPECT_EQ(faults, touched);
    EXPECT_EQ(report.count("run.accesses"),
              report.count("core0.reads") + report.count("core0.writes"));
    EXPECT_GE(report.count("run.accesses"), accesses);
    // Process 0 is the kernel before its first process runs: nothing is on nobody's account.
    EXPECT_EQ(sum("cycles"), report.count("run.cycles"));
    EXPECT_EQ(sum("translations"), report.count("core0.mmu.translations"));
    for (const std::string name : {"walks", "references", "updates"}) {
      EXPECT_EQ(sum(name), report.count("core0.walker." + name)) << name;
    }
  }
}

// What a recording of a whole program ends with; the other process goes on.
TEST(Run, AProcessThatExitsGivesItsMemoryBack) {
  const TempFolder folder;
  const std::string trace = folder.file("exit.nwt");
  constexpr std::uint64_t kPages = 16;
  const Region region{Gva(0x400000), kPages << 12, {.read = true, .write = true}, "[data]"};
  TraceWriter writer(trace, {.command = "a test", .source = "a test"});
  TraceRecord record;
  record.num_instructions = 1;
  record.size_bytes = 8;
  record.type = AccessType::kWrite;
  for (std::uint64_t page = 0; page < kPages; ++page) {
    record.address = region.start + (page << 12);
    writer.append(record);
  }
  TraceEvent event;
  event.kind = TraceEventKind::kExit;
  TraceRecord exit;
  exit.event = &event;
  exit.num_instructions = 1;
  writer.append(exit);
  writer.finish({&region, 1});

  RunParams params = small_run();
  ProcessParams short_lived;
  short_lived.workload.kind = WorkloadKind::kTrace;
  short_lived.workload.trace = trace;
  params.vms[0].processes.push_back(short_lived);
  params.time_slice_accesses = 10;
  const RunReport report = run_apart(params);
  expect_sound(report);
  EXPECT_EQ(report.count("vm0.process2.nested.writes"), kPages);
  EXPECT_EQ(report.count("vm0.guest.processes_ended"), 1U);
  EXPECT_EQ(report.count("vm0.guest.pages_unmapped.level1"), kPages);
  EXPECT_EQ(report.count("vm0.process1.nested.reads") + report.count("vm0.process1.nested.writes"),
            params.vms[0].processes[0].workload.num_accesses);
  // The exit itself is an instruction too.
  EXPECT_EQ(report.count("vm0.process2.nested.instructions"), kPages + 1);
}

TEST(Run, TheQuantumChangesNeitherStatisticsNorTime) {
  std::vector<std::string> statistics;
  for (const std::uint64_t quantum : {1U, 1000U, 1'000'000U}) {
    RunParams params = two_vms_of_two();
    params.machine.core.quantum_cycles = quantum;
    const RunReport report = run_apart(params);
    expect_sound(report);
    statistics.push_back(report.statistics);
  }
  EXPECT_EQ(statistics[0], statistics[1]);
  EXPECT_EQ(statistics[0], statistics[2]);
}

TEST(Run, TheSameConfigurationGivesTheSameBytes) {
  RunParams params = two_vms_of_two();
  params.machine.mmu.l2_tlb.page_4k.replacement = Replacement::kRandom;
  EXPECT_EQ(run_apart(params).statistics, run_apart(params).statistics);
}

TEST(Run, ATerabyteGuestTakesNoRoomBeforeItIsTouched) {
  RunParams params = small_run();
  params.machine.memory_bytes = std::uint64_t{1} << 41;
  params.vms[0].vm.memory_bytes = std::uint64_t{1} << 40;
  params.vms[0].processes[0].workload.num_accesses = 10;
  const RunReport report = run_apart(params);
  expect_sound(report);
  EXPECT_LT(report.num_pages * 4096, 100 * kMiB);
  // Tables of a direct map of 1G pages, and what ten accesses need.
  EXPECT_LT(report.num_pages, 300U);
}

TEST(Run, AVmThatIsTooSmallStopsWithAMessage) {
  RunParams params = small_run();
  params.vms[0].vm.memory_bytes = 2 * kMiB;  // the workload touches 4M
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("vms.0.memory_bytes"), std::string::npos) << report.message;
  EXPECT_TRUE(report.law_violations.empty()) << "a stopped run still adds up";
  EXPECT_EQ(report.ledger_cycles, report.core_cycles);
}

TEST(Run, AVmTooSmallToBootStopsWithAMessage) {
  RunParams params = small_run();
  params.vms[0].vm.memory_bytes = 4096;
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("memory"), std::string::npos) << report.message;
}

TEST(Run, AHostThatIsTooSmallStopsWithAMessage) {
  for (const std::uint64_t memory : {1 * kMiB, 2 * kMiB}) {
    RunParams params = small_run();
    params.machine.memory_bytes = memory;
    const RunReport report = run_apart(params);
    EXPECT_EQ(report.end, "vm_stopped") << memory;
    EXPECT_NE(report.message.find("machine.memory_bytes"), std::string::npos) << report.message;
    EXPECT_TRUE(report.law_violations.empty());
  }
}

TEST(Run, AMachineThatIsTooSmallForItsGuestStopsNatively) {
  RunParams params = natively(small_run());
  params.machine.memory_bytes = 2 * kMiB;  // of the 512M that the guest believes in
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("machine.memory_bytes"), std::string::npos) << report.message;
}

TEST(Run, AWorkloadOutsideTheGuestsUserSpaceStopsWithAMessage) {
  RunParams params = with_formats(small_run(), FormatId::kX86TwoLevel, HostFormat::kEptFourLevel);
  params.vms[0].processes[0].workload.base_address = 0x1000'0000'0000;
  const RunReport report = run_apart(params);
  EXPECT_EQ(report.end, "vm_stopped");
  EXPECT_NE(report.message.find("user space"), std::string::npos) << report.message;
}

}  // namespace
}  // namespace nestwalk
