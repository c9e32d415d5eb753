// The timing protocol (tb/timing_match.h): the TLM walker with the costs of configs/machines/
// rtl-match.yaml beside the RTL, for all pairs of formats, with and without slots, caches,
// invalidations and busy memory. NESTWALK_SEED=N takes the random cases from that seed on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "model/config/run_config.h"
#include "tb/timing_match.h"
#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kDefaultSeed = 70260601;
constexpr std::uint64_t kCasesOfAPair = 3;
// What is promised (docs/reference/rtl-walker.md).
constexpr double kMaxTotalPercent = 1.0;
constexpr std::uint64_t kMaxCyclesInAnEmptyMachine = 2;

std::uint64_t first_seed() {
  const char* seed = std::getenv("NESTWALK_SEED");
  return seed == nullptr ? kDefaultSeed : std::strtoull(seed, nullptr, 0);
}

struct Shape {
  const char* name;
  unsigned slots = 1;
  unsigned ntlb_entries = 0;
  unsigned walk_cache_entries = 0;
};
std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.name;
}

MachineParams machine_of(const Shape& shape) {
  MachineParams machine = load_run(ConfigDocument::load(std::string(NESTWALK_SOURCE_DIR) +
                                                        "/configs/machines/rtl-match.yaml"))
                              .machine;
  machine.walker.slots = shape.slots;
  machine.walker.ntlb.array = {shape.ntlb_entries, 0};
  machine.walker.rtl.scoreboard = true;
  if (shape.walk_cache_entries != 0) {
    machine.walker.pwc.organisation = PwcOrganisation::kUnified;
    machine.walker.pwc.unified = {shape.walk_cache_entries, 0};
  }
  return machine;
}

class RtlTimingMatch : public testing::TestWithParam<Shape> {
 protected:
  RtlTimingMatch() : match_(machine_of(GetParam())) {}

  // The accesses of a random case, each address once.
  static TimingStimulus stimulus_of(const RandomCase& random_case, WordMemory& words) {
    TimingStimulus stimulus;
    stimulus.seed = random_case.seed;
    TimingStimulus::Walk walk;
    walk.context = random_case.context;
    if (walk.context.uses_pdpte_registers()) {
      WordOracleMemory view(words);
      walk.context.pdptes = oracle_load_pdptes(walk.context, Gva{0}, view).pdptes;
    }
    std::set<std::uint64_t> addresses;
    for (const Access& access : random_case.accesses) {
      if (addresses.insert(access.address.value()).second) {
        walk.access = access;
        stimulus.walks.push_back(walk);
      }
    }
    return stimulus;
  }

  void run(const TimingStimulus& stimulus, const WordMemory& words) {
    WordMemory tlm_words = words;
    WordMemory rtl_words = words;
    WordTableMemory tlm_memory(tlm_words);
    WordTableMemory rtl_memory(rtl_words);
    match_.run(stimulus, tlm_memory, rtl_memory);
    EXPECT_EQ(tlm_words, rtl_words) << "seed " << stimulus.seed;
    // The next one has other tables.
    match_.tlm().flush();
    match_.rtl().flush();
  }

  // All pairs of formats; `change` sets what surrounds the walks.
  template <class Change>
  void run_all(Change change) {
    const std::vector<StagePair> pairs = all_stage_pairs();
    const std::uint64_t first = first_seed();
    for (std::uint64_t seed = first; seed < first + kCasesOfAPair * pairs.size(); ++seed) {
      const RandomCase random_case = make_random_case(pairs[seed % pairs.size()], seed);
      WordMemory words = random_case.memory;
      TimingStimulus stimulus = stimulus_of(random_case, words);
      SplitMix64 random(~seed);
      change(stimulus, random);
      run(stimulus, random_case.memory);
      ASSERT_EQ(problems(), "") << "seed " << seed;
    }
    std::cout << match_.error().text();
    EXPECT_GT(match_.error().num_walks, 300U);
    EXPECT_LE(match_.error().total_percent(), kMaxTotalPercent);
    EXPECT_LE(match_.error().time_percent(), kMaxTotalPercent);
  }

