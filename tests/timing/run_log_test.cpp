// The log of a run says what its counters say, and changes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "model/observe/software_log.h"
#include "model/observe/statistics_snapshot.h"
#include "model/sim/run.h"
#include "tests/support/child.h"
#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

// Of the region of interest: statistics and, behind a line of their own, the log.
std::string run_with(const RunParams& params, bool has_log) {
  return text_of_child([&] {
    Run run(params);
    VectorSoftwareLog log;
    RunHooks hooks;
    hooks.log = has_log ? &log : nullptr;
    std::size_t begin = 0;
    hooks.interval = [&](const RunInterval& interval) {
      begin = interval.is_warmup ? log.records().size() : begin;
    };
    const RunResult result = run.execute(hooks);
    std::string text = result.message + run.region().statistics().to_text() + "---\n";
    for (const LogRecord& record : std::span(log.records()).subspan(begin)) {
      text += std::string(name_of(record.kind)) + " " + std::string(name_of(record.actor)) + " " +
              std::string(name_of(record.table.table)) + "\n";
    }
    return text;
  });
}

struct Parts {
  std::string statistics;
  std::vector<std::string> log;

  [[nodiscard]] std::uint64_t num(const std::string& start) const {
    return static_cast<std::uint64_t>(std::count_if(
        log.begin(), log.end(), [&](const std::string& l) { return l.rfind(start, 0) == 0; }));
  }
  [[nodiscard]] std::uint64_t count(const std::string& name) const {
    std::istringstream lines(statistics);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string found;
      std::uint64_t value = 0;
      if (words >> found >> value && found == name) {
        return value;
      }
    }
    ADD_FAILURE() << "no statistic " << name;
    return 0;
  }
};

Parts parts_of(const std::string& text) {
  Parts parts;
  const std::size_t cut = text.find("---\n");
  parts.statistics = text.substr(0, cut);
  std::istringstream lines(text.substr(cut + 4));
  for (std::string line; std::getline(lines, line);) {
    parts.log.push_back(line);
  }
  return parts;
}

RunParams churning(Mode mode) {
  RunParams params = small_run();
  params.check = Check::kOff;
  params.mode = mode;
  params.vms[0].guest.preset_accessed_dirty = false;
  params.vms[0].vm.accessed_dirty = true;
  params.vms[0].processes.resize(2);
  params.time_slice_accesses = 300;
  params.region.warmup_accesses = 600;
  params.region.stats_every_accesses = 600;
  for (ProcessParams& process : params.vms[0].processes) {
    process.workload.kind = WorkloadKind::kChurn;
    process.workload.num_accesses = 1500;
    process.workload.base_address = 0x4000'0000;
    process.workload.churn = {4, 16384, 65536, 64};
  }
  return params;
}

class RunLog : public testing::TestWithParam<Mode> {};

TEST_P(RunLog, AgreesWithTheCountersAndChangesNothing) {
  const Mode mode = GetParam();
  const Parts with = parts_of(run_with(churning(mode), true));
  const Parts without = parts_of(run_with(churning(mode), false));
  EXPECT_EQ(with.statistics, without.statistics);
  EXPECT_TRUE(without.log.empty());
  EXPECT_GT(with.num("page_fault"), 0U);
  EXPECT_EQ(with.num("page_fault"), with.count("vm0.guest.faults"));
  EXPECT_EQ(with.num("accessed_dirty"), with.count("core0.walker.updates"));
  // Each of the kernel's writes to its tables is its own, or made for it by the hypervisor; the
  // hypervisor's others set A and D.
  const std::uint64_t own = with.num("table_write guest kernel guest");
  if (mode == Mode::kNative) {
    EXPECT_EQ(own, with.count("vm0.guest.table_writes"));
    EXPECT_EQ(with.num("vm_exit"), 0U);
    return;
  }
  EXPECT_EQ(with.num("vm_exit"), with.count("hypervisor.vm0.exits"));
  EXPECT_EQ(with.num("vm_entry"), with.num("vm_exit"));
  EXPECT_EQ(with.num("table_write hypervisor host"), with.count("hypervisor.vm0.table_writes"));
  if (mode == Mode::kNested) {
    EXPECT_EQ(own, with.count("vm0.guest.table_writes"));
    EXPECT_EQ(with.num("table_write hypervisor shadow"), 0U);
    return;
  }
  EXPECT_GT(with.num("table_write hypervisor shadow"), 0U);
  EXPECT_GE(own + with.num("table_write hypervisor guest"), with.count("vm0.guest.table_writes"));
}

INSTANTIATE_TEST_SUITE_P(Modes, RunLog,
                         testing::Values(Mode::kNative, Mode::kNested, Mode::kShadow),
                         [](const auto& named) {
                           return std::string(kModeNames[static_cast<unsigned>(named.param)]);
                         });

}  // namespace
}  // namespace nestwalk
