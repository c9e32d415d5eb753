// Traces of other tools as records, recognised by what they hold.
//
//   ByteSource source("mcf.trace.gz");
//   auto trace = open_foreign_trace(source);     // throws TraceError: what it is instead
//   while (trace->next(records)) ...             // a batch each
//
// Each access of a text format, and each instruction of ChampSim's, counts as one instruction.
// Sizes that a format does not tell are one byte: such an access never crosses a page.
//
// Not for Nestwalk's own traces: trace_reader.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "model/workload/byte_source.h"
#include "model/workload/stream.h"

namespace nestwalk {

class ForeignTrace {
 public:
  virtual ~ForeignTrace() = default;
  ForeignTrace(const ForeignTrace&) = delete;
  ForeignTrace& operator=(const ForeignTrace&) = delete;

  // Replaces `records` by the next ones; false at the end. Throws TraceError.
  [[nodiscard]] virtual bool next(std::vector<TraceRecord>& records) = 0;
  [[nodiscard]] virtual std::string_view format() const = 0;

 protected:
  ForeignTrace() = default;
};

// The source is at its beginning, and outlives the trace.
[[nodiscard]] std::unique_ptr<ForeignTrace> open_foreign_trace(ByteSource& source);

}  // namespace nestwalk
