#include "model/params/regression.h"

namespace nestwalk {

void describe(RegressionEntry& p, ParameterVisitor& v) {
  v.text({"name", "What to call the run; empty: its trace, its workload or its configuration."},
         p.name);
  v.text({"config", "The configuration to run.", TextKind::kPath}, p.config);
  v.text({"trace", "A trace to run instead of the first workload; empty: as configured.",
          TextKind::kPath},
         p.trace);
  v.text({"workload", "A kind for the first workload; empty: as configured."}, p.workload);
  v.text({"modes", "Modes to run in, comma-separated."}, p.modes);
  v.text({"timings", "Timings to run in, comma-separated."}, p.timings);
  v.text({"set", "Overrides: path=value, separated by blanks."}, p.set);
  v.choice({"end", "How every run of the entry must end.", kExpectedEndNames}, p.end);
}

void describe(RegressionParams& p, ParameterVisitor& v) {
  v.text({"set", "Overrides of every entry, before its own."}, p.set);
  v.list({"runs", "What to run.", 1}, p.runs);
}

}  // namespace nestwalk
