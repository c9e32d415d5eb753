// Synthetic address streams: real algorithms over virtual data. What an algorithm would find in
// memory is computed from the index of the item, so that a data set of 1 TiB costs no more than a
// small one. A stream maps its regions first and is the same on every machine for the same
// parameters.
//
//   std::unique_ptr<Stream> stream = make_stream(params);   // a trace or a generator
//
// Not for values: nothing is loaded or stored, there are only addresses.
#pragma once

#include <cstdint>
#include <memory>

#include "model/params/workload.h"
#include "model/workload/stream.h"

namespace nestwalk {

// The stream that the parameters name. Throws TraceError on a bad trace file and
// std::invalid_argument, with a message for the user, on parameters that do not fit together.
[[nodiscard]] std::unique_ptr<Stream> make_stream(const WorkloadParams& params);

// A stream whose regions lie one after another, up to regions_end(), a multiple of 2 MiB.
class Generator : public Stream {
 public:
  [[nodiscard]] virtual Gva regions_end() const = 0;
};

// The parameters have no problems (find_problems()); `base` is where the first region begins.
[[nodiscard]] std::unique_ptr<Generator> make_generator(const GeneratorParams& params, Gva base);

}  // namespace nestwalk
