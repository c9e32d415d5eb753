// Holds the record of the RTL walker against the walk engine: one engine for each slot, stepped
// event by event. What the RTL asks must be what the engine asks, in every field; what it answers
// must be what the engine answers. Tags decide which walks an invalidation must kill.
//
//   Scoreboard scoreboard(slots);
//   scoreboard.begin_cycle(n);
//   scoreboard.observe(record);              // in the order of the record
//   scoreboard.read_answered(slot, answer);  // what the memory will send, told by the memory
//   scoreboard.problems();                   // empty: no disagreement
//
// Nested TLB and walk caches, if there are any, have a mirror of the model's own classes, which
// does what the record says in the order of the record: each hit, miss and payload is compared, and
// so each victim. Not for time: cycles are only held against begin_cycle().
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/walk/engine.h"
#include "tb/cache_mirror.h"
#include "tb/walker_record.h"
#include "tb/walker_structures.h"

namespace nestwalk {

class Scoreboard {
 public:
  explicit Scoreboard(const WalkerStructures& structures);

  void begin_cycle(std::uint64_t cycle);
  void observe(const Record& record);
  // What the memory has decided to answer to the read under way; the event kReadData brings it.
  void read_answered(unsigned slot, const Answer& answer);
  // The answer to the update under way, in the cycle in which the walker gets it.
  void update_done(unsigned slot, AnswerKind answer);
  // The invalidation observed last is acknowledged.
  void acknowledged();
  // Nothing is under way any more: the record may end here.
  void expect_idle();

  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  [[nodiscard]] const CacheMirror& caches() const { return caches_; }
  [[nodiscard]] std::uint64_t num_events(EventKind kind) const {
    return counts_[static_cast<unsigned>(kind)];
  }

 private:
  enum class Kill : std::uint8_t {
    kNone,
    kAllowed,  // the walk was over when the invalidation came: its response or a kill
    kWaits,    // for the end of the read or update under way
    kDue,      // at once: no other event of this slot before
  };

  struct Slot {
    bool is_busy = false;
    bool is_issued = false;     // the read or update of `step` is under way
    bool must_restart = false;  // the update was lost
    bool is_fenced = false;     // an acknowledgement has to wait for it
    Kill kill = Kill::kNone;
    WalkerRequest request;
    WalkEngine engine{WalkContext{}};
    Step step;
    Answer answer;  // to the read under way
    bool has_answer = false;
    bool has_dropped = false;  // what its fault drops
  };

  void accept(Slot& slot, const Record& record);
  void read(Slot& slot, const Record& record);
  void read_data(Slot& slot, const Record& record);
  void update(Slot& slot, const Record& record);
  void respond(Slot& slot, const Record& record);
  void restart(Slot& slot, const Record& record);
  void kill(Slot& slot, const Record& record);
  void invalidate(const Record& record);
  void begin(Slot& slot);
  void advance(Slot& slot, const Answer& answer);
  void look_up(Slot& slot, const Record& record);
  void fill(Slot& slot, const Record& record);
  void drop_by_fault(Slot& slot, const Record& record);
  void expect_cache_step(const Slot& slot, const Record& record, StepKind kind);
  [[nodiscard]] bool fault_drops(const Slot& slot) const;
  void expect_step(const Slot& slot, const Record& record, StepKind kind);
  void check_order(const Record& record);
  template <class Value>
  void expect_equal(const Record& record, const char* what, const Value& is, const Value& should);
  void problem(const Record& record, const std::string& text);
  [[nodiscard]] static bool is_over(const Slot& slot) {
    return slot.step.kind == StepKind::kDone || slot.step.kind == StepKind::kFault;
  }

  std::vector<Slot> slots_;
  CacheMirror caches_;
  std::uint64_t cycle_ = 0;
  int last_order_ = -1;  // within the cycle
  std::array<std::uint64_t, kNumEventKinds> counts_{};
  std::vector<std::string> problems_;
};

}  // namespace nestwalk
