// The measurements of the benchmark: what each one is, and how it is made in this process.
//
//   for (const BenchCase& c : bench_cases()) { measure(c, bench_size(c, is_quick)); }
//
// Time is processor time of this process. Making addresses and tables is not in it. One measurement
// a process: SystemC has one simulation context, and peak memory is the process's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "model/params/machine.h"

namespace nestwalk {

enum class BenchEngine : std::uint8_t {
  kPlatform,   // the simulated core and everything below it, as in a run
  kMmu,        // calls of the Mmu's b_transport, without the core
  kReference,  // the walk engine over a sparse memory, without time
  kAhead,      // the same, told of the walks to come (WalkHints)
  kBareWalk,   // BareWalk
  kBareTlb,    // BareTlb
  kBareLt,     // a TLM socket: b_transport
  kBareAt,     // a TLM socket: four phases
};
constexpr bool is_bare(BenchEngine engine) {
  return engine >= BenchEngine::kBareWalk;
}

enum class BenchPattern : std::uint8_t { kSequential, kRandom };

struct BenchCase {
  std::string_view name;
  std::string_view title;
  std::string_view yardstick{};  // the name of the bare case to compare with; empty: none
  BenchEngine engine = BenchEngine::kPlatform;
  BenchPattern pattern = BenchPattern::kRandom;
  std::uint64_t data_bytes = 0;  // the range that the addresses lie in
  bool has_walk_caches = false;  // page-walk caches and nested TLB
  bool counts_walks = false;     // the rate is of walks, not of translations
  Timing timing = Timing::kLt;
  unsigned num_outstanding = 1;  // transactions in flight, where several can be
};

[[nodiscard]] std::span<const BenchCase> bench_cases();

struct BenchSize {
  std::uint64_t num_accesses = 0;  // of one repetition
  unsigned num_repetitions = 0;
};

[[nodiscard]] BenchSize bench_size(const BenchCase& bench_case, bool is_quick);

struct BenchFigures {
  static constexpr unsigned kMaxRepetitions = 16;

  unsigned num_repetitions = 0;
  std::array<double, kMaxRepetitions> rate_per_second{};
  std::uint64_t num_translations = 0;
  std::uint64_t num_walks = 0;
  std::uint64_t num_references = 0;     // table entries read by them
  std::uint64_t num_faults = 0;         // none, or the measurement is void
  std::uint64_t num_full_walks = 0;     // that read exactly 24 entries
  std::uint64_t checksum = 0;           // of the addresses found, where there is no platform
  std::uint64_t peak_memory_bytes = 0;  // of the process

  // Repetition 0 warms up and is dropped.
  void add_repetition(unsigned repetition, std::uint64_t count, double seconds) {
    if (repetition != 0) {
      rate_per_second[num_repetitions++] = static_cast<double>(count) / seconds;
    }
  }

  [[nodiscard]] double median() const;
  [[nodiscard]] double lowest() const;
  [[nodiscard]] double highest() const;

 private:
  [[nodiscard]] std::span<const double> rates() const {
    return std::span(rate_per_second).first(num_repetitions);
  }
};

[[nodiscard]] BenchFigures measure(const BenchCase& bench_case, const BenchSize& size);

}  // namespace nestwalk
