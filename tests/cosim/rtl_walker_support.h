// What the tests of the RTL walker share: words of tests as its memory, the second witness beside
// it.
//
//   WordTableMemory memory(words);
//   bench.connect(memory);
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tb/walker_bench.h"
#include "tests/property/walk_comparison.h"
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
  RtlWalkerTest() : bench_(BenchParams{}) { PinWalker::forget_failures(); }

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

  WalkerBench bench_;
  std::uint64_t num_reads_ = 0;
};

}  // namespace nestwalk
