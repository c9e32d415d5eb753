// Synthetic address streams. Each maps its one region by a map event and then makes accesses to it,
// the same on every machine for the same parameters.
//
//   std::unique_ptr<Stream> stream = make_stream(params);   // a trace or a generator
#pragma once

#include <memory>

#include "model/params/workload.h"
#include "model/workload/stream.h"

namespace nestwalk {

// The stream that the parameters name. Throws TraceError on a bad trace file and
// std::invalid_argument, with a message for the user, on parameters that do not fit together.
[[nodiscard]] std::unique_ptr<Stream> make_stream(const WorkloadParams& params);

}  // namespace nestwalk
