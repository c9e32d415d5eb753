// A regression list: which runs are to be made, and how each should end. The root of a file in
// configs/regressions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/descriptor.h"

namespace nestwalk {

enum class ExpectedEnd : std::uint8_t { kMeasured, kFinished, kVmStopped };
inline constexpr std::array<std::string_view, 3> kExpectedEndNames = {"measured", "finished",
                                                                      "vm_stopped"};

// One configuration, run in each of its modes and timings.
struct RegressionEntry {
  std::string name;      // empty: of the trace, the workload or the configuration
  std::string config;    // the file to run
  std::string trace;     // instead of the first workload of the file; empty: as it is
  std::string workload;  // a kind, instead of that of the first workload; empty: as it is
  std::string modes = "native,nested,shadow";
  std::string timings = "lt,at";
  std::string set;  // path=value, separated by blanks
  ExpectedEnd end = ExpectedEnd::kMeasured;
};
void describe(RegressionEntry& p, ParameterVisitor& v);

struct RegressionParams {
  std::string set;  // before those of each entry
  std::vector<RegressionEntry> runs;
};
void describe(RegressionParams& p, ParameterVisitor& v);

}  // namespace nestwalk
