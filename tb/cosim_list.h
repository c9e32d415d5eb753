// A file for `nestwalk cosim` read: one configuration, or a list of them (key `runs`).
//
//   for (const CosimEntryRun& run : load_cosim("configs/regressions/cosim.yaml", {})) { ... }
//
// Throws ConfigError for whatever is wrong, a walker that there is not included, before anything
// has run.
#pragma once

#include <string>
#include <vector>

#include "model/params/cosim.h"

namespace nestwalk {

struct CosimEntryRun {
  std::string name;
  CosimParams params;
};

// `overrides`: path=value, on top of everything.
[[nodiscard]] std::vector<CosimEntryRun> load_cosim(const std::string& path,
                                                    const std::vector<std::string>& overrides);

}  // namespace nestwalk
