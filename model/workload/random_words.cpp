// Kinds gups and zipf: random words of one region, all pages alike or by zipf popularity.
#include <cstdint>
#include <memory>

#include "model/arch/splitmix.h"
#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/word_operation.h"
#include "model/workload/zipf.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kWordsPerPage = kPageBytes / kWordBytes;

// Offsets of 8-byte words, uniform over the region.
class UniformOffsets {
 public:
  explicit UniformOffsets(const GeneratorParams& params)
      : footprint_bytes_(params.footprint_bytes) {}

  std::uint64_t draw(SplitMix& random) const {
    return random.draw() % footprint_bytes_ / kWordBytes * kWordBytes;
  }

 private:
  std::uint64_t footprint_bytes_;
};

// Pages of zipf popularity. The multiplier is a prime above the number of pages, so that every rank
// has a page of its own, far from its neighbours in rank.
class ZipfOffsets {
 public:
  explicit ZipfOffsets(const GeneratorParams& params)
      : num_pages_(params.footprint_bytes / kPageBytes), ranks_(num_pages_, params.zipf_exponent) {}

  std::uint64_t draw(SplitMix& random) const {
    const std::uint64_t page = (ranks_.draw(random) * 0x9E3779B1 + 0x12345) % num_pages_;
    return page * kPageBytes + random.draw() % kWordsPerPage * kWordBytes;
  }

 private:
  std::uint64_t num_pages_;
  ZipfRanks ranks_;
};

template <class Offsets>
class RandomWords {
 public:
  static constexpr std::size_t kMaxBurst = WordOperation::kMaxRecords;

  RandomWords(const GeneratorParams& params, Gva data)
      : data_(data), offsets_(params), random_(params.seed), operation_(params) {}

  void burst(BurstWriter& writer) { operation_.apply(writer, data_ + offsets_.draw(random_)); }

 private:
  Gva data_;
  Offsets offsets_;
  SplitMix random_;
  WordOperation operation_;
};

template <class Offsets>
std::unique_ptr<Generator> make_random_words(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  const Gva data = plan.add(name_of(params.kind), params.footprint_bytes);
  return std::make_unique<GeneratedStream<RandomWords<Offsets>>>(
      params, plan, RandomWords<Offsets>(params, data));
}

}  // namespace

std::unique_ptr<Generator> make_gups(const GeneratorParams& params, Gva base) {
  return make_random_words<UniformOffsets>(params, base);
}

std::unique_ptr<Generator> make_zipf(const GeneratorParams& params, Gva base) {
  return make_random_words<ZipfOffsets>(params, base);
}

}  // namespace nestwalk
