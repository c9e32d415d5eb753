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
#include "tests/support/oracle.h"
#include "tests/support/random_tables.h"
#include "tests/support/table_footprint.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNumCases = 2100;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

struct Case {
  WalkContext context;
  WordMemory memory;
  std::vector<Access> accesses;
  TableFootprint footprint;
};

// The case's accesses several times over, of varying kinds and at neighbouring places.
std::vector<Access> sequence_of(const RandomCase& random_case, SplitMix64& random) {
  std::vector<Access> accesses;
  for (unsigned i = 0; i < 16; ++i) {
    Access access = random_case.accesses[random.below(random_case.accesses.size())];
    if (random.percent(50)) {
      access.type = static_cast<AccessType>(random.below(3));
      access.implicit = access.implicit && !access.is_fetch();
    }
    if (random.percent(30)) {
      access.privilege = random.percent(50) ? Privilege::kUser : Privilege::kSupervisor;
    }
    if (random.percent(30)) {
      access.address = Gva(access.address.value() ^ random.below(0x1000));
    }
    accesses.push_back(access);
  }
  return accesses;
}

// False: the case has no accesses that mean something.
bool make_case(const StagePair& stages, std::uint64_t seed, Case& result) {
  RandomCase random_case = make_random_case(stages, seed);
  SplitMix64 random(~seed);
  if (random_case.accesses.empty()) {
    return false;
  }
  result.context = random_case.context;
  WalkContext& context = result.context;
  const bool is_amd = context.is_npt();
  context.tags.vpid = Vpid{static_cast<std::uint16_t>(is_amd ? 0 : 1)};
  context.tags.asid = Asid{is_amd ? 7U : 0U};
  context.tags.ep4ta = Ep4ta{!is_amd && context.has_host ? context.host_root & mask(51, 12) : 0};
  context.tags.pcid = Pcid{3};
  result.memory = random_case.memory;
  if (context.uses_pdpte_registers()) {
    WordOracleMemory memory(result.memory);
    const OracleLoad load = oracle_load_pdptes(context, Gva{0}, memory);
    if (!load.is_loaded) {
      return false;
    }
    context.pdptes = load.pdptes;
  }
  result.accesses = sequence_of(random_case, random);
  WordMemory words = result.memory;
  WordOracleMemory memory(words);
  for (const Access& access : result.accesses) {
    result.footprint.add(oracle_translate(context, access, memory));
  }
  return !result.footprint.changes_itself();
}

// What the manuals require after this entry changed: INVLPG for guest entries, by every address
// that the entry may serve; INVEPT for EPT entries; a flush of the ASID for nested entries.
void invalidate_after_change(MmuBench& bench, const Case& test, Stage stage) {
  Invalidation invalidation;
  invalidation.tags = test.context.tags;
  if (stage == Stage::kHost) {
    invalidation.rules = test.context.is_npt() ? TagRules::kAmd : TagRules::kIntel;
    invalidation.op =
        test.context.is_npt() ? InvalidateOp::kTlbControlAsid : InvalidateOp::kInveptSingle;
    bench.invalidate(invalidation);
    return;
  }
  invalidation.op = InvalidateOp::kInvlpg;
  for (const Access& access : test.accesses) {
    invalidation.address = access.address;
    bench.invalidate(invalidation);
  }
}

// Flips a bit or two of an entry that the case uses.
void change_tables(MmuBench& bench, const Case& test, SplitMix64& random) {
  const std::vector<OracleReference>& references = test.footprint.references();
  if (references.empty()) {
    return;
  }
  const OracleReference& victim = references[random.below(references.size())];
  const auto old = bench.memory.read(victim.hpa, victim.size);
  if (!old) {
    return;
  }
  // Rights, presence, A, D and size mostly; now and then an address bit.
  const std::uint64_t flip = bit(static_cast<unsigned>(random.below(random.percent(80) ? 12 : 32)));
  bench.memory.write(victim.hpa, victim.size, *old ^ flip);
  invalidate_after_change(bench, test, victim.stage);
}

// The first difference of a case, or nothing.
std::string run_case(MmuBench& bench, ChangingTables& test, bool changes_tables,
                     std::uint64_t seed) {
  SplitMix64 random(seed);
  bench.load(test.context, test.memory);
  if (changes_tables && test.footprint.overlaps()) {
  TableFootprint seen = test.footprint;
  if (changes_tables && seen.overlaps()) {
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
  void compare(bool changes_tables, std::uint64_t default_seed) {
    const std::vector<StagePair> pairs = all_stage_pairs();
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
    EXPECT_GT(mmu.translations - mmu.walks, mmu.translations / 10) << "TLB hits";
    EXPECT_GT(mmu.faults, mmu.walks / 10);
    EXPECT_GT(mmu.walks - mmu.faults, mmu.walks / 10);
  }
};

INSTANTIATE_TEST_SUITE_P(Machines, TlmWarm, testing::ValuesIn(kCachingMachines));

TEST_P(TlmWarm, WithoutChangesEveryAccessIsAsCold) {
  compare(false, 50260101);
}

TEST_P(TlmWarm, AfterTheRequiredInvalidationEveryAccessIsAsCold) {
  compare(true, 60260101);
}

}  // namespace
}  // namespace nestwalk
