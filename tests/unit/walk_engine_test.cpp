// The walk engine answered by hand: no memory exists here but the words in the test.
#include "model/walk/engine.h"

#include <gtest/gtest.h>

#include <optional>
#include <type_traits>
#include <vector>

#include "model/walk/functional_driver.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f0012345678};
constexpr Gpa kData{0x80000000};

WalkContext native_context() {
  WalkContext context;
  context.has_guest = true;
  context.guest_root = 0x1000;
  return context;
}

WalkContext nested_context() {
  WalkContext context = native_context();
  context.has_host = true;
  context.host_root = 0x100000;
  return context;
}

Answer value(std::uint64_t word) {
  return {AnswerKind::kValue, word, {}};
}

TEST(WalkEngine, ANativeWalkAsksForOneEntryALevel) {
  WalkEngine engine(native_context(), {kGva});
  constexpr std::uint64_t kAccessedTable = 0x27;  // P W U A
  const std::vector<std::uint64_t> tables = {0x1000, 0x2000, 0x3000, 0x4000};
  Answer answer;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned level = 4 - i;
    const Step& step = engine.next(answer);
    ASSERT_EQ(step.kind, StepKind::kRead);
    EXPECT_EQ(step.position, (Position{static_cast<std::uint8_t>(level), 0}));
    const std::uint64_t index = (kGva.value() >> (12 + 9 * (level - 1))) & 511;
    EXPECT_EQ(step.hpa.value(), tables[i] + 8 * index);
    answer = value(level > 1 ? tables[i + 1] | kAccessedTable : 0x5000 | kAccessedTable);
  }
  const Step& end = engine.next(answer);
  ASSERT_EQ(end.kind, StepKind::kDone);
  EXPECT_EQ(end.translation.hpa.value(), 0x5678U);
  EXPECT_FALSE(end.translation.dirty);
}

// The level-3 entry lies on a guest page that the host does not map: four host reads at level 4 of
// the guest, its entry, and the fault at the first host entry of the next.
TEST(WalkEngine, AHostFaultOnTheWayToALevelThreeEntryNamesItsPlace) {
  WalkEngine engine(nested_context(), {kGva});
  Answer answer;
  const std::vector<std::uint64_t> host = {0x101007, 0x102007, 0x103007, 0x10001037};
  for (const std::uint64_t word : host) {
    ASSERT_EQ(engine.next(answer).kind, StepKind::kRead);
    answer = value(word);
  }
  ASSERT_EQ(engine.next(answer).position, (Position{4, 0}));
  answer = value(0x2027);
  ASSERT_EQ(engine.next(answer).position, (Position{3, 4}));
  answer = value(0);
  const Step& end = engine.next(answer);
  ASSERT_EQ(end.kind, StepKind::kFault);
  EXPECT_EQ(end.fault.kind, FaultKind::kEptViolation);
  EXPECT_EQ(end.fault.position, (Position{3, 4}));
  EXPECT_EQ(end.fault.gpa.value(), 0x2000 + 8 * ((kGva.value() >> 30) & 511));
  EXPECT_EQ(end.fault.code, 0x81U);  // a read, with a linear address, of a guest paging structure
}

TEST(WalkEngine, AMemoryErrorEndsTheWalkWhereItHappened) {
  WalkEngine engine(native_context(), {kGva});
  Answer answer;
  (void)engine.next(answer);
  answer = value(0x2027);
  (void)engine.next(answer);
  answer = {AnswerKind::kError, 0, {}};
  const Step& end = engine.next(answer);
  ASSERT_EQ(end.kind, StepKind::kFault);
  EXPECT_EQ(end.fault.kind, FaultKind::kMemoryError);
  EXPECT_EQ(end.fault.position, (Position{3, 0}));
}

// Somebody changes the entry between each read and its update: restarts are counted and bounded.
TEST(WalkEngine, AWalkThatAlwaysLosesItsUpdateEnds) {
  WalkContext context = native_context();
  context.guest_format = FormatId::kX86TwoLevel;
  WalkEngine engine(context, {Gva{0x1234}});
  Answer answer;
  unsigned num_updates = 0;
  for (;;) {
    const Step& step = engine.next(answer);
    if (step.kind == StepKind::kFault) {
      EXPECT_EQ(step.fault.kind, FaultKind::kMemoryError);
      break;
    }
    ASSERT_NE(step.kind, StepKind::kDone);
    if (step.kind == StepKind::kUpdate) {
      ++num_updates;
      answer = {AnswerKind::kLost, 0, {}};
    } else {
      answer = value(0x2007);  // A is clear
    }
  }
  EXPECT_EQ(num_updates, WalkEngine::kMaxRestarts + 1);
  EXPECT_EQ(engine.num_restarts(), WalkEngine::kMaxRestarts + 1);
}

class WordsOnly {
 public:
  explicit WordsOnly(WordMemory& words) : words_(words) {}
  MemoryAnswer read(const Step& step) { return {true, words_.read(step.hpa, step.bytes).value()}; }
  UpdateAnswer update(const Step& step) {
    return words_.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }

 private:
  WordMemory& words_;
};

// Checkpoints and searches rest on this: a copy made at any point goes on like the original.
TEST(WalkEngine, ACopyMadeAtAnyStepEndsLikeTheOriginal) {
  static_assert(std::is_copy_constructible_v<WalkEngine> && std::is_copy_assignable_v<WalkEngine>);
  HandTables tables({FormatId::kX86FourLevel, FormatId::kX86FourLevel});
  tables.map_guest(kGva, kData, 1);
  tables.map_host(kData, 1);
  const WalkContext context = tables.context;
  const Access access{kGva, AccessType::kWrite};
  WordMemory words = tables.memory;
  const WalkOutcome whole = walk(context, access, WordsOnly(words), NoCache{});
  ASSERT_TRUE(whole.is_translation);

  unsigned num_steps = 1;
  for (unsigned copied_after = 0; copied_after < num_steps; ++copied_after) {
    WordMemory memory = tables.memory;
    WordsOnly reader(memory);
    WalkEngine engine(context, access);
    Answer answer;
    std::optional<WalkEngine> copy;
    unsigned steps = 0;
    for (;; ++steps) {
      if (steps == copied_after) {
        copy = engine;
        engine = WalkEngine(context, {Gva{0}});  // the original is gone
      }
      const Step& step = (copy ? *copy : engine).next(answer);
      if (step.kind == StepKind::kDone) {
        EXPECT_EQ(step.translation, whole.translation) << "copied after " << copied_after;
        break;
      }
      ASSERT_NE(step.kind, StepKind::kFault);
      if (step.kind == StepKind::kRead) {
        answer = value(reader.read(step).value);
      } else {
        ASSERT_EQ(reader.update(step), UpdateAnswer::kStored);
        answer = {AnswerKind::kStored, 0, {}};
      }
    }
    EXPECT_TRUE(memory == words) << "copied after " << copied_after;
    num_steps = steps + 1;
  }
  EXPECT_GT(num_steps, 24U);  // 24 reads and the updates
}

}  // namespace
}  // namespace nestwalk