  [[nodiscard]] std::string problems() const {
    std::string all;
    for (const std::string& problem : match_.problems()) {
      all += problem + "\n";
    }
    return all;
  }

  TimingMatch match_;
};

INSTANTIATE_TEST_SUITE_P(Sets, RtlTimingMatch,
                         testing::Values(Shape{"one_slot"}, Shape{"four_slots", 4},
                                         Shape{"one_slot_ntlb", 1, 1}, Shape{"ntlb", 4, 4},
                                         Shape{"pwc", 1, 0, 8}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(RtlTimingMatch, OneWalkAtATimeTakesTheSameCycles) {
  run_all([](TimingStimulus& stimulus, SplitMix64& random) {
    stimulus.max_latency = static_cast<std::uint32_t>(1 + random.below(60));
  });
  EXPECT_LE(match_.error().max(), kMaxCyclesInAnEmptyMachine);
}

TEST_P(RtlTimingMatch, WalksThatShareTheWalkerTakeTheSameTime) {
  run_all([](TimingStimulus& stimulus, SplitMix64& random) {
    stimulus.window = GetParam().slots + static_cast<std::uint32_t>(random.below(4));
    stimulus.max_latency = static_cast<std::uint32_t>(1 + random.below(60));
  });
}

TEST_P(RtlTimingMatch, WalksThatAreKilledTakeTheSameTime) {
  run_all([](TimingStimulus& stimulus, SplitMix64& random) {
    stimulus.window = GetParam().slots;
    stimulus.max_latency = static_cast<std::uint32_t>(1 + random.below(60));
    for (std::uint32_t walk = 0; walk < stimulus.walks.size(); walk += 2) {
      TimingStimulus::AnchoredInvalidation anchored;
      anchored.walk = walk;
      anchored.access = static_cast<std::uint32_t>(random.below(12));
      anchored.invalidation.op = InvalidateOp::kTlbControlAll;
      anchored.invalidation.rules = TagRules::kAmd;
      stimulus.invalidations.push_back(anchored);
    }
  });
}

// The protocol itself sees a walker with other costs.

TEST(RtlTimingMismatch, ShowsInTheError) {
  MachineParams machine = machine_of({"one_slot"});
  machine.walker.step_cycles = 4;
  TimingMatch match(machine);
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  constexpr Gva kGva{0x1234'5678};
  constexpr Gpa kGpa{0x8000'0000};
  tables.map_guest(kGva, kGpa, 1, HandTables::kX86Leaf | 0x60);
  tables.map_host(kGpa, 1);
  TimingStimulus stimulus;
  stimulus.min_latency = 7;
  stimulus.max_latency = 7;
  stimulus.walks = {{tables.context, {kGva, AccessType::kRead, Privilege::kUser}}};
  WordMemory tlm_words = tables.memory;
  WordMemory rtl_words = tables.memory;
  WordTableMemory tlm_memory(tlm_words);
  WordTableMemory rtl_memory(rtl_words);
  match.run(stimulus, tlm_memory, rtl_memory);
  EXPECT_TRUE(match.problems().empty()) << match.problems().front();
  EXPECT_EQ(match.error().num_walks, 1U);
  const std::uint64_t num_reads = match.rtl().stats().references;
  const std::uint64_t num_updates = match.rtl().stats().updates;
  EXPECT_GE(num_reads, 24U);
  EXPECT_EQ(match.error().rtl_cycles, 2 + (num_reads + num_updates) * (7 + 1));
  EXPECT_EQ(match.error().tlm_cycles, match.error().rtl_cycles + 3 * num_reads);
  EXPECT_GT(match.error().total_percent(), 10.0);
}

}  // namespace
}  // namespace nestwalk
