#include "model/params/experiment.h"

namespace nestwalk {

void describe(TableGridParams& p, ParameterVisitor& v) {
  v.integer({"max_vms", "VMs", "Most VMs; their number doubles from 1.", 1, 16}, p.max_vms);
  v.integer({"max_processes", "processes", "Most processes of each VM; doubles from 1.", 1, 16},
            p.max_processes);
  v.integer({"pages_per_process", "pages", "4K pages that each process writes.", 1, 1U << 18},
            p.pages_per_process);
}

void describe(SwitchParams& p, ParameterVisitor& v) {
  v.integer({"pages", "pages", "4K pages that each process reads in each slice.", 1, 1U << 16},
            p.pages);
  v.integer({"slices", "slices", "Slices that are measured.", 2, 10000}, p.slices);
  v.integer({"warm_slices", "slices", "Slices before these.", 2, 10000}, p.warm_slices);
}

void describe(ChurnSweepParams& p, ParameterVisitor& v) {
  v.integer({"max_accesses_per_region", "accesses",
             "Most accesses to a region before it goes; from 10 on by factors of 10; 0: no sweep.",
             0, 1'000'000},
            p.max_accesses_per_region);
  v.integer(
      {"num_regions", "regions", "Regions that are mapped and unmapped at each point.", 1, 100'000},
      p.num_regions);
}

void describe(ChurnTargetParams& p, ParameterVisitor& v) {
  v.number({"gain", "", "Published: by what fraction nested is faster than shadow; 0: nothing is.",
            0, 100},
           p.gain);
  v.number(
      {"tolerance", "", "Factor on the gain, both ways, within which the model is to be.", 1, 100},
      p.tolerance);
}

void describe(ExperimentParams& p, ParameterVisitor& v) {
  v.choice({"experiment", "What is asked.", kExperimentKindNames}, p.kind);
  describe(p.run, v);
  v.group({"grid", "experiment: tables."}, p.grid);
  v.group({"switches", "experiment: switches."}, p.switches);
  v.group({"sweep", "experiment: churn; the same with more work between map and unmap."}, p.sweep);
  v.group({"published", "experiment: churn; what the model is held against."}, p.published);
}

}  // namespace nestwalk
