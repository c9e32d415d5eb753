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

TEST(WalkOracle, EngineAgreesOnRandomTablesOfAllFormats) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", 20260101);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", kNumCases);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  WalkCoverage coverage;
  unsigned num_differences = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
    const std::string difference = compare_case(pairs[seed % pairs.size()], seed, coverage);
    if (!difference.empty()) {
      ADD_FAILURE() << difference;
      ASSERT_LT(++num_differences, 10U) << "giving up";
    }
  }
  std::cout << coverage.histogram();
  if (num_cases < kNumCases) {
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

TEST(WalkOracle, EngineAgreesWhenEntriesChangeUnderTheWalk) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", 40260101);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", kNumCases / 2);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  WalkCoverage coverage;
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
        ASSERT_LT(++num_differences, 10U) << "giving up";
      }
    }
  }
  std::cout << coverage.histogram();
  if (num_cases >= kNumCases / 2) {
    EXPECT_GT(coverage.num_restarts, 1000U);
  }
}

}  // namespace
}  // namespace nestwalk
