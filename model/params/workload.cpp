#include "model/params/workload.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxFootprintBytes = std::uint64_t{8} << 40;
constexpr std::uint64_t kMaxBaseAddress = std::uint64_t{1} << 56;
// Of tuples and keys: small enough that every size made from it is far below 2^64.
constexpr std::uint64_t kMaxItems = std::uint64_t{1} << 40;
constexpr std::uint64_t kMaxRepeat = 1'000'000'000;

void describe_kind(WorkloadKind& kind, std::size_t num_kinds, ParameterVisitor& v) {
  v.choice(
      {"kind", "Where the accesses come from.", std::span(kWorkloadKindNames).first(num_kinds)},
      kind);
}

void describe_generator(GeneratorParams& p, ParameterVisitor& v) {
  v.integer({"footprint_bytes", "bytes", "Size of the data (gups, zipf, stream, pointer_chase).",
             4096, kMaxFootprintBytes},
            p.footprint_bytes);
  v.integer({"seed", "", "Start of a generator's random numbers."}, p.seed);
  v.choice({"operation", "What is done at each address (gups, zipf, btree, churn).",
            kWorkloadOperationNames},
           p.operation);
  v.number({"write_fraction", "", "Probability of a write, operation mixed.", 0, 1},
           p.write_fraction);
  v.number({"zipf_exponent", "", "Skew of kind zipf; 0 is uniform.", 0, 10}, p.zipf_exponent);
  v.integer({"instructions_per_access", "instructions",
             "Instructions that a generator counts for each address.", 1, 1000000},
            p.instructions_per_access);
  v.group({"stream", "Kind stream: vector kernels over three arrays."}, p.stream);
  v.group({"pointer_chase", "Kind pointer_chase: a random cycle through all nodes."},
          p.pointer_chase);
  v.group({"bfs", "Kind bfs: breadth-first search of a Kronecker graph."}, p.bfs);
  v.group({"hash_join", "Kind hash_join: build a hash table, then probe it."}, p.hash_join);
  v.group({"btree", "Kind btree: look-ups in a B+tree."}, p.btree);
  v.group({"churn", "Kind churn: regions mapped and unmapped all the time."}, p.churn);
}

class WorkloadRules {
 public:
  void require(bool holds, const std::string& key, const std::string& message) {
    if (!holds) {
      problems_.push_back({prefix_ + key, message});
    }
  }

  void generator(const GeneratorParams& p) {
    // A file cannot say less (its range is checked), a program can.
    require(p.footprint_bytes >= 4096, "footprint_bytes",
            std::to_string(p.footprint_bytes) + " bytes are less than a page (4096)");
    switch (p.kind) {
      case WorkloadKind::kStream:
        require(p.footprint_bytes >= 3 * 4096, "footprint_bytes",
                "three arrays need a page each: 12288 bytes or more, not " +
                    std::to_string(p.footprint_bytes));
        break;
      case WorkloadKind::kPointerChase:
        require(p.pointer_chase.node_bytes % 8 == 0, "pointer_chase.node_bytes",
                "must be a multiple of 8, so that pointers are aligned, not " +
                    std::to_string(p.pointer_chase.node_bytes));
        require(p.pointer_chase.node_bytes <= p.footprint_bytes, "pointer_chase.node_bytes",
                "a node of " + std::to_string(p.pointer_chase.node_bytes) +
                    " bytes does not fit into footprint_bytes " +
                    std::to_string(p.footprint_bytes));
        break;
      case WorkloadKind::kChurn:
        churn(p.churn);
        break;
      default:
        break;
    }
  }

  void churn(const ChurnParams& p) {
    require(p.min_region_bytes % 4096 == 0, "churn.min_region_bytes",
            "must be a multiple of 4096, not " + std::to_string(p.min_region_bytes));
    require(p.max_region_bytes % 4096 == 0, "churn.max_region_bytes",
            "must be a multiple of 4096, not " + std::to_string(p.max_region_bytes));
    require(p.min_region_bytes <= p.max_region_bytes, "churn.min_region_bytes",
            std::to_string(p.min_region_bytes) + " is more than max_region_bytes " +
                std::to_string(p.max_region_bytes));
  }

  void phases(const WorkloadParams& p) {
    require(!p.phases.empty(), "phases", "kind: phases needs a list of one or more phases");
    std::uint64_t room =
        std::numeric_limits<std::uint64_t>::max() / std::max<std::uint64_t>(p.repeat, 1);
    bool is_countable = true;
    for (std::size_t i = 0; i < p.phases.size(); ++i) {
      prefix_ = "phases." + std::to_string(i) + ".";
      generator(p.phases[i]);
      is_countable &= p.phases[i].num_accesses <= room;
      room -= std::min(room, p.phases[i].num_accesses);
    }
    prefix_.clear();
    require(is_countable, "repeat", "phases times repeat make 2^64 accesses or more");
  }

