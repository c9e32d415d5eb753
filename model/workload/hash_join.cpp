// Kind hash_join: the join of two tables of (key, payload) on equal keys, again and again. Build: a
// node for each tuple of the first table is put in front of the chain of its bucket. Probe: for
// each tuple of the second table, the chain of its bucket is followed up to its key; where found,
// the two payloads are appended to the result. Then buckets, nodes and result are given back, and
// the next join maps them anew.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/join_tables.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kTupleBytes = 2 * kWordBytes;
constexpr std::uint64_t kNodeBytes = 3 * kWordBytes;  // key, payload, next
constexpr std::uint64_t kPayloadOffset = kWordBytes;
constexpr std::uint64_t kNextOffset = 2 * kWordBytes;

class HashJoin {
 public:
  // Tuple, bucket, keys and links of a full chain, payload, result.
  static constexpr std::size_t kMaxBurst = 2 + 1 + 2 * JoinTables::kKeysPerBucket + 1 + 2;

  HashJoin(const GeneratorParams& params, RegionPlan& plan)
      : tables_(params.hash_join, params.seed),
        build_(plan.add("build", tables_.num_build() * kTupleBytes)),
        probe_(plan.add("probe", tables_.num_probe() * kTupleBytes)),
        buckets_(plan.add("buckets", tables_.num_buckets() * kWordBytes)),
        nodes_(plan.add("nodes", tables_.num_build() * kNodeBytes)),
        result_(plan.add("result", tables_.num_probe() * kTupleBytes)) {
    std::copy(plan.regions().end() - kNumScratch, plan.regions().end(), scratch_.begin());
  }

  void burst(BurstWriter& writer) {
    switch (step_) {
      case Step::kBuild:
        build(writer);
        advance(tables_.num_build(), Step::kProbe);
        return;
      case Step::kProbe:
        probe(writer);
        advance(tables_.num_probe(), Step::kUnmap);
        return;
      case Step::kUnmap:
        writer.unmap(scratch_[index_].start, scratch_[index_].length_bytes);
        advance(kNumScratch, Step::kMap);
        return;
      case Step::kMap:
        writer.map(scratch_[index_]);
        num_matches_ = 0;
        advance(kNumScratch, Step::kBuild);
        return;
    }
  }

 private:
  enum class Step : std::uint8_t { kBuild, kProbe, kUnmap, kMap };

  static constexpr std::size_t kNumScratch = 3;  // buckets, nodes, result

  void advance(std::uint64_t num_items, Step next) {
    if (++index_ == num_items) {
      index_ = 0;
      step_ = next;
    }
  }

  [[nodiscard]] Gva bucket_of(std::uint64_t key) const {
    return buckets_ + tables_.bucket_of(key) * kWordBytes;
  }

  void build(BurstWriter& writer) const {
    const Gva tuple = build_ + index_ * kTupleBytes;
    const Gva node = nodes_ + index_ * kNodeBytes;
    const Gva bucket = bucket_of(tables_.build_key(index_));
    writer.read(tuple);
    writer.read(tuple + kPayloadOffset);
    writer.read(bucket);
    writer.write(node);
    writer.write(node + kPayloadOffset);
    writer.write(node + kNextOffset);
    writer.write(bucket);
  }

  void probe(BurstWriter& writer) {
    const Gva tuple = probe_ + index_ * kTupleBytes;
    const std::uint64_t key = tables_.probe_key(index_);
    writer.read(tuple);
    writer.read(tuple + kPayloadOffset);
    writer.read(bucket_of(key));
    for (const JoinTables::Node& found : tables_.chain(key)) {
      const Gva node = nodes_ + found.tuple * kNodeBytes;
      writer.read(node);
      if (found.key == key) {
        const Gva result = result_ + num_matches_++ * kTupleBytes;
        writer.read(node + kPayloadOffset);
        writer.write(result);
        writer.write(result + kWordBytes);
        return;
      }
      writer.read(node + kNextOffset);
    }
  }

  JoinTables tables_;
  Gva build_;
  Gva probe_;
  Gva buckets_;
  Gva nodes_;
  Gva result_;
  std::array<Region, kNumScratch> scratch_;
  Step step_ = Step::kBuild;
  std::uint64_t index_ = 0;  // tuple or region
  std::uint64_t num_matches_ = 0;
};

}  // namespace

std::unique_ptr<Generator> make_hash_join(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  HashJoin join(params, plan);
  return std::make_unique<GeneratedStream<HashJoin>>(params, plan, std::move(join));
}

}  // namespace nestwalk
