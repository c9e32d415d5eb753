#include "model/cli/walk_engine_reference.h"

#include "model/arch/bits.h"

namespace nestwalk {

namespace {

// The words as table entries of 4 or 8 bytes.
class EntryMemory {
 public:
  EntryMemory(WordStore& store, std::vector<MemoryWord>& undo) : store_(store), undo_(undo) {}

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

  WordStore& store_;
  std::vector<MemoryWord>& undo_;
};

class RecordingMemory {
 public:
  RecordingMemory(EntryMemory& memory, WalkAnswer& answer) : memory_(memory), answer_(answer) {}

  MemoryAnswer read(const Step& step) {
    const MemoryAnswer read = memory_.read(step);
    answer_.references.push_back(record(step, read.value));
    return read;
  }

  UpdateAnswer update(const Step& step) {
    const UpdateAnswer update = memory_.update(step);
    if (update == UpdateAnswer::kStored) {
      answer_.writes.push_back(record(step, step.desired));
    }
    return update;
  }

 private:
  static EntryReference record(const Step& step, std::uint64_t value) {
    return {step.stage, step.position, step.bytes, step.hpa, value, step.is_shadow};
  }

  EntryMemory& memory_;
  WalkAnswer& answer_;
};

}  // namespace

void ReferenceWalkService::load(const std::vector<MemoryWord>& memory) {
  undo_.clear();
  store_.clear();
  for (const MemoryWord& word : memory) {
    store_.write(word.hpa.value() / 8, word.value);
  }
}

WalkAnswer ReferenceWalkService::walk(const WalkContext& context, const Access& access) {
  for (auto word = undo_.rbegin(); word != undo_.rend(); ++word) {
    store_.write(word->hpa.value() / 8, word->value);
  }
  undo_.clear();
  EntryMemory memory(store_, undo_);
  WalkContext with_registers = context;
  WalkAnswer answer;
  if (const auto fault = load_pdpte_registers(with_registers, access, memory)) {
    answer.outcome.fault = *fault;
    return answer;
  }
  answer.references.reserve(35);  // a cold walk of 5 by 5 levels
  answer.outcome =
      nestwalk::walk(with_registers, access, RecordingMemory(memory, answer), NoCache{});
  return answer;
}

}  // namespace nestwalk