  std::vector<ParameterProblem> take() { return std::move(problems_); }

 private:
  std::string prefix_;
  std::vector<ParameterProblem> problems_;
};

}  // namespace

void describe(StreamKernelParams& p, ParameterVisitor& v) {
  v.choice({"kernel", "Which kernel runs over the arrays, again and again.", kStreamKernelNames},
           p.kernel);
}

void describe(PointerChaseParams& p, ParameterVisitor& v) {
  v.integer({"node_bytes", "bytes",
             "Distance of nodes: 64 gives each a cache line, 4096 a page of its own.", 8,
             std::uint64_t{1} << 30},
            p.node_bytes);
}

void describe(BfsParams& p, ParameterVisitor& v) {
  v.integer({"scale", "", "The graph has 2^scale vertices.", 1, 40}, p.scale);
  v.integer({"edge_factor", "edges", "Edges per vertex, on average.", 1, 1024}, p.edge_factor);
}

void describe(HashJoinParams& p, ParameterVisitor& v) {
  v.integer({"build_tuples", "tuples", "Tuples that the hash table is built from.", 1, kMaxItems},
            p.build_tuples);
  v.integer({"probe_tuples", "tuples", "Tuples that are looked up in it.", 1, kMaxItems},
            p.probe_tuples);
  v.number({"match_fraction", "", "Probability that a probe tuple finds its key.", 0, 1},
           p.match_fraction);
}

void describe(BtreeParams& p, ParameterVisitor& v) {
  v.integer({"num_keys", "keys", "Keys in the tree.", 1, kMaxItems}, p.num_keys);
  v.integer({"fanout", "",
             "Children of an inner node and keys of a leaf; a node has 16 * (fanout + 1) bytes.", 2,
             65535},
            p.fanout);
}

void describe(ChurnParams& p, ParameterVisitor& v) {
  v.integer({"num_regions", "regions", "Regions that live at the same time, at most.", 1, 65536},
            p.num_regions);
  v.integer({"min_region_bytes", "bytes", "Smallest region, a multiple of 4 KiB.", 4096,
             std::uint64_t{1} << 30},
            p.min_region_bytes);
  v.integer({"max_region_bytes", "bytes", "Largest region, a multiple of 4 KiB.", 4096,
             std::uint64_t{1} << 30},
            p.max_region_bytes);
  v.integer(
      {"accesses_per_region", "accesses",
       "Random accesses to live regions after each new region was written once.", 0, 1'000'000'000},
      p.accesses_per_region);
}

void describe(PhaseParams& p, ParameterVisitor& v) {
  describe_kind(p.kind, kNumGeneratorKinds, v);
  v.integer({"num_accesses", "accesses", "Length of one turn of the phase.", 1}, p.num_accesses);
  v.boolean({"starts_anew",
             "At the end of a turn: true unmaps the regions and starts again next time, false goes "
             "on from there."},
            p.starts_anew);
  describe_generator(p, v);
}

void describe(WorkloadParams& p, ParameterVisitor& v) {
  describe_kind(p.kind, kWorkloadKindNames.size(), v);
  v.text({"trace", "The trace file (.nwt) of kind trace.", TextKind::kPath}, p.trace);
  v.integer({"num_accesses", "accesses", "Length of a generated stream; phases have their own.", 1},
            p.num_accesses);
  v.integer({"base_address", "address", "Start of a generator's regions, a multiple of 4 KiB.", 0,
             kMaxBaseAddress},
            p.base_address);
  describe_generator(p, v);
  v.integer({"repeat", "", "How often the list of phases runs.", 1, kMaxRepeat}, p.repeat);
  v.list({"phases", "Kind phases: generators that take turns, each with its own data."}, p.phases);
}

std::vector<ParameterProblem> find_problems(const WorkloadParams& p) {
  WorkloadRules rules;
  if (p.kind == WorkloadKind::kTrace) {
    rules.require(!p.trace.empty(), "trace", "a trace file is needed for kind: trace");
    return rules.take();
  }
  rules.require(p.base_address % 4096 == 0, "base_address", "must be a multiple of 4096");
  rules.require(p.base_address <= kMaxBaseAddress, "base_address",
                "leaves no room for data above it");
  if (p.kind == WorkloadKind::kPhases) {
    rules.phases(p);
  } else {
    rules.generator(p);
  }
  return rules.take();
}

}  // namespace nestwalk
