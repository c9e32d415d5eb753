// A and D updates of the RTL walker that are lost or refused, and reads that are: against the walk
// engine and the second witness.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"
#include "tests/support/random_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

class RtlWalkerUpdate : public RtlWalkerTest {
 protected:
  // 4K pages over 4K pages, nothing accessed or dirty yet.
  static HandTables cold_tables() {
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.context.control.accessed_dirty = true;
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    return tables;
  }
  static WalkerRequest request_of(const HandTables& tables, AccessType type) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kGva, type, Privilege::kUser};
    return request;
  }
};

TEST_F(RtlWalkerUpdate, EntriesMayChangeUnderTheWalk) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  WalkCoverage coverage;
  std::uint64_t num_walks = 0;
  for (std::uint64_t seed = 40260101; seed < 40260101 + 2500; ++seed) {
    const RandomCase random_case = make_random_case(pairs[seed % pairs.size()], seed);
    WalkerRequest request;
    request.context = random_case.context;
    WordMemory words = random_case.memory;
    SplitMix64 random(~seed);
    if (request.context.uses_pdpte_registers()) {
      WordOracleMemory memory(words);
      request.context.pdptes = oracle_load_pdptes(request.context, Gva{0}, memory).pdptes;
    }
    set_random_surroundings(seed);
    for (const Access& access : random_case.accesses) {
      request.access = access;
      WordMemory scratch = words;
      WordOracleMemory undisturbed(scratch);
      const OracleResult result = oracle_translate(request.context, access, undisturbed);
      if (result.references.empty()) {
        continue;
      }
      const Interference interference = random_interference(random, result);
      WordMemory rtl_words = words;
      ASSERT_EQ(compare(request, rtl_words, words, coverage, interference), "") << "seed " << seed;
      ++num_walks;
    }
  }
  std::cout << num_walks << " walks, " << coverage.num_restarts << " restarts\n";
  EXPECT_GT(coverage.num_restarts, 300U);
}

// A memory in which every update comes too late.
class LosingMemory final : public TableMemory {
 public:
  explicit LosingMemory(WordMemory& words) : words_(words) {}
  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
    return words_.read(request.hpa, request.bytes);
  }
  AnswerKind update(const PinWalker::TableRequest& /*request*/) override {
    return AnswerKind::kLost;
  }

 private:
  WordMemory& words_;
};

TEST_F(RtlWalkerUpdate, AWalkThatNeverWinsEndsInAMemoryError) {
  HandTables tables = cold_tables();
  LosingMemory memory(tables.memory);
  const WalkerBench::Report report = walk(request_of(tables, AccessType::kRead), memory);
  EXPECT_EQ(bench_.walker().max_restarts(), WalkEngine::kMaxRestarts);
  EXPECT_EQ(report.num_updates, WalkEngine::kMaxRestarts + 1);
  EXPECT_FALSE(report.response.is_translation);
  EXPECT_EQ(report.response.fault.kind, FaultKind::kMemoryError);
  EXPECT_EQ(report.response.fault.position, (Position{4, 4}));
  EXPECT_EQ(report.response.num_restarts, WalkEngine::kMaxRestarts + 1);
  EXPECT_EQ(problems(), "");
}

// Answers the n-th operation with an error.
class FailingMemory final : public TableMemory {
 public:
  FailingMemory(WordMemory& words, unsigned failing) : inner_(words), left_(failing) {}
  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
    return --left_ == 0 ? std::nullopt : inner_.read(request);
  }
  AnswerKind update(const PinWalker::TableRequest& request) override {
    return --left_ == 0 ? AnswerKind::kError : inner_.update(request);
  }

 private:
  WordTableMemory inner_;
  unsigned left_;
};

TEST_F(RtlWalkerUpdate, EveryStepMayEndInABusError) {
  HandTables undisturbed = cold_tables();
  WordTableMemory good(undisturbed.memory);
  const WalkerBench::Report whole = walk(request_of(undisturbed, AccessType::kWrite), good);
  EXPECT_EQ(whole.num_reads, 24U);
  EXPECT_GT(whole.num_updates, 8U);
  const unsigned num_operations = whole.num_reads + whole.num_updates;
  for (unsigned failing = 1; failing <= num_operations; ++failing) {
    HandTables tables = cold_tables();
    FailingMemory memory(tables.memory, failing);
    const WalkerBench::Report report = walk(request_of(tables, AccessType::kWrite), memory);
    EXPECT_FALSE(report.response.is_translation) << failing;
    EXPECT_EQ(report.response.fault.kind, FaultKind::kMemoryError) << failing;
    EXPECT_EQ(report.num_reads + report.num_updates, failing);
    EXPECT_EQ(problems(), "") << failing;
  }
}

TEST_F(RtlWalkerUpdate, AGuestTableThatMayNotBeWrittenIsAnEptViolation) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = cold_tables();
    tables.context.control.accessed_dirty = false;
    const Gpa table = tables.guest_entry_gpa(kGva, level);
    tables.clear_bits(tables.host_entry(table, 1), 0x2);
    WordTableMemory memory(tables.memory);
    const WalkerBench::Report report = walk(request_of(tables, AccessType::kRead), memory);
    const Fault& fault = report.response.fault;
    EXPECT_EQ(fault.kind, FaultKind::kEptViolation);
    EXPECT_EQ(fault.position, (Position{static_cast<std::uint8_t>(level), 0}));
    EXPECT_EQ(fault.gpa, table);
    EXPECT_EQ(fault.code, 0xabU);  // read and write; readable, executable; linear address valid
    EXPECT_EQ(report.num_updates, 4 - level);
    EXPECT_EQ(problems(), "");
  }
}

}  // namespace
}  // namespace nestwalk
