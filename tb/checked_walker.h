// A verilated walker with the scoreboard beside it: what passes at its pins in a cycle becomes
// records, in the order of the event record, and the scoreboard judges them.
//
//   CheckedWalker walker(open_walker_set("one_slot"));
//   walker.offer(&request);
//   walker.answer_read(&answer);                                  // of the memory; nullptr: none
//   const PinWalker::Cycle& passed = walker.step(cycle);          // one clock cycle
//   walker.problems();                                            // of scoreboard and assertions
//
// Who drives it has the policy: when to offer, what the memory answers, and when. Not for SystemC:
// see rtl_walker.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/observe/event_sink.h"
#include "tb/pin_walker.h"
#include "tb/scoreboard.h"
#include "tb/walker_record.h"

namespace nestwalk {

class CheckedWalker {
 public:
  // Of the memory, to a read or an update.
  struct TableAnswer {
    PinWalker::TableRequest request;
    Answer answer;
  };

  explicit CheckedWalker(std::unique_ptr<PinWalker> pins, bool has_scoreboard = true);

  [[nodiscard]] PinWalker& pins() { return *pins_; }
  [[nodiscard]] const PinWalker& pins() const { return *pins_; }
  // Only where there is one.
  [[nodiscard]] const Scoreboard& scoreboard() const { return *scoreboard_; }
  [[nodiscard]] bool has_scoreboard() const { return scoreboard_.has_value(); }
  // Sees each record before the scoreboard, and may change it: for tests of the scoreboard.
  void tamper_with(std::function<void(Record&)> change) { change_ = std::move(change); }
  // One event per step of the RTL goes to the sink, after the scoreboard has judged it; nullptr:
  // off. Without sink and scoreboard no record is made.
  void connect_events(EventSink* sink) { events_.connect(sink); }

  // Inputs of the cycle under way. What is offered stays so, and where it is, until it is taken or
  // another is offered; answers are for one cycle.
  void offer(const WalkerRequest* request);
  void offer(const Invalidation* invalidation);
  void set_ready(const PinWalker::Ready& ready) { pins_->set_ready(ready); }
  void answer_read(const TableAnswer* answer) { data_ = answer; }
  void answer_update(const TableAnswer* answer) { done_ = answer; }

  const PinWalker::Cycle& step(std::uint64_t cycle);
  void reset();
  // A walker that has just been switched on, with registers at random; failures are forgotten.
  void power_up(std::uint64_t seed);

  // The last cycle in which something passed.
  [[nodiscard]] std::uint64_t last_active_cycle() const { return last_active_cycle_; }
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  void forget_all();
  void record(const PinWalker::Cycle& cycle);
  void record_cache(const PinWalker::CacheOperation& operation);
  void record_slot(const PinWalker::Cycle& cycle, unsigned slot);
  void publish(Record& record, EventKind kind, unsigned slot);
  static Event complete(const Record& record);
  static void describe(Record& record, const PinWalker::TableRequest& request);
  [[nodiscard]] bool is_active(const PinWalker::Cycle& cycle) const;

  std::unique_ptr<PinWalker> pins_;
  std::optional<Scoreboard> scoreboard_;
  std::function<void(Record&)> change_;
  EventPort events_;
  const WalkerRequest* request_ = nullptr;
  const Invalidation* invalidation_ = nullptr;
  const TableAnswer* data_ = nullptr;
  const TableAnswer* done_ = nullptr;
  std::vector<Gva> addresses_;  // by slot: of the access that it walks for
  std::uint64_t cycle_ = 0;
  std::uint64_t last_active_cycle_ = 0;
};

}  // namespace nestwalk
