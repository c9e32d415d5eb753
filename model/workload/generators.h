// One function per generator; each lives in a file of its own, which says what it models.
//
//   std::unique_ptr<Generator> stream = make_btree(params, base);
//
// Not for users of streams: they call make_stream() (generator.h).
#pragma once

#include <memory>

#include "model/params/workload.h"
#include "model/workload/generator.h"

namespace nestwalk {

[[nodiscard]] std::unique_ptr<Generator> make_gups(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_zipf(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_stream_kernels(const GeneratorParams& params,
                                                             Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_pointer_chase(const GeneratorParams& params,
                                                            Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_bfs(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_hash_join(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_btree(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Generator> make_churn(const GeneratorParams& params, Gva base);
[[nodiscard]] std::unique_ptr<Stream> make_phases(const WorkloadParams& params);

}  // namespace nestwalk
