// The untimed driver of the walk engine: a loop over a memory and a cache.
//
//   const WalkOutcome outcome = walk(context, access, memory, NoCache{});
//
// Who makes many walks in one context prepares an engine for it once:
//
//   WalkEngine engine(context);
//   const WalkOutcome outcome = walk(engine, access, memory, NoCache{});
//
// A Memory has
//   MemoryAnswer read(const Step&);     // step.hpa, step.bytes
//   UpdateAnswer update(const Step&);   // compare and swap step.expected -> step.desired
// and a Cache has
//   std::optional<Resume> lookup(const Step&);
//   void fill(const Step&);
// Both see the whole step, so that a recorder needs no other hook.
#pragma once

#include <cstdint>
#include <optional>

#include "model/walk/engine.h"

namespace nestwalk {

struct MemoryAnswer {
  bool ok = true;
  std::uint64_t value = 0;
};

enum class UpdateAnswer : std::uint8_t { kStored, kLost, kError };

struct WalkOutcome {
  bool is_translation = false;
  Translation translation;
  Fault fault;
  std::uint32_t num_references = 0;  // entries read
  std::uint32_t num_restarts = 0;    // lost A/D updates
};

struct NoCache {
  static std::optional<Resume> lookup(const Step&) { return std::nullopt; }
  static void fill(const Step&) {}
};

// Drives an engine that was started to its end.
template <class Memory, class Cache>
WalkOutcome drive(WalkEngine& engine, Memory&& memory, Cache&& cache) {
  WalkOutcome outcome;
  Answer answer;
  for (;;) {
    const Step& step = engine.next(answer);
    if (step.kind == StepKind::kRead) [[likely]] {
      ++outcome.num_references;
      const MemoryAnswer read = memory.read(step);
      answer.kind = read.ok ? AnswerKind::kValue : AnswerKind::kError;
      answer.value = read.value;
      continue;
    }
    answer.kind = AnswerKind::kNone;
    switch (step.kind) {
      case StepKind::kRead:
        break;  // above
      case StepKind::kLookup:
        if (const std::optional<Resume> resume = cache.lookup(step)) {
          answer.kind = AnswerKind::kHit;
          answer.resume = *resume;
        } else {
          answer.kind = AnswerKind::kMiss;
        }
        break;
      case StepKind::kUpdate:
        switch (memory.update(step)) {
          case UpdateAnswer::kStored:
            answer.kind = AnswerKind::kStored;
            break;
          case UpdateAnswer::kLost:
            answer.kind = AnswerKind::kLost;
            break;
          case UpdateAnswer::kError:
            answer.kind = AnswerKind::kError;
            break;
        }
        break;
      case StepKind::kFill:
        cache.fill(step);
        break;
      case StepKind::kDone:
        outcome.is_translation = true;
        outcome.translation = step.translation;
        outcome.num_restarts = engine.num_restarts();
        return outcome;
      case StepKind::kFault:
        outcome.fault = step.fault;
        outcome.num_restarts = engine.num_restarts();
        return outcome;
    }
  }
}

// One walk by an engine that is prepared for its context.
template <class Memory, class Cache>
WalkOutcome walk(WalkEngine& engine, const Access& access, Memory&& memory, Cache&& cache) {
  engine.start(access);
  return drive(engine, memory, cache);
}

template <class Memory, class Cache>
WalkOutcome walk(const WalkContext& context, const Access& access, Memory&& memory, Cache&& cache) {
  WalkEngine engine(context, access);
  return drive(engine, memory, cache);
}

}  // namespace nestwalk
