// Parameters of a workload: which stream of accesses a process makes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/params/descriptor.h"

namespace nestwalk {

enum class WorkloadKind : std::uint8_t {
  kTrace,  // a trace file
  kGups,   // uniformly random 8-byte words
  kZipf,   // random words, pages of zipf popularity spread over the region
};
inline constexpr std::array<std::string_view, 3> kWorkloadKindNames = {"trace", "gups", "zipf"};

// What a generator does at each address. The addresses are the same whatever this is.
enum class WorkloadOperation : std::uint8_t {
  kRead,
  kWrite,
  kUpdate,  // a read, then a write of the same word: two accesses
  kMixed,   // a write with probability write_fraction, else a read
};
inline constexpr std::array<std::string_view, 4> kWorkloadOperationNames = {"read", "write",
                                                                            "update", "mixed"};

struct WorkloadParams {
  WorkloadKind kind = WorkloadKind::kGups;
  std::string trace;  // kTrace: the file

  // The generators. Their defaults give the streams that other programs were measured with.
  std::uint64_t num_accesses = 1000000;
  std::uint64_t footprint_bytes = std::uint64_t{4} << 30;
  std::uint64_t base_address = 0x100000000000;
  std::uint64_t seed = 42;
  WorkloadOperation operation = WorkloadOperation::kRead;
  double write_fraction = 0.3;
  double zipf_exponent = 0.9;
  std::uint32_t instructions_per_access = 1;
};
void describe(WorkloadParams& p, ParameterVisitor& v);

}  // namespace nestwalk
