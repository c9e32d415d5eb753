#include "model/sim/bench_case.h"

#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "model/arch/check.h"
#include "model/sim/bench_bare_tlm.h"
#include "model/sim/bench_platform.h"
#include "model/sim/bench_walks.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

// A new line needs no more than its row here.
constexpr auto kCases = std::to_array<BenchCase>({
    {.name = "hits_sequential",
     .title = "sequential 8-byte words, core and Mmu",
     .yardstick = "bare_lt_calls",
     .pattern = BenchPattern::kSequential,
     .data_bytes = 256 * kMiB,
     .has_walk_caches = true},
    {.name = "hits_sequential_mmu",
     .title = "sequential 8-byte words, Mmu alone",
     .yardstick = "bare_lt_calls",
     .engine = BenchEngine::kMmu,
     .pattern = BenchPattern::kSequential,
     .data_bytes = 256 * kMiB,
     .has_walk_caches = true},
    {.name = "bare_lt_calls",
     .title = "bare b_transport of 8 bytes",
     .engine = BenchEngine::kBareLt},
    {.name = "hits_512_pages",
     .title = "random words in 512 pages, core and Mmu",
     .yardstick = "bare_tlb_hits",
     .data_bytes = 2 * kMiB,
     .has_walk_caches = true},
    {.name = "hits_512_pages_mmu",
     .title = "random words in 512 pages, Mmu alone",
     .yardstick = "bare_tlb_hits",
     .engine = BenchEngine::kMmu,
     .data_bytes = 2 * kMiB,
     .has_walk_caches = true},
    {.name = "bare_tlb_hits",
     .title = "bare TLB loop, random words in 512 pages",
     .engine = BenchEngine::kBareTlb,
     .data_bytes = 2 * kMiB},
    {.name = "at_hits_1",
     .title = "sequential words, four phases, window 1",
     .yardstick = "bare_at_1",
     .pattern = BenchPattern::kSequential,
     .data_bytes = 256 * kMiB,
     .has_walk_caches = true,
     .timing = Timing::kAt},
    {.name = "at_hits_16",
     .title = "sequential words, four phases, window 16",
     .yardstick = "bare_at_16",
     .pattern = BenchPattern::kSequential,
     .data_bytes = 256 * kMiB,
     .has_walk_caches = true,
     .timing = Timing::kAt,
     .num_outstanding = 16},
    {.name = "bare_at_1",
     .title = "bare four phases, 1 outstanding",
     .engine = BenchEngine::kBareAt},
    {.name = "bare_at_16",
     .title = "bare four phases, 16 outstanding",
     .engine = BenchEngine::kBareAt,
     .num_outstanding = 16},
    {.name = "gups_no_walk_caches",
     .title = "GUPS 4 GiB, 24 references each",
     .yardstick = "bare_walks",
     .data_bytes = 4 * kGiB,
     .counts_walks = true},
    {.name = "gups_walk_caches",
     .title = "GUPS 4 GiB, with walk caches",
     .yardstick = "bare_walks",
     .data_bytes = 4 * kGiB,
     .has_walk_caches = true,
     .counts_walks = true},
    {.name = "at_walks",
     .title = "GUPS 4 GiB, 24 references, four phases",
     .yardstick = "bare_walks",
     .data_bytes = 4 * kGiB,
     .counts_walks = true,
     .timing = Timing::kAt},
    {.name = "reference_walks",
     .title = "reference engine alone, same walks",
     .yardstick = "bare_walks",
     .engine = BenchEngine::kReference,
     .data_bytes = 4 * kGiB,
     .counts_walks = true},
    {.name = "reference_walks_ahead",
     .title = "the same, told of the walks to come",
     .yardstick = "bare_walks",
     .engine = BenchEngine::kAhead,
     .data_bytes = 4 * kGiB,
     .counts_walks = true},
    {.name = "bare_walks",
     .title = "bare C++ loop, same walks",
     .engine = BenchEngine::kBareWalk,
     .data_bytes = 4 * kGiB,
     .counts_walks = true},
});

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

BenchFigures measure_by_engine(const BenchCase& bench_case, const BenchSize& size) {
  switch (bench_case.engine) {
    case BenchEngine::kPlatform:
    case BenchEngine::kMmu:
      return measure_platform(bench_case, size);
    case BenchEngine::kReference:
    case BenchEngine::kAhead:
      return measure_reference(bench_case, size);
    case BenchEngine::kBareWalk:
      return measure_bare_walks(bench_case, size);
    case BenchEngine::kBareTlb:
      return measure_bare_tlb(bench_case, size);
    case BenchEngine::kBareLt:
      return measure_bare_lt(size);
    case BenchEngine::kBareAt:
      return measure_bare_at(size, bench_case.num_outstanding);
  }
  fatal("every engine is measured");
}

}  // namespace

std::span<const BenchCase> bench_cases() {
  return kCases;
}

BenchSize bench_size(const BenchCase& bench_case, bool is_quick) {
  const bool is_four_phase =
      bench_case.timing == Timing::kAt || bench_case.engine == BenchEngine::kBareAt;
  const std::uint64_t num_accesses = is_four_phase && bench_case.counts_walks   ? 125'000
                                     : is_four_phase || bench_case.counts_walks ? 1'000'000
                                                                                : 8'000'000;
  return is_quick ? BenchSize{num_accesses / 8, 3} : BenchSize{num_accesses, 5};
}

double BenchFigures::median() const {
  std::vector<double> sorted(rates().begin(), rates().end());
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}
double BenchFigures::lowest() const {
  return rates().empty() ? 0 : *std::min_element(rates().begin(), rates().end());
}
double BenchFigures::highest() const {
  return rates().empty() ? 0 : *std::max_element(rates().begin(), rates().end());
}

BenchFigures measure(const BenchCase& bench_case, const BenchSize& size) {
  fatal_unless(size.num_repetitions <= BenchFigures::kMaxRepetitions, "repetitions have room");
  BenchFigures figures = measure_by_engine(bench_case, size);
  figures.peak_memory_bytes = peak_memory_bytes();
  return figures;
}

}  // namespace nestwalk
