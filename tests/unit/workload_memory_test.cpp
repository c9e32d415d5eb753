// A data set of 1 TiB takes little host memory, and no time to begin with: every allocation of this
// program is counted.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "model/params/workload.h"
#include "model/workload/generator.h"

namespace {

std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

}  // namespace

void* operator new(std::size_t num_bytes) {
  void* const place = std::malloc(num_bytes);
  if (place == nullptr) {
    throw std::bad_alloc();
  }
  live_bytes += ::malloc_usable_size(place);
  peak_bytes = std::max(peak_bytes, live_bytes);
  return place;
}
void operator delete(void* place) noexcept {
  if (place != nullptr) {
    live_bytes -= ::malloc_usable_size(place);
    std::free(place);
  }
}
void operator delete(void* place, std::size_t) noexcept {
  operator delete(place);
}

namespace nestwalk {
namespace {

constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

// Parameters of 1 TiB of data or more.
GeneratorParams big(WorkloadKind kind) {
  GeneratorParams p;
  p.kind = kind;
  p.num_accesses = 100000;
  p.footprint_bytes = kTiB;
  p.bfs.scale = 33;
  p.hash_join.build_tuples = std::uint64_t{1} << 34;
  p.hash_join.probe_tuples = std::uint64_t{1} << 35;
  p.btree.num_keys = std::uint64_t{1} << 36;
  p.churn.num_regions = 1024;
  p.churn.max_region_bytes = std::uint64_t{1} << 30;
  return p;
}

TEST(GeneratorMemory, ATebibyteTakesAFewMebibytes) {
  for (std::size_t i = 0; i < kNumGeneratorKinds; ++i) {
    const auto kind = static_cast<WorkloadKind>(i);
    peak_bytes = live_bytes;
    const std::size_t before = live_bytes;
    const Gva base(0x100000000000);
    const std::unique_ptr<Generator> stream = make_generator(big(kind), base);
    EXPECT_GE(stream->regions_end().value() - base.value(), kTiB - (kTiB >> 10)) << name_of(kind);
    std::array<TraceRecord, 1024> batch;
    std::uint64_t highest = 0;
    std::uint64_t lowest = ~std::uint64_t{0};
    std::uint64_t num_records = 0;
    while (const std::size_t count = stream->next_batch(batch)) {
      num_records += count;
      for (std::size_t j = 0; j < count; ++j) {
        if (batch[j].event == nullptr) {
          highest = std::max(highest, batch[j].address.value());
          lowest = std::min(lowest, batch[j].address.value());
        }
      }
    }
    EXPECT_GE(num_records, 100000U);
    EXPECT_GE(lowest, base.value());
    EXPECT_LT(highest, stream->regions_end().value());
    EXPECT_LT(peak_bytes - before, std::size_t{4} << 20) << name_of(kind);
  }
}

}  // namespace
}  // namespace nestwalk
