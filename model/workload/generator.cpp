#include "model/workload/generator.h"

#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "model/arch/splitmix.h"
#include "model/workload/trace_reader.h"
#include "model/workload/zipf.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint16_t kWordBytes = 8;
constexpr std::uint64_t kWordsPerPage = kPageBytes / kWordBytes;
// Reads or writes are chosen from a sequence of their own, so that the addresses do not depend on
// them.
constexpr std::uint64_t kOperationSeed = 0x6f7065726174696f;

// Offsets of 8-byte words, uniform over the region.
class UniformOffsets {
 public:
  explicit UniformOffsets(const WorkloadParams& params)
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
  explicit ZipfOffsets(const WorkloadParams& params)
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
class Generator : public Stream {
 public:
  explicit Generator(const WorkloadParams& params)
      : params_(params), offsets_(params), addresses_(params.seed), operations_(operation_seed()) {
    map_.region = {
        .start = Gva(params.base_address),
        .length_bytes = (params.footprint_bytes + kPageBytes - 1) / kPageBytes * kPageBytes,
        .rights = {.read = true, .write = true},
        .name = fmt::format("[{}]", kWorkloadKindNames[static_cast<std::size_t>(params.kind)])};
  }

  std::size_t next_batch(std::span<TraceRecord> out) override {
    std::size_t count = 0;
    if (!has_mapped_ && !out.empty()) {
      has_mapped_ = true;
      out[0] = {};
      out[count++].event = &map_;
    }
    while (count < out.size() && num_made_ < params_.num_accesses) {
      next_access(out[count++]);
    }
    return count;
  }

  void rewind() override {
    addresses_ = SplitMix(params_.seed);
    operations_ = SplitMix(operation_seed());
    num_made_ = 0;
    has_mapped_ = false;
    is_second_half_ = false;
  }

  [[nodiscard]] std::unique_ptr<Stream> clone() const override {
    return std::make_unique<Generator>(*this);
  }
  [[nodiscard]] std::optional<std::uint64_t> num_accesses() const override {
    return params_.num_accesses;
  }

 private:
  [[nodiscard]] std::uint64_t operation_seed() const { return params_.seed ^ kOperationSeed; }

  void next_access(TraceRecord& record) {
    ++num_made_;
    record = {};
    record.size_bytes = kWordBytes;
    if (is_second_half_) {
      is_second_half_ = false;
      record.address = address_;
      record.type = AccessType::kWrite;
      return;
    }
    address_ = Gva(params_.base_address + offsets_.draw(addresses_));
    record.address = address_;
    record.num_instructions = params_.instructions_per_access;
    switch (params_.operation) {
      case WorkloadOperation::kRead:
        break;
      case WorkloadOperation::kWrite:
        record.type = AccessType::kWrite;
        break;
      case WorkloadOperation::kUpdate:
        is_second_half_ = true;
        break;
      case WorkloadOperation::kMixed:
        record.type =
            operations_.unit() < params_.write_fraction ? AccessType::kWrite : AccessType::kRead;
        break;
    }
  }

  WorkloadParams params_;
  Offsets offsets_;
  SplitMix addresses_;
  SplitMix operations_;
  TraceEvent map_;
  Gva address_;
  std::uint64_t num_made_ = 0;
  bool has_mapped_ = false;
  bool is_second_half_ = false;  // of an update
};

void check_region(const WorkloadParams& p) {
  if (p.base_address % kPageBytes != 0) {
    throw std::invalid_argument(
        fmt::format("base_address {:#x} is not a multiple of 4096", p.base_address));
  }
  if (p.footprint_bytes < kPageBytes) {
    throw std::invalid_argument(
        fmt::format("footprint_bytes {} is smaller than a page (4096)", p.footprint_bytes));
  }
  if (p.base_address > std::numeric_limits<std::uint64_t>::max() - p.footprint_bytes) {
    throw std::invalid_argument(
        fmt::format("base_address {:#x} leaves no room for footprint_bytes {}", p.base_address,
                    p.footprint_bytes));
  }
}

}  // namespace

std::unique_ptr<Stream> make_stream(const WorkloadParams& params) {
  switch (params.kind) {
    case WorkloadKind::kTrace:
      if (params.trace.empty()) {
        throw std::invalid_argument("a workload of kind trace needs `trace`, the file to replay");
      }
      return std::make_unique<TraceReader>(params.trace);
    case WorkloadKind::kGups:
      check_region(params);
      return std::make_unique<Generator<UniformOffsets>>(params);
    case WorkloadKind::kZipf:
      check_region(params);
      return std::make_unique<Generator<ZipfOffsets>>(params);
  }
  throw std::invalid_argument("no such kind of workload");
}

}  // namespace nestwalk
