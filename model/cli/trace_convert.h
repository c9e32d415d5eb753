// `nestwalk trace slice` and `nestwalk trace import`: a trace made of another one.
#pragma once

#include <cstdint>
#include <string>

#include "model/cli/command.h"
#include "model/cli/output_file.h"

namespace nestwalk {

struct TraceConvertOptions {
  std::string input;
  std::string output;
  Overwrite overwrite = Overwrite::kNo;
  std::uint64_t from = 0;   // slice: accesses before it
  std::uint64_t count = 0;  // accesses; import: 0 is all of them
};

int run_trace_slice(const TraceConvertOptions& options, const Streams& streams);
int run_trace_import(const TraceConvertOptions& options, const Streams& streams);

}  // namespace nestwalk
