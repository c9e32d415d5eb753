// Parameters of a workload: which stream of accesses a process makes.
//
//   WorkloadParams params;
//   params.kind = WorkloadKind::kBtree;
//   params.btree.num_keys = 1'000'000;
//   find_problems(params);   // rules that no single range can say
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/descriptor.h"
#include "model/params/problem.h"

namespace nestwalk {

// The generators come first: they are what a phase can be made of.
enum class WorkloadKind : std::uint8_t {
  kGups,          // uniformly random 8-byte words
  kZipf,          // random words, pages of zipf popularity spread over the region
  kStream,        // STREAM: copy, scale, add, triad over three arrays
  kPointerChase,  // each address is read from the node before
  kBfs,           // breadth-first search of a Kronecker graph
  kHashJoin,      // build a chained hash table, then probe it
  kBtree,         // look-ups in a B+tree
  kChurn,         // regions mapped and unmapped all the time
  kTrace,         // a trace file
  kPhases,        // generators in turn
};
inline constexpr std::array<std::string_view, 10> kWorkloadKindNames = {
    "gups",      "zipf",  "stream", "pointer_chase", "bfs",
    "hash_join", "btree", "churn",  "trace",         "phases"};
inline constexpr std::size_t kNumGeneratorKinds = 8;
constexpr std::string_view name_of(WorkloadKind kind) {
  return kWorkloadKindNames[static_cast<std::size_t>(kind)];
}

// What a generator does at each address. The addresses are the same whatever this is.
enum class WorkloadOperation : std::uint8_t {
  kRead,
  kWrite,
  kUpdate,  // a read, then a write of the same word: two accesses
  kMixed,   // a write with probability write_fraction, else a read
};
inline constexpr std::array<std::string_view, 4> kWorkloadOperationNames = {"read", "write",
                                                                            "update", "mixed"};

enum class StreamKernel : std::uint8_t {
  kAll,    // the four in turn, as the benchmark does
  kCopy,   // c = a
  kScale,  // b = s * c
  kAdd,    // c = a + b
  kTriad,  // a = b + s * c
};
inline constexpr std::array<std::string_view, 5> kStreamKernelNames = {"all", "copy", "scale",
                                                                       "add", "triad"};

struct StreamKernelParams {
  StreamKernel kernel = StreamKernel::kAll;
};
void describe(StreamKernelParams& p, ParameterVisitor& v);

struct PointerChaseParams {
  std::uint64_t node_bytes = 64;
};
void describe(PointerChaseParams& p, ParameterVisitor& v);

struct BfsParams {
  std::uint32_t scale = 20;
  std::uint32_t edge_factor = 16;
};
void describe(BfsParams& p, ParameterVisitor& v);

struct HashJoinParams {
  std::uint64_t build_tuples = std::uint64_t{1} << 20;
  std::uint64_t probe_tuples = std::uint64_t{1} << 22;
  double match_fraction = 0.5;
};
void describe(HashJoinParams& p, ParameterVisitor& v);

struct BtreeParams {
  std::uint64_t num_keys = std::uint64_t{1} << 24;
  std::uint32_t fanout = 255;  // a node of exactly 4 KiB
};
void describe(BtreeParams& p, ParameterVisitor& v);

struct ChurnParams {
  std::uint32_t num_regions = 16;
  std::uint64_t min_region_bytes = std::uint64_t{16} << 10;
  std::uint64_t max_region_bytes = std::uint64_t{1} << 20;
  std::uint64_t accesses_per_region = 256;
};
void describe(ChurnParams& p, ParameterVisitor& v);

// What every generator has. The defaults give the streams that other programs were measured with.
struct GeneratorParams {
  WorkloadKind kind = WorkloadKind::kGups;
  std::uint64_t num_accesses = 1000000;
  std::uint64_t footprint_bytes = std::uint64_t{4} << 30;
  std::uint64_t seed = 42;
  WorkloadOperation operation = WorkloadOperation::kRead;
  double write_fraction = 0.3;
  double zipf_exponent = 0.9;
  std::uint32_t instructions_per_access = 1;
  StreamKernelParams stream;
  PointerChaseParams pointer_chase;
  BfsParams bfs;
  HashJoinParams hash_join;
  BtreeParams btree;
  ChurnParams churn;
};

// A generator that gets `num_accesses` accesses in each of its turns, in regions of its own.
struct PhaseParams : GeneratorParams {
  bool starts_anew = false;
};
void describe(PhaseParams& p, ParameterVisitor& v);

struct WorkloadParams : GeneratorParams {
  std::string trace;  // kTrace: the file
  std::uint64_t base_address = 0x100000000000;
  std::uint64_t repeat = 1;         // kPhases: of the whole list
  std::vector<PhaseParams> phases;  // kPhases
};
void describe(WorkloadParams& p, ParameterVisitor& v);

[[nodiscard]] std::vector<ParameterProblem> find_problems(const WorkloadParams& p);

}  // namespace nestwalk
