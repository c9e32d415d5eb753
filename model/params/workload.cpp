#include "model/params/workload.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxFootprintBytes = std::uint64_t{8} << 40;
constexpr std::uint64_t kMaxBaseAddress = std::uint64_t{1} << 56;

}  // namespace

void describe(WorkloadParams& p, ParameterVisitor& v) {
  v.choice({"kind", "Where the accesses come from.", kWorkloadKindNames}, p.kind);
  v.text({"trace", "The trace file (.nwt) of kind trace.", TextKind::kPath}, p.trace);
  v.integer({"num_accesses", "accesses", "Length of a generated stream.", 1}, p.num_accesses);
  v.integer({"footprint_bytes", "bytes", "Size of the region that a generator uses.", 4096,
             kMaxFootprintBytes},
            p.footprint_bytes);
  v.integer(
      {"base_address", "address", "Start of that region, a multiple of 4 KiB.", 0, kMaxBaseAddress},
      p.base_address);
  v.integer({"seed", "", "Start of a generator's random numbers."}, p.seed);
  v.choice({"operation", "What a generator does at each address.", kWorkloadOperationNames},
           p.operation);
  v.number({"write_fraction", "", "Probability of a write, operation mixed.", 0, 1},
           p.write_fraction);
  v.number({"zipf_exponent", "", "Skew of kind zipf; 0 is uniform.", 0, 10}, p.zipf_exponent);
  v.integer({"instructions_per_access", "instructions",
             "Instructions that a generator counts for each address.", 1, 1000000},
            p.instructions_per_access);
}

}  // namespace nestwalk
