// A regression list read and spread out: one run for each mode and timing of each entry.
//
//   for (const RegressionRun& run : load_regression("configs/regressions/all.yaml")) { ... }
//
// Throws ConfigError for whatever is wrong in the list or in a configuration that it names, before
// anything has run.
#pragma once

#include <string>
#include <vector>

#include "model/params/regression.h"
#include "model/params/run.h"

namespace nestwalk {

struct RegressionRun {
  std::string name;    // NAME-MODE-TIMING
  std::string config;  // the file
  std::vector<std::string> overrides;
  ExpectedEnd end = ExpectedEnd::kMeasured;
  RunParams params;  // of all this
};

[[nodiscard]] std::vector<RegressionRun> load_regression(const std::string& path);

}  // namespace nestwalk
