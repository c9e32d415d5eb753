// What the tests of the RTL walker share: words of tests as its memory, the second witness beside
// it.
//
//   WordTableMemory memory(words);
//   bench.connect(memory);
#pragma once

#include <optional>
#include <string>

#include "tb/walker_bench.h"
#include "tests/property/walk_comparison.h"
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

}  // namespace nestwalk
