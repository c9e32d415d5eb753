// Blocking reads of tables straight from memory, by a call and looked ahead for, against the same
// reads through the socket: whole runs are equal in every statistic, cycles included.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

struct Case {
  Mode mode = Mode::kNative;
  PwcOrganisation organisation = PwcOrganisation::kNone;
  DramKind dram = DramKind::kFixed;

  [[nodiscard]] std::string name() const {
    return std::string(kModeNames[static_cast<unsigned>(mode)]) + "_" +
           std::string(kPwcOrganisationNames[static_cast<unsigned>(organisation)]) + "_" +
           std::string(kDramKindNames[static_cast<unsigned>(dram)]);
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Mode mode : {Mode::kNative, Mode::kNested}) {
    for (const PwcOrganisation organisation :
         {PwcOrganisation::kNone, PwcOrganisation::kPerLevel, PwcOrganisation::kPhysical2d}) {
      for (const DramKind dram : {DramKind::kFixed, DramKind::kOpenRow}) {
        all.push_back({mode, organisation, dram});
      }
    }
  }
  return all;
}

class DirectTables : public testing::TestWithParam<Case> {};

TEST_P(DirectTables, AreReadAsThroughTheSocket) {
  RunParams params = small_run();
  params.mode = GetParam().mode;
  params.machine.walker.pwc.organisation = GetParam().organisation;
  params.machine.dram.kind = GetParam().dram;
  params.machine.llc.size_bytes = 0;  // table_path llc then leads to memory, by the socket
  params.machine.mmu.l2_tlb.page_4k = ArrayParams{64, 4};
  params.vms[0].guest.preset_accessed_dirty = false;  // walks have bits to set
  WorkloadParams& workload = params.vms[0].processes[0].workload;
  workload.kind = WorkloadKind::kGups;
  workload.footprint_bytes = std::uint64_t{8} << 20;
  workload.num_accesses = 60000;

  params.machine.table_path = TablePath::kFlat;
  const RunReport direct = run_apart(params);
  params.machine.table_path = TablePath::kLlc;
  const RunReport by_socket = run_apart(params);

  ASSERT_EQ(direct.end, "finished") << direct.message;
  EXPECT_GT(direct.count("core0.walker.walks") * 4,
            workload.num_accesses);  // often enough to look ahead
  EXPECT_GT(direct.count("core0.walker.updates"), 0U);
  EXPECT_EQ(direct.statistics, by_socket.statistics);
  EXPECT_EQ(direct.memory_checksum, by_socket.memory_checksum);
}

INSTANTIATE_TEST_SUITE_P(Runs, DirectTables, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name(); });

}  // namespace
}  // namespace nestwalk
