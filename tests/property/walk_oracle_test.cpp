// The walk engine against the second witness over random tables: every guest format over every host
// format, walked cold and in order, so that later accesses meet the A/D bits of earlier ones.
// NESTWALK_SEED=N NESTWALK_CASES=1 repeats the case of that seed; more cases make a longer run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/property/walk_comparison.h"
#include "tests/support/random_tables.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNumCases = 50000;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

// Compares one case; the first difference, or nothing.
std::string compare_case(const StagePair& stages, std::uint64_t seed, WalkCoverage& coverage) {
  const RandomCase random = make_random_case(stages, seed);
  WalkContext context = random.context;
  WordMemory engine_words = random.memory;
  WordMemory oracle_words = random.memory;
  std::string difference;
  if (context.uses_pdpte_registers()) {
    difference = compare_pdpte_loads(context, engine_words, oracle_words, coverage);
  }
  for (const Access& access : random.accesses) {
    if (difference.empty()) {
      difference = compare_walks(context, access, engine_words, oracle_words, coverage);
    }
  }
  return difference.empty() ? difference : "seed " + std::to_string(seed) + ": " + difference;
}

// Every position at which the host stage of some pair can fault must have been one.
void expect_host_positions(const WalkCoverage& coverage, FaultKind kind, std::uint8_t host_levels) {
  for (std::uint8_t g = 0; g <= 5; ++g) {
    for (std::uint8_t h = 1; h <= host_levels; ++h) {
      EXPECT_GT(coverage.positions.count({kind, Position{g, h}}), 0U)
          << name_of(kind) << " never at (" << +g << "," << +h << ")";
    }
  }
}

// How many cases were asked for.
std::uint64_t compare_cases(const std::vector<StagePair>& pairs, std::uint64_t default_seed,
                            std::uint64_t default_cases, WalkCoverage& coverage) {
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", default_seed);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", default_cases);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  unsigned num_differences = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
    const std::string difference = compare_case(pairs[seed % pairs.size()], seed, coverage);
    if (!difference.empty()) {
      ADD_FAILURE() << difference;
      if (++num_differences == 10) {
        ADD_FAILURE() << "giving up";
        return 0;
      }
    }
  }
  std::cout << coverage.histogram();
  return num_cases;
}

TEST(WalkOracle, EngineAgreesOnRandomTablesOfAllFormats) {
  WalkCoverage coverage;
  if (compare_cases(all_stage_pairs(), 20260101, kNumCases, coverage) < kNumCases) {
    return;  // a seed is being repeated: too few for everything to occur
  }

  EXPECT_GT(coverage.num_translations, 1000U);
  EXPECT_GT(coverage.num_restarts, 0U);
  for (unsigned kind = 0; kind < kNumFaultKinds; ++kind) {
    EXPECT_GT(coverage.num_faults.at(kind), 0U) << kFaultKindNames.at(kind);
  }
  for (std::uint8_t g = 1; g <= 5; ++g) {
    EXPECT_GT(coverage.positions.count({FaultKind::kGuestPageFault, Position{g, 0}}), 0U) << +g;
    EXPECT_GT(coverage.positions.count({FaultKind::kEptViolation, Position{g, 0}}), 0U)
        << "no denied guest A/D write at level " << +g;
  }
  expect_host_positions(coverage, FaultKind::kEptViolation, 5);
  expect_host_positions(coverage, FaultKind::kEptMisconfiguration, 5);
  expect_host_positions(coverage, FaultKind::kNestedPageFault, 5);
}

TEST(WalkOracle, EngineAgreesOnRandomTablesOfAgilePaging) {
  WalkCoverage coverage;
  if (compare_cases(agile_stage_pairs(), 21260101, kNumCases, coverage) < kNumCases) {
    return;
  }
  EXPECT_GT(coverage.num_translations, 1000U);
  EXPECT_GT(coverage.num_restarts, 0U);
  for (std::uint8_t g = 1; g <= 5; ++g) {
    EXPECT_GT(coverage.shadow_faults.at(g), 0U) << +g;
    EXPECT_GT(coverage.positions.at({FaultKind::kGuestPageFault, Position{g, 0}}),
              coverage.shadow_faults.at(g))
        << "no page fault below a switching bit at level " << +g;
  }
  // The root of the guest's tables is never found by a host walk.
  for (std::uint8_t g = 0; g <= 4; ++g) {
    for (std::uint8_t h = 1; h <= 4; ++h) {
      EXPECT_GT(coverage.positions.count({FaultKind::kEptViolation, Position{g, h}}), 0U)
          << +g << "," << +h;
      EXPECT_GT(coverage.positions.count({FaultKind::kNestedPageFault, Position{g, h}}), 0U)
          << +g << "," << +h;
    }
  }
  EXPECT_EQ(coverage.positions.count({FaultKind::kEptViolation, Position{5, 1}}), 0U);
}

// How many cases were asked for.
std::uint64_t compare_interfered_cases(const std::vector<StagePair>& pairs,
                                       std::uint64_t default_seed, std::uint64_t default_cases,
                                       WalkCoverage& coverage) {
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", default_seed);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", default_cases);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  unsigned num_differences = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
    const RandomCase random_case = make_random_case(pairs[seed % pairs.size()], seed);
    WalkContext context = random_case.context;
    WordMemory words = random_case.memory;
    SplitMix64 random(~seed);
    if (context.uses_pdpte_registers()) {
      WordOracleMemory memory(words);
      context.pdptes = oracle_load_pdptes(context, Gva{0}, memory).pdptes;
    }
    for (const Access& access : random_case.accesses) {
      WordMemory scratch = words;
      WordOracleMemory undisturbed(scratch);
      const OracleResult result = oracle_translate(context, access, undisturbed);
      if (result.references.empty()) {
        continue;
      }
      WordMemory engine_words = words;
      const std::string difference = compare_walks(context, access, engine_words, words, coverage,
                                                   random_interference(random, result));
      if (!difference.empty()) {
        ADD_FAILURE() << "seed " << seed << ": " << difference;
        if (++num_differences == 10) {
          ADD_FAILURE() << "giving up";
          return 0;
        }
      }
    }
  }
  std::cout << coverage.histogram();
  return num_cases;
}

TEST(WalkOracle, EngineAgreesWhenEntriesChangeUnderTheWalk) {
  WalkCoverage coverage;
  if (compare_interfered_cases(all_stage_pairs(), 40260101, kNumCases / 2, coverage) >=
      kNumCases / 2) {
    EXPECT_GT(coverage.num_restarts, 1000U);
  }
}

TEST(WalkOracle, EngineAgreesWhenEntriesChangeUnderAnAgileWalk) {
  WalkCoverage coverage;
  if (compare_interfered_cases(agile_stage_pairs(), 41260101, kNumCases / 2, coverage) >=
      kNumCases / 2) {
    EXPECT_GT(coverage.num_restarts, 1000U);
  }
}

}  // namespace
}  // namespace nestwalk
