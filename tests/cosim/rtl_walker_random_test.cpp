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

class RtlWalkerRandom : public RtlWalkerTest {
 protected:
  // Loads the PDPTEs of a case that has them in registers; the RTL does the host walk of the load.
  void load_pdptes(WalkContext& context, WordMemory& rtl_words, WordMemory& oracle_words) {
    WordOracleMemory oracle_view(oracle_words);
    const OracleLoad load = oracle_load_pdptes(context, Gva{0}, oracle_view);
    if (context.has_host) {
      WalkerRequest request;
      request.context = context;
      request.is_pdpte_load = true;
      request.access.address = Gva(context.guest_root & format_of(FormatId::kX86Pae).root_mask);
      request.access.privilege = Privilege::kSupervisor;
      WordTableMemory memory(rtl_words);
      const WalkerBench::Report report = walk(request, memory);
      ++num_loads_;
      if (load.is_loaded) {
        EXPECT_TRUE(report.response.is_translation);
      } else if (load.fault.kind == FaultKind::kEptViolation) {
        EXPECT_EQ(report.response.fault.code, load.fault.code);
        EXPECT_EQ(report.response.fault.position, load.fault.position);
      }
    }
    context.pdptes = load.pdptes;
  }

  WalkCoverage coverage_;
  std::uint64_t num_walks_ = 0;
  std::uint64_t num_loads_ = 0;
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
    set_random_surroundings(seed);
    if (request.context.uses_pdpte_registers()) {
      load_pdptes(request.context, rtl_words, oracle_words);
    }
    for (const Access& access : random.accesses) {
      request.access = access;
      ++request.id;
      ++num_walks_;
      const std::string difference = compare(request, rtl_words, oracle_words, coverage_);
      ASSERT_EQ(difference, "") << "seed " << seed;
    }
  }
  std::cout << num_walks_ << " walks, " << num_loads_ << " loads of PDPTEs, " << num_reads_
            << " reads, " << bench_.cycle() << " cycles\n"
            << coverage_.histogram();
  if (num_cases < kNumCases) {
    return;  // a seed is being repeated: too few for everything to occur
  }
  EXPECT_GE(num_walks_, 20000U);
  EXPECT_GT(num_loads_, 100U);
  for (unsigned kind = 0; kind < kNumFaultKinds; ++kind) {
    // The load of the PDPTEs belongs to no walk.
    if (static_cast<FaultKind>(kind) != FaultKind::kPdpteReserved) {
      EXPECT_GT(coverage_.num_faults.at(kind), 0U) << kFaultKindNames.at(kind);
    }
  }
}

}  // namespace
}  // namespace nestwalk
