// Kind idle: all is mapped and no table is written any more. A shadow is then a native table: as
// many TLB misses, walks and references, exactly.
#include <fmt/format.h>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

ExperimentResult run_idle(const ExperimentParams& params) {
  struct Row {
    const char* text;
    const char* name;
    bool must_be_equal;
  };
  constexpr Row kRows[] = {
      {"accesses", "run.accesses", true},
      {"first-level TLB misses", "core0.mmu.l1_dtlb.misses", true},
      {"second-level TLB misses", "core0.mmu.l2_tlb.misses", true},
      {"page walks", "core0.walker.walks", true},
      {"references", "core0.walker.references", true},
      {"walk cycles", "core0.walker.cycles", false},
      {"cycles", "run.cycles", false},
      {"guest page faults", "vm0.guest.faults", true},
  };
  ExperimentResult result;
  TextTable table{"After the warm-up", {"count", "native", "shadow", "nested"}, {}};
  std::vector<ExperimentRun> runs;
  for (const Mode mode : {Mode::kNative, Mode::kShadow, Mode::kNested}) {
    ExperimentJob job{params.run, {}, false};
    job.params.mode = mode;
    runs.push_back(run_apart(job));
  }
  for (const Row& row : kRows) {
    std::vector<std::string> cells{row.text};
    for (const ExperimentRun& run : runs) {
      cells.push_back(std::to_string(run.count(row.name)));
    }
    table.rows.push_back(cells);
  }
  std::vector<std::string> exits{"VM exits"};
  std::vector<std::string> per_walk{"references per walk"};
  for (const ExperimentRun& run : runs) {
    exits.push_back(std::to_string(run.sum("hypervisor.vm#.exits")));
    per_walk.push_back(
        fixed(quotient(run.count("core0.walker.references"), run.count("core0.walker.walks"))));
  }
  table.rows.push_back(exits);
  table.rows.insert(table.rows.begin() + 5, per_walk);
  result.tables.push_back(table);
  for (const Row& row : kRows) {
    if (row.must_be_equal) {
      result.claims.push_back({fmt::format("shadow has exactly the {} of native", row.text),
                               runs[0].count(row.name) == runs[1].count(row.name)});
    }
  }
  result.claims.push_back(
      {"there were walks to compare", runs[0].count("core0.walker.walks") != 0});
  result.claims.push_back(
      {"no VM exit under shadow paging", runs[1].sum("hypervisor.vm#.exits") == 0});
  return result;
}

}  // namespace nestwalk
