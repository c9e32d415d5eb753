// What a run has broken, said to its user.
//
//   if (!report_broken_rules(result, streams.err)) { return kExitCheckFailed; }
#pragma once

#include <iosfwd>

#include "model/sim/run.h"

namespace nestwalk {

// Counter laws, and what the translation checker found. True if there is nothing to report.
bool report_broken_rules(const RunResult& result, std::ostream& err);

}  // namespace nestwalk
