// The RTL walker over random tables of every guest format over every host format: each event is
// judged by the walk engine, each outcome and the memory afterwards by the second witness too.
// Latency and back-pressure are random. NESTWALK_SEED=N NESTWALK_CASES=1 repeats the case of a
// seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/random_tables.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNumCases = 6000;  // of up to four walks

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

class RtlWalkerRandom : public testing::Test {
 protected:
  RtlWalkerRandom() : bench_(BenchParams{}) { PinWalker::forget_failures(); }

  // Draws how friendly the surroundings of the walker are.
  static BenchParams surroundings(std::uint64_t seed) {
    SplitMix64 random(seed);
    BenchParams params;
    params.seed = seed;
    static constexpr unsigned kLatencies[] = {1, 2, 5, 20};
    params.max_latency = kLatencies[random.below(4)];
    params.ready_percent = random.percent(50) ? 100 : 30;
    params.offer_percent = random.percent(50) ? 100 : 30;
    return params;
  }

  // One walk in both; what differs.
  std::string compare(const WalkerRequest& request, WordMemory& rtl_words, WordMemory& oracle_words,
                      const Interference& interference = {}) {
    WordTableMemory memory(rtl_words, interference);
    bench_.connect(memory);
    bench_.forget_reports();
    bench_.submit(request);
    bench_.run();
    std::string difference;
    for (const std::string& problem : bench_.problems()) {
      difference += problem + "\n";
    }
    if (bench_.reports().size() != 1) {
      return difference + "no response\n";
    }
    InterferedOracleMemory view(oracle_words, interference);
    const OracleResult oracle = oracle_translate(request.context, request.access, view);
    coverage_.add(oracle);
    num_reads_ += bench_.reports().front().num_reads;
    difference += difference_in(bench_.reports().front().response, oracle);
    if (!(rtl_words == oracle_words)) {
      difference += "the memories differ afterwards\n";
    }
    return difference.empty() ? difference
                              : print(request.context, request.access) + "\n" + difference;
  }

  WalkerBench bench_;
  WalkCoverage coverage_;
  std::uint64_t num_walks_ = 0;
  std::uint64_t num_reads_ = 0;
};

TEST_F(RtlWalkerRandom, AgreesWithEngineAndSecondWitness) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", 20260101);
  const std::uint64_t num_cases = number_from_environment("NESTWALK_CASES", kNumCases);
  std::cout << "first seed " << first_seed << ", " << num_cases << " cases\n";
  for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
    const RandomCase random = make_random_case(pairs[seed % pairs.size()], seed);
    WalkerRequest request;
    request.context = random.context;
    WordMemory rtl_words = random.memory;
    WordMemory oracle_words = random.memory;
    if (request.context.uses_pdpte_registers()) {
      WordOracleMemory rtl_view(rtl_words);
      oracle_load_pdptes(request.context, Gva{0}, rtl_view);
      WordOracleMemory oracle_view(oracle_words);
      request.context.pdptes = oracle_load_pdptes(request.context, Gva{0}, oracle_view).pdptes;
    }
    bench_.set_params(surroundings(seed));
    for (const Access& access : random.accesses) {
      request.access = access;
      ++request.id;
      ++num_walks_;
      const std::string difference = compare(request, rtl_words, oracle_words);
      ASSERT_EQ(difference, "") << "seed " << seed;
    }
  }
  std::cout << num_walks_ << " walks, " << num_reads_ << " reads, " << bench_.cycle() << " cycles\n"
            << coverage_.histogram();
  if (num_cases < kNumCases) {
    return;  // a seed is being repeated: too few for everything to occur
  }
  EXPECT_GE(num_walks_, 20000U);
  for (unsigned kind = 0; kind < kNumFaultKinds; ++kind) {
    // The load of the PDPTEs belongs to no walk.
    if (static_cast<FaultKind>(kind) != FaultKind::kPdpteReserved) {
      EXPECT_GT(coverage_.num_faults.at(kind), 0U) << kFaultKindNames.at(kind);
    }
  }
}

}  // namespace
}  // namespace nestwalk
