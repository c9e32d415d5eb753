#include "model/cli/walk_engine_reference.h"

namespace nestwalk {

namespace {

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
  memory_.load(memory);
}

WalkAnswer ReferenceWalkService::walk(const WalkContext& context, const Access& access) {
  memory_.restore();
  WalkContext with_registers = context;
  WalkAnswer answer;
  if (const auto fault = load_pdpte_registers(with_registers, access, memory_)) {
    answer.outcome.fault = *fault;
    return answer;
  }
  answer.references.reserve(35);  // a cold walk of 5 by 5 levels
  answer.outcome =
      nestwalk::walk(with_registers, access, RecordingMemory(memory_, answer), NoCache{});
  return answer;
}

}  // namespace nestwalk
