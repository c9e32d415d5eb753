// A memory of words as table entries of 4 or 8 bytes, which can be brought back to what was loaded:
// what the engines of `nestwalk walk` walk over.
//
//   EntryMemory memory;
//   memory.load(request.memory);
//   memory.read(step); memory.update(step);
//   memory.restore();                        // before the next walk
#pragma once

#include <vector>

#include "model/arch/bits.h"
#include "model/cli/word_store.h"
#include "model/sim/walk_service.h"

namespace nestwalk {

class EntryMemory {
 public:
  void load(const std::vector<MemoryWord>& memory) {
    undo_.clear();
    store_.clear();
    for (const MemoryWord& word : memory) {
      store_.write(word.hpa.value() / 8, word.value);
    }
  }

  void restore() {
    for (auto word = undo_.rbegin(); word != undo_.rend(); ++word) {
      store_.write(word->hpa.value() / 8, word->value);
    }
    undo_.clear();
  }

  MemoryAnswer read(const Step& step) { return {true, entry(step)}; }

  UpdateAnswer update(const Step& step) {
    if (entry(step) != step.expected) {
      return UpdateAnswer::kLost;
    }
    const std::uint64_t index = step.hpa.value() / 8;
    const std::uint64_t old = store_.read(index);
    undo_.push_back({Hpa(index * 8), old});
    store_.write(index, step.bytes == 8 ? step.desired
                                        : (old & ~half(step)) | (step.desired << shift(step)));
    return UpdateAnswer::kStored;
  }

 private:
  static unsigned shift(const Step& step) { return (step.hpa.value() & 4) != 0 ? 32 : 0; }
  static std::uint64_t half(const Step& step) { return mask(31, 0) << shift(step); }

  [[nodiscard]] std::uint64_t entry(const Step& step) const {
    const std::uint64_t word = store_.read(step.hpa.value() / 8);
    return step.bytes == 8 ? word : (word & half(step)) >> shift(step);
  }

  WordStore store_;
  std::vector<MemoryWord> undo_;  // words as loaded that the walk has changed
};

}  // namespace nestwalk
