// Random tables through Mmu and walker with small caches of every make: an access ends as the
// second witness, which knows no caches, ends it on the same memory; without changes to the tables,
// and with changes that are each followed by the invalidation that the manuals ask for.
// NESTWALK_SEED=N NESTWALK_CASES=1 repeats the case of that seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tests/support/changing_tables.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNumCases = 2100;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

// The first difference of a case, or nothing.
std::string run_case(MmuBench& bench, ChangingTables& test, bool changes_tables,
                     std::uint64_t seed) {
  SplitMix64 random(seed);
  bench.load(test.context, test.memory);
  if (changes_tables && test.footprint.overlaps()) {
    return "";
  }
  for (std::size_t i = 0; i < test.accesses.size(); ++i) {
    if (changes_tables && random.percent(25)) {
      for (const Invalidation& invalidation : change_entry(test, bench.memory, random)) {
        bench.invalidate(invalidation);
      }
      if (test.footprint.overlaps()) {
        return "";  // a change of one entry is a change of another one too
      }
    }
    const std::string difference = difference_from_oracle(bench, test.accesses[i]);
    if (!difference.empty()) {
      return "seed " + std::to_string(seed) + ", access " + std::to_string(i) + ": " +
             std::string(format_of(test.context.guest_format).name) + " over " +
             std::string(format_of(test.context.host_format).name) + ", has guest " +
             std::to_string(test.context.has_guest) + ", has host " +
             std::to_string(test.context.has_host) + difference;
    }
  }
  return "";
}

class TlmWarm : public testing::TestWithParam<CachingMachine> {
 protected:
  void compare(const std::vector<StagePair>& pairs, bool changes_tables,
               std::uint64_t default_seed) {
    const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", default_seed);
    const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", kNumCases);
    std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
    MmuBench bench(machine_of(GetParam()));
    std::uint64_t num_compared = 0;
    unsigned num_differences = 0;
    for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
      ChangingTables test;
      if (!make_changing_tables(pairs[seed % pairs.size()], seed, test)) {
        continue;
      }
      ++num_compared;
      const std::string difference = run_case(bench, test, changes_tables, seed);
      if (!difference.empty()) {
        ADD_FAILURE() << difference;
        ASSERT_LT(++num_differences, 5U) << "giving up";
      }
    }
    const MmuStats& mmu = bench.mmu().stats();
    const WalkerStats& walker = bench.walker().stats();
    std::cout << num_compared << " cases compared, " << mmu.translations << " translations, "
              << mmu.walks << " walks, " << walker.references << " references, " << mmu.faults
              << " faults\n";
    if (num_cases < kNumCases) {
      return;  // a seed is being repeated
    }
    EXPECT_GT(num_compared, num_cases / 3);
    EXPECT_GT(mmu.translations - mmu.walks, 2000U) << "TLB hits";
    EXPECT_GT(mmu.faults, mmu.walks / 10);
    EXPECT_GT(mmu.walks - mmu.faults, mmu.walks / 10);
  }
};

INSTANTIATE_TEST_SUITE_P(Machines, TlmWarm, testing::ValuesIn(kCachingMachines));

TEST_P(TlmWarm, WithoutChangesEveryAccessIsAsCold) {
  compare(all_stage_pairs(), false, 50260101);
}

TEST_P(TlmWarm, AfterTheRequiredInvalidationEveryAccessIsAsCold) {
  compare(all_stage_pairs(), true, 60260101);
}

TEST_P(TlmWarm, WithoutChangesEveryAgileAccessIsAsCold) {
  compare(agile_stage_pairs(), false, 51260101);
}

TEST_P(TlmWarm, AfterTheRequiredInvalidationEveryAgileAccessIsAsCold) {
  compare(agile_stage_pairs(), true, 61260101);
}

}  // namespace
}  // namespace nestwalk
