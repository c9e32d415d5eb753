// What the tests of the RTL walker share: words of tests as its memory, the second witness beside
// it.
//
//   WordTableMemory memory(words);
//   bench.connect(memory);
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tb/walker_bench.h"
#include "tb/walker_set.h"
#include "tests/property/walk_comparison.h"
#include "tests/support/random_tables.h"
#include "tests/support/test_random.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

class WordTableMemory final : public TableMemory {
 public:
  explicit WordTableMemory(WordMemory& words, const Interference& interference = {})
      : words_(words), interference_(interference) {}

  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
    const std::optional<std::uint64_t> value = words_.read(request.hpa, request.bytes);
    interference_.count(words_);
    return value;
  }

  AnswerKind update(const PinWalker::TableRequest& request) override {
    AnswerKind answer = AnswerKind::kLost;
    if (!words_.is_writable(request.hpa)) {
      answer = AnswerKind::kError;
    } else if (words_.compare_and_swap(request.hpa, request.bytes, request.expected,
                                       request.desired)) {
      answer = AnswerKind::kStored;
    }
    interference_.count(words_);
    return answer;
  }

 private:
  WordMemory& words_;
  Interference interference_;
};

// Empty where both say the same.
inline std::string difference_in(const WalkerResponse& rtl, const OracleResult& oracle) {
  const bool is_same = rtl.is_translation == oracle.is_translation &&
                       (rtl.is_translation ? rtl.translation == oracle.translation
                                           : same_fault(rtl.fault, oracle.fault)) &&
                       rtl.num_restarts == oracle.num_restarts;
  if (is_same) {
    return "";
  }
  return "rtl    " + (rtl.is_translation ? print(rtl.translation) : print(rtl.fault)) +
         "\noracle " + (oracle.is_translation ? print(oracle.translation) : print(oracle.fault)) +
         "\n";
}

// One walk at a time on one bench.
class RtlWalkerTest : public testing::Test {
 protected:
  explicit RtlWalkerTest(std::string_view set = "one_slot")
      : bench_(open_walker_set(set), BenchParams{}) {}

  // Draws how friendly the surroundings of the walker are.
  void set_random_surroundings(std::uint64_t seed) {
    SplitMix64 random(seed);
    BenchParams params;
    params.seed = seed;
    static constexpr unsigned kLatencies[] = {1, 2, 5, 20};
    params.max_latency = kLatencies[random.below(4)];
    params.ready_percent = random.percent(50) ? 100 : 30;
    params.offer_percent = random.percent(50) ? 100 : 30;
    bench_.set_params(params);
  }

  WalkerBench::Report walk(const WalkerRequest& request, TableMemory& memory) {
    bench_.connect(memory);
    bench_.forget_reports();
    bench_.submit(request);
    bench_.run();
    EXPECT_EQ(bench_.reports().size(), 1U);
    return bench_.reports().empty() ? WalkerBench::Report{} : bench_.reports().front();
  }

  // Of scoreboard, assertions and watchdog.
  [[nodiscard]] std::string problems() const {
    std::string all;
    for (const std::string& problem : bench_.problems()) {
      all += problem + "\n";
    }
    return all;
  }

  // One walk by the RTL, the engine beside it, and by the second witness; what differs.
  std::string compare(const WalkerRequest& request, WordMemory& rtl_words, WordMemory& oracle_words,
                      WalkCoverage& coverage, const Interference& interference = {}) {
    WordTableMemory memory(rtl_words, interference);
    const WalkerBench::Report report = walk(request, memory);
    InterferedOracleMemory view(oracle_words, interference);
    const OracleResult oracle = oracle_translate(request.context, request.access, view);
    coverage.add(oracle);
    num_reads_ += report.num_reads;
    std::string difference = problems() + difference_in(report.response, oracle);
    if (!(rtl_words == oracle_words)) {
      difference += "the memories differ afterwards\n";
    }
    return difference.empty() ? difference
                              : print(request.context, request.access) + "\n" + difference;
  }

  static Tags random_tags(SplitMix64& random) {
    Tags tags;
    tags.vpid = Vpid(static_cast<std::uint16_t>(random.below(3)));
    tags.pcid = Pcid(static_cast<std::uint16_t>(random.below(2)));
    tags.ep4ta = Ep4ta(random.below(2) << 12);
    tags.asid = Asid(static_cast<std::uint32_t>(random.below(2)));
    return tags;
  }
  Invalidation random_invalidation(SplitMix64& random) {
    Invalidation invalidation;
    invalidation.op = static_cast<InvalidateOp>(random.below(kNumInvalidateOps));
    invalidation.rules = random.percent(60) ? TagRules::kIntel : TagRules::kAmd;
    invalidation.tags = random_tags(random);
    invalidation.address = Gva(random.next());
    invalidation.gpa = Gpa(random.next());
    // One that may be cached.
    if (!linear_addresses_.empty() && random.percent(80)) {
      invalidation.address = linear_addresses_[random.below(linear_addresses_.size())];
    }
    if (!host_inputs_.empty()) {
      invalidation.gpa = host_inputs_[random.below(host_inputs_.size())];
    }
    invalidation.vpid_enabled = random.percent(30);
    return invalidation;
  }

