// The two tables of a hash join and the hash table of the first one, none of it stored.
//
//   const JoinTables tables(params.hash_join, seed);
//   tables.build_key(i);                       // distinct
//   for (const auto& node : tables.chain(tables.probe_key(j))) ...   // those of its bucket
//
// Keys are distinct numbers below 8 times the number of buckets: key i is p(i) for a random
// permutation p, and the bucket is the key modulo the number of buckets. So the 8 keys that may be
// in a bucket are known, and where they stand in the table is known from the inverse of p: chains
// are computed. A probe key that finds nothing is one of the keys that no build tuple has.
//
// Not for addresses: those are the generator's.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "model/arch/splitmix.h"
#include "model/params/workload.h"
#include "model/workload/random_permutation.h"

namespace nestwalk {

class JoinTables {
 public:
  static constexpr std::uint64_t kKeysPerBucket = 8;

  struct Node {
    std::uint64_t tuple;
    std::uint64_t key;
  };
  class Chain {
   public:
    // In front of all that were inserted earlier, that is, of smaller tuple numbers.
    void insert(Node node) {
      std::size_t place = length_++;
      for (; place > 0 && nodes_[place - 1].tuple < node.tuple; --place) {
        nodes_[place] = nodes_[place - 1];
      }
      nodes_[place] = node;
    }
    [[nodiscard]] const Node* begin() const { return nodes_.data(); }
    [[nodiscard]] const Node* end() const { return nodes_.data() + length_; }

   private:
    std::array<Node, kKeysPerBucket> nodes_;
    std::size_t length_ = 0;
  };

  JoinTables(const HashJoinParams& params, std::uint64_t seed)
      : num_build_(params.build_tuples),
        num_probe_(params.probe_tuples),
        match_fraction_(params.match_fraction),
        num_buckets_(std::bit_ceil(num_build_)),
        keys_(num_buckets_ * kKeysPerBucket, seed),
        probe_seed_(SplitMix(seed ^ kProbeSeed).draw()) {}

  [[nodiscard]] std::uint64_t num_build() const { return num_build_; }
  [[nodiscard]] std::uint64_t num_probe() const { return num_probe_; }
  [[nodiscard]] std::uint64_t num_buckets() const { return num_buckets_; }
  [[nodiscard]] std::uint64_t bucket_of(std::uint64_t key) const {
    return key & (num_buckets_ - 1);  // a power of two
  }

  [[nodiscard]] std::uint64_t build_key(std::uint64_t tuple) const { return keys_.at(tuple); }
  [[nodiscard]] std::uint64_t probe_key(std::uint64_t tuple) const {
    SplitMix random(probe_seed_ + tuple * 0xD1342543DE82EF95);
    const bool matches = random.unit() < match_fraction_;
    return keys_.at(matches ? random.draw() % num_build_
                            : num_build_ + random.draw() % (keys_.size() - num_build_));
  }

  // The chain of a key's bucket after the build.
  [[nodiscard]] Chain chain(std::uint64_t key) const {
    Chain chain;
    for (std::uint64_t i = 0; i < kKeysPerBucket; ++i) {
      const std::uint64_t member = bucket_of(key) + i * num_buckets_;
      const std::uint64_t tuple = keys_.index_of(member);
      if (tuple < num_build_) {
        chain.insert({tuple, member});
      }
    }
    return chain;
  }

 private:
  static constexpr std::uint64_t kProbeSeed = 0x70726f6265;

  std::uint64_t num_build_;
  std::uint64_t num_probe_;
  double match_fraction_;
  std::uint64_t num_buckets_;
  RandomPermutation keys_;
  std::uint64_t probe_seed_;
};

}  // namespace nestwalk
