#include "model/sim/bench_case.h"

#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "model/arch/check.h"
#include "model/sim/bench_bare_walk.h"
#include "model/sim/bench_platform.h"
#include "model/sim/bench_streams.h"
#include "model/sim/bench_timer.h"
#include "model/walk/functional_driver.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::size_t kBatch = 4096;

constexpr std::array<BenchCase, 8> kCases = {{
    {"hits_sequential", "sequential 8-byte words, core and Mmu", BenchEngine::kPlatform,
     BenchPattern::kSequential, 256 * kMiB, true, false},
    {"hits_sequential_mmu", "sequential 8-byte words, Mmu alone", BenchEngine::kMmu,
     BenchPattern::kSequential, 256 * kMiB, true, false},
    {"hits_512_pages", "random words in 512 pages, core and Mmu", BenchEngine::kPlatform,
     BenchPattern::kRandom, 2 * kMiB, true, false},
    {"hits_512_pages_mmu", "random words in 512 pages, Mmu alone", BenchEngine::kMmu,
     BenchPattern::kRandom, 2 * kMiB, true, false},
    {"gups_no_walk_caches", "GUPS 4 GiB, 24 references each", BenchEngine::kPlatform,
     BenchPattern::kRandom, 4 * kGiB, false, true},
    {"gups_walk_caches", "GUPS 4 GiB, with walk caches", BenchEngine::kPlatform,
     BenchPattern::kRandom, 4 * kGiB, true, true},
    {"reference_walks", "reference engine alone, same walks", BenchEngine::kReference,
     BenchPattern::kRandom, 4 * kGiB, false, true},
    {"bare_walks", "bare C++ loop, same walks", BenchEngine::kBare, BenchPattern::kRandom, 4 * kGiB,
     false, true},
}};

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

class EntryReader {
 public:
  explicit EntryReader(SparseMemory& memory) : memory_(memory) {}
  MemoryAnswer read(const Step& step) { return {true, memory_.read(step.hpa, step.bytes)}; }
  UpdateAnswer update(const Step& step) {
    return memory_.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }

 private:
  SparseMemory& memory_;
};

// Walks the whole stream, batch by batch. walk_all(addresses, figures) does one batch. The first
// repetition warms up and is dropped.
template <class WalkAll>
BenchFigures measure_walks(const BenchSize& size, const BenchStream& stream, WalkAll walk_all) {
  BenchFigures figures;
  BenchTimer timer;
  std::vector<Gva> addresses(kBatch);
  for (unsigned repetition = 0; repetition <= size.num_repetitions; ++repetition) {
    timer.reset();
    std::uint64_t done = 0;
    for (; done < size.num_accesses; done += kBatch) {
      stream(addresses);
      timer.start();
      walk_all(addresses, figures);
      timer.stop();
    }
    figures.num_walks += done;
    figures.num_translations += done;
    if (repetition != 0) {
      figures.rate_per_second[figures.num_repetitions++] =
          static_cast<double>(done) / timer.seconds();
    }
  }
  return figures;
}

BenchFigures measure_reference(const BenchCase& bench_case, const BenchSize& size) {
  SparseMemory memory(64 * kGiB);
  const BenchTables tables = make_bench_tables(memory, bench_case.data_bytes);
  EntryReader reader(memory);
  return measure_walks(size, make_random_stream(tables.first_address, bench_case.data_bytes),
                       [&](std::span<const Gva> addresses, BenchFigures& figures) {
                         for (const Gva address : addresses) {
                           const WalkOutcome outcome =
                               walk(tables.context, Access{address}, reader, NoCache{});
                           figures.num_references += outcome.num_references;
                           figures.num_full_walks += outcome.num_references == 24 ? 1 : 0;
                           figures.num_faults += outcome.is_translation ? 0 : 1;
                           figures.checksum += outcome.translation.hpa.value();
                         }
                       });
}

BenchFigures measure_bare(const BenchCase& bench_case, const BenchSize& size) {
  BenchTables tables;
  const auto bare = [&] {
    SparseMemory memory(64 * kGiB);
    tables = make_bench_tables(memory, bench_case.data_bytes);
    return BareWalk(memory, tables);
  }();
  return measure_walks(size, make_random_stream(tables.first_address, bench_case.data_bytes),
                       [&](std::span<const Gva> addresses, BenchFigures& figures) {
                         for (const Gva address : addresses) {
                           const std::uint64_t hpa = bare.translate(address.value());
                           figures.num_faults += hpa == BareWalk::kNotMapped ? 1 : 0;
                           figures.checksum += hpa;
                         }
                       });
}

BenchFigures measure_by_engine(const BenchCase& bench_case, const BenchSize& size) {
  switch (bench_case.engine) {
    case BenchEngine::kPlatform:
    case BenchEngine::kMmu:
      return measure_platform(bench_case, size);
    case BenchEngine::kReference:
      return measure_reference(bench_case, size);
    case BenchEngine::kBare:
      return measure_bare(bench_case, size);
  }
  fatal("every engine is measured");
}

}  // namespace

std::span<const BenchCase> bench_cases() {
  return kCases;
}

BenchSize bench_size(const BenchCase& bench_case, bool is_quick) {
  const std::uint64_t num_accesses = bench_case.counts_walks ? 1'000'000 : 8'000'000;
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
