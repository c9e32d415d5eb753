// Records of a trace as lines for people: the access or event, the instructions before it, the
// process.
//
//   run_trace_head({.path = "ls.nwt", .num_records = 20}, streams);
#pragma once

#include <cstdint>
#include <string>

#include "model/cli/command.h"
#include "model/workload/stream.h"

namespace nestwalk {

struct TraceHeadOptions {
  std::string path;
  std::uint64_t num_records = 20;
};

int run_trace_head(const TraceHeadOptions& options, const Streams& streams);

// Without the process and the instructions.
[[nodiscard]] std::string record_text(const TraceRecord& record);
[[nodiscard]] std::string rights_text(const RegionRights& rights);

}  // namespace nestwalk
