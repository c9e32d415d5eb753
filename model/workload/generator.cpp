#include "model/workload/generator.h"

#include <stdexcept>

#include <fmt/format.h>

#include "model/arch/check.h"
#include "model/workload/generators.h"
#include "model/workload/trace_reader.h"

namespace nestwalk {

std::unique_ptr<Generator> make_generator(const GeneratorParams& params, Gva base) {
  switch (params.kind) {
    case WorkloadKind::kGups:
      return make_gups(params, base);
    case WorkloadKind::kZipf:
      return make_zipf(params, base);
    case WorkloadKind::kStream:
      return make_stream_kernels(params, base);
    case WorkloadKind::kPointerChase:
      return make_pointer_chase(params, base);
    case WorkloadKind::kBfs:
      return make_bfs(params, base);
    case WorkloadKind::kHashJoin:
      return make_hash_join(params, base);
    case WorkloadKind::kBtree:
      return make_btree(params, base);
    case WorkloadKind::kChurn:
      return make_churn(params, base);
    case WorkloadKind::kTrace:
    case WorkloadKind::kPhases:
      break;
  }
  fatal("a trace or a list of phases is no generator");
}

std::unique_ptr<Stream> make_stream(const WorkloadParams& params) {
  for (const ParameterProblem& problem : find_problems(params)) {
    throw std::invalid_argument(fmt::format("{}: {}", problem.key_path, problem.message));
  }
  switch (params.kind) {
    case WorkloadKind::kTrace:
      return std::make_unique<TraceReader>(params.trace);
    case WorkloadKind::kPhases:
      return make_phases(params);
    default:
      return make_generator(params, Gva(params.base_address));
  }
}

}  // namespace nestwalk
