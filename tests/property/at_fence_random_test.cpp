// Random tables, accesses under way at random, one or two entries changed and invalidated as the
// manuals ask for, each at a random cycle: after an acknowledgement nothing follows from the tables
// before it. NESTWALK_SEED=N NESTWALK_CASES=1 repeats the case of that seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <ostream>
#include <vector>

#include "tests/support/at_fence_bench.h"
#include "tests/support/at_fence_judge.h"
#include "tests/support/random_tables.h"
#include "tests/support/table_footprint.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNumCases = 1000;
constexpr unsigned kRunsOfACase = 4;

struct RandomSetup {
  CachingMachine machine;
  unsigned slots;
};
void PrintTo(const RandomSetup& setup, std::ostream* out) {
  *out << setup.machine.name << ", " << setup.slots << " slots";
}
const RandomSetup kSetups[] = {
    {kCachingMachines[2], 1}, {kCachingMachines[1], 2},  {kCachingMachines[5], 2},
    {kCachingMachines[8], 2}, {kCachingMachines[3], 16}, {kCachingMachines[7], 16},
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

MachineParams machine_of(const RandomSetup& setup) {
  MachineParams params = nestwalk::machine_of(setup.machine);
  params.timing = Timing::kAt;
  params.data_path = DataPath::kCaches;
  params.mmu.l2_tlb.latency_cycles = 2;
  params.walker.slots = setup.slots;
  return params;
}

TableFootprint footprint_of(const FenceRun& run, const WordMemory& words) {
  TableFootprint footprint;
  for (const Access& access : run.accesses) {
    footprint.add(witness(run.context, access, words));
  }
  return footprint;
}

// Empty: the case has no accesses that mean something, or tables that change themselves.
std::optional<FenceRun> make_run(const StagePair& stages, std::uint64_t seed) {
  RandomCase random_case = make_random_case(stages, seed);
  SplitMix64 random(~seed);
  if (random_case.accesses.empty()) {
    return std::nullopt;
  }
  FenceRun run;
  run.context = random_case.context;
  const bool is_amd = run.context.is_npt();
  Tags& tags = run.context.tags;
  tags.vpid = Vpid{static_cast<std::uint16_t>(is_amd ? 0 : 1)};
  tags.asid = Asid{is_amd ? 7U : 0U};
  tags.ep4ta = Ep4ta{!is_amd && run.context.has_host ? run.context.host_root & mask(51, 12) : 0};
  tags.pcid = Pcid{3};
  run.memory = random_case.memory;
  if (run.context.uses_pdpte_registers()) {
    WordOracleMemory memory(run.memory);
    const OracleLoad load = oracle_load_pdptes(run.context, Gva{0}, memory);
    if (!load.is_loaded) {
      return std::nullopt;
    }
    run.context.pdptes = load.pdptes;
  }
  run.context_after = run.context;
  for (unsigned i = 0; i < 8; ++i) {
    Access access = random_case.accesses[random.below(random_case.accesses.size())];
    if (random.percent(50)) {
      access.type = static_cast<AccessType>(random.below(3));
      access.implicit = access.implicit && !access.is_fetch();
    }
    access.address = Gva((access.address.value() & ~std::uint64_t{7}) ^ (random.below(32) << 3));
    run.accesses.push_back(access);
  }
  run.afterwards = run.accesses;
  run.num_bytes = 8;
  run.window = 1 + static_cast<unsigned>(random.below(8));
  run.seed = seed;
  if (footprint_of(run, run.memory).overlaps()) {
    return std::nullopt;
  }
  return run;
}

// What the manuals require after an entry of this stage has changed.
std::vector<Invalidation> required(const FenceRun& run, Stage stage) {
  Invalidation invalidation;
  invalidation.tags = run.context.tags;
  if (stage == Stage::kHost) {
    const bool is_npt = run.context.is_npt();
    invalidation.rules = is_npt ? TagRules::kAmd : TagRules::kIntel;
    invalidation.op = is_npt ? InvalidateOp::kTlbControlAsid : InvalidateOp::kInveptSingle;
    return {invalidation};
  }
  std::vector<Invalidation> all;
  for (const Access& access : run.accesses) {
    invalidation.address = access.address;
    all.push_back(invalidation);
  }
  return all;
}

// Flips a bit of an entry that the accesses use; false: the case has none, or the change leads to
// tables that mean two things.
bool add_shot(FenceRun& run, WordMemory& words, std::uint64_t most_cycles, SplitMix64& random) {
  const TableFootprint before = footprint_of(run, words);
  if (before.references().empty()) {
    return false;
  }
  const OracleReference victim = before.references()[random.below(before.references().size())];
  const auto old = words.read(victim.hpa, victim.size);
  if (!old) {
    return false;
  }
  // Rights, presence, A, D and size mostly; now and then an address bit.
  const std::uint64_t flip = bit(static_cast<unsigned>(random.below(random.percent(80) ? 12 : 32)));
  words.write(victim.hpa, victim.size, *old ^ flip);
  TableFootprint both = before;
  for (const Access& access : run.accesses) {
    both.add(witness(run.context, access, words));
  }
  FenceShot shot;
  shot.cycle = random.below(most_cycles + 2);
  shot.is_late = random.percent(50);
  shot.edits = {{victim.hpa, victim.size, ~flip, ~*old & flip}};
  shot.invalidations = required(run, victim.stage);
  run.shots.push_back(shot);
  // A walk may read a host entry several times, and then be of neither time alone.
  run.judges_before = run.judges_before && victim.stage == Stage::kGuest && run.shots.size() == 1;
  return !both.overlaps();
}

class AtFenceRandom : public testing::TestWithParam<RandomSetup> {};

INSTANTIATE_TEST_SUITE_P(Machines, AtFenceRandom, testing::ValuesIn(kSetups));

TEST_P(AtFenceRandom, Con01NothingOldAfterTheAcknowledgement) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", 70260101);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", kNumCases);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  FenceBench bench(machine_of(GetParam()), 1);
  std::uint64_t num_runs = 0;
  std::uint64_t num_kills = 0;
  std::uint64_t num_waits = 0;
  std::uint64_t num_strict = 0;
  // Seeds that failed once come first.
  std::vector<std::uint64_t> seeds = {80261554, 80283121, 80304851, 80321931};
  for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
    seeds.push_back(seed);
  }
  for (const std::uint64_t seed : seeds) {
    auto run = make_run(pairs[seed % pairs.size()], seed);
    if (!run) {
      continue;
    }
    const FenceResult undisturbed = bench.run(*run);
    ASSERT_EQ(undisturbed.violation, "") << "without an invalidation, seed " << seed;
    for (unsigned i = 0; i < kRunsOfACase; ++i) {
      SplitMix64 random(seed * kRunsOfACase + i);
      FenceRun with_shots = *run;
      WordMemory words = run->memory;
      bool is_sound = add_shot(with_shots, words, undisturbed.cycles, random);
      if (is_sound && random.percent(30)) {
        is_sound = add_shot(with_shots, words, undisturbed.cycles, random);
      }
      if (!is_sound) {
        continue;
      }
      const FenceResult result = bench.run(with_shots);
      ASSERT_EQ(result.violation, "")
          << "seed " << seed << ", run " << i << ": " << format_of(run->context.guest_format).name
          << " over " << format_of(run->context.host_format).name << ", has guest "
          << run->context.has_guest << ", has host " << run->context.has_host;
      ++num_runs;
      num_kills += result.kills;
      num_waits += result.num_waits;
      num_strict += result.num_strict;
    }
  }
  std::cout << num_runs << " runs, " << num_kills << " walks killed, " << num_waits
            << " acknowledgements waited, " << num_strict << " answers after them\n";
  if (num_cases < kNumCases) {
    return;  // a seed is being repeated
  }
  EXPECT_GT(num_runs, num_cases);
  EXPECT_GT(num_kills, num_runs / 2);
  EXPECT_GT(num_waits, num_runs / 20);
  EXPECT_GT(num_strict, num_runs);
}

}  // namespace
}  // namespace nestwalk
