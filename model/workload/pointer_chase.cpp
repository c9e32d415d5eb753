// Kind pointer_chase: each node holds the address of the next; the chain is one cycle through all
// nodes in random order. With p a permutation of the nodes, node p(i) points to p(i+1).
#include <cstdint>
#include <memory>

#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/random_permutation.h"

namespace nestwalk {
namespace {

class PointerChase {
 public:
  static constexpr std::size_t kMaxBurst = 1;

  PointerChase(const GeneratorParams& params, Gva nodes)
      : nodes_(nodes),
        node_bytes_(params.pointer_chase.node_bytes),
        order_(params.footprint_bytes / node_bytes_, params.seed) {}

  void burst(BurstWriter& writer) {
    writer.read(nodes_ + order_.at(position_) * node_bytes_);
    if (++position_ == order_.size()) {
      position_ = 0;
    }
  }

 private:
  Gva nodes_;
  std::uint64_t node_bytes_;
  RandomPermutation order_;
  std::uint64_t position_ = 0;
};

}  // namespace

std::unique_ptr<Generator> make_pointer_chase(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  const Gva nodes = plan.add("nodes", params.footprint_bytes);
  return std::make_unique<GeneratedStream<PointerChase>>(params, plan, PointerChase(params, nodes));
}

}  // namespace nestwalk