  // Remembers what a storm may invalidate or change.
  void watch_records() {
    bench_.tamper_with([this](Record& record) {  // looks on only
      if (record.event.kind == EventKind::kFill && record.event.stage == Stage::kHost) {
        host_inputs_.emplace_back(record.event.address);
      }
      if (record.event.kind == EventKind::kAccept) {
        linear_addresses_.emplace_back(record.event.address);
      }
      if (record.event.kind == EventKind::kRead) {
        entries_.emplace_back(record.event.address);
      }
    });
  }

  // Several walks at a time over random tables, each case with invalidations and table writes at
  // random cycles; every event is judged by the engine of its slot. In each round all accesses of a
  // case are made, most of them under the same tags, so that later rounds find what is cached.
  void run_storm(std::uint64_t first_seed, std::uint64_t num_cases, unsigned num_rounds = 2) {
    const std::vector<StagePair> pairs = all_stage_pairs();
    watch_records();
    for (std::uint64_t seed = first_seed; seed < first_seed + num_cases; ++seed) {
      const RandomCase random_case = make_random_case(pairs[seed % pairs.size()], seed);
      run_storm_case(random_case, num_rounds);
      ASSERT_EQ(problems(), "") << "seed " << seed;
      ASSERT_EQ(bench_.reports().size(), num_rounds * random_case.accesses.size());
    }
    std::cout << bench_.cycle() << " cycles";
    for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
      std::cout << ", " << kEventKindNames.at(kind) << " "
                << bench_.scoreboard().num_events(static_cast<EventKind>(kind));
    }
    std::cout << "\n";
  }

  void run_storm_case(const RandomCase& random_case, unsigned num_rounds) {
    WordMemory words = random_case.memory;
    WordTableMemory memory(words);
    bench_.connect(memory);
    set_random_surroundings(random_case.seed);
    SplitMix64 random(~random_case.seed);
    WalkerRequest request;
    request.context = random_case.context;
    if (request.context.uses_pdpte_registers()) {
      WordOracleMemory view(words);
      request.context.pdptes = oracle_load_pdptes(request.context, Gva{0}, view).pdptes;
    }
    bench_.forget_reports();
    host_inputs_.clear();
    linear_addresses_.clear();
    entries_.clear();
    forget_tables();
    const Tags usual = random_tags(random);
    for (unsigned round = 0; round < num_rounds; ++round) {
      for (const Access& access : random_case.accesses) {
        request.access = access;
        request.context.tags = random.percent(70) ? usual : random_tags(random);
        ++request.id;
        bench_.submit(request);
      }
    }
    for (std::uint64_t i = random.below(8); i > 0 && !bench_.is_idle(); --i) {
      if (random.percent(70)) {
        bench_.invalidate(random_invalidation(random));
      } else {
        change_entry(random, words);
      }
      for (std::uint64_t wait = random.below(random.percent(50) ? 60 : 400); wait > 0; --wait) {
        bench_.step();
      }
    }
    bench_.run();
  }

  // A bit of an entry that a walk has read: a right, A or D, the page size, an address.
  void change_entry(SplitMix64& random, WordMemory& words) {
    if (entries_.empty()) {
      return;
    }
    const Hpa entry = entries_[random.below(entries_.size())];
    static constexpr unsigned kBits[] = {0, 1, 2, 5, 6, 7, 8, 9, 12, 21, 63};
    const Hpa word = Hpa(entry.value() & ~std::uint64_t{7});
    if (const std::optional<std::uint64_t> value = words.read(word, 8)) {
      words.write(word, 8, *value ^ bit(kBits[random.below(std::size(kBits))]));
    }
  }

  // Drops everything that is cached: the tables are about to be others.
  void forget_tables() {
    Invalidation all;
    all.op = InvalidateOp::kTlbControlAll;
    all.rules = TagRules::kAmd;
    bench_.invalidate(all);
    bench_.run();
  }

  WalkerBench bench_;
  std::uint64_t num_reads_ = 0;
  // Of the storm under way: what an invalidation or another writer may mean.
  std::vector<Gpa> host_inputs_;
  std::vector<Gva> linear_addresses_;
  std::vector<Hpa> entries_;
};

}  // namespace nestwalk
