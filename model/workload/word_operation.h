// What is done to a word: the parameter `operation`, for the algorithms that leave it open. Its
// random numbers are a sequence of their own, so that addresses do not depend on it.
//
//   WordOperation operation(params);
//   operation.apply(writer, address);   // one or two records
//
// Not for accesses that an algorithm prescribes, such as the search in a tree.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/arch/splitmix.h"
#include "model/params/workload.h"
#include "model/workload/burst_writer.h"

namespace nestwalk {

class WordOperation {
 public:
  static constexpr std::size_t kMaxRecords = 2;

  explicit WordOperation(const GeneratorParams& params)
      : operation_(params.operation),
        write_fraction_(params.write_fraction),
        random_(params.seed ^ kSeed) {}

  void apply(BurstWriter& writer, Gva address) {
    switch (operation_) {
      case WorkloadOperation::kRead:
        writer.read(address);
        break;
      case WorkloadOperation::kWrite:
        writer.write(address);
        break;
      case WorkloadOperation::kUpdate:
        writer.read(address);
        writer.write_back(address);
        break;
      case WorkloadOperation::kMixed:
        if (random_.unit() < write_fraction_) {
          writer.write(address);
        } else {
          writer.read(address);
        }
        break;
    }
  }

 private:
  static constexpr std::uint64_t kSeed = 0x6f7065726174696f;

  WorkloadOperation operation_;
  double write_fraction_;
  SplitMix random_;
};

}  // namespace nestwalk
