// The RTL walker between a queue of requests and a memory that answers after a random time, with
// the scoreboard beside it.
//
//   WalkerBench bench(open_walker_set("one_slot"), {.seed = 7, .max_latency = 9});
//   bench.connect(memory);
//   bench.submit(request);
//   bench.run();                     // until everything has been answered
//   bench.reports().back().response;
//   bench.problems();                // of scoreboard, protocol assertions and watchdog
//
// One bench verilates once and may run many cases one after the other. Not for SystemC platforms.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/observe/event_sink.h"
#include "tb/checked_walker.h"
#include "tb/pin_walker.h"
#include "tb/walker_record.h"

namespace nestwalk {

// What the walker reads and updates.
class TableMemory {
 public:
  virtual ~TableMemory() = default;
  // Empty: the memory refuses.
  virtual std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) = 0;
  // kStored, kLost or kError.
  virtual AnswerKind update(const PinWalker::TableRequest& request) = 0;
};

struct BenchParams {
  std::uint64_t seed = 1;
  unsigned min_latency = 1;  // cycles from the request to the answer
  unsigned max_latency = 1;
  unsigned ready_percent = 100;     // how often a channel is ready
  unsigned offer_percent = 100;     // how often a request that waits is offered
  unsigned max_idle_cycles = 2000;  // watchdog: so long without any record
  bool is_in_order = false;         // an answer waits for those asked before
};

class WalkerBench {
 public:
  struct Report {
    WalkerRequest request;
    WalkerResponse response;
    std::uint64_t accept_cycle = 0;
    std::uint64_t response_cycle = 0;
    std::uint64_t latency_cycles = 0;  // of all its reads and updates
    unsigned num_reads = 0;
    unsigned num_updates = 0;
  };

  WalkerBench(std::unique_ptr<PinWalker> walker, const BenchParams& params);

  void set_params(const BenchParams& params);
  void connect(TableMemory& memory) { memory_ = &memory; }
  // Changes records on their way to the scoreboard: for tests of the scoreboard.
  void tamper_with(std::function<void(Record&)> change) { checked_.tamper_with(std::move(change)); }
  // One event per step of the RTL goes to the sink, after the scoreboard has judged it; nullptr:
  // off.
  void connect_events(EventSink* sink) { checked_.connect_events(sink); }

  void submit(const WalkerRequest& request) { waiting_.push_back(request); }
  void invalidate(const Invalidation& invalidation) { invalidations_.push_back(invalidation); }
  void step();
  // Until nothing waits or is under way, or the watchdog barks.
  void run();
  void reset();
  // A walker that has just been switched on, with registers at random, and nothing under way.
  void power_up(std::uint64_t seed);

  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] std::size_t num_waiting() const { return waiting_.size(); }
  [[nodiscard]] bool is_busy() const { return num_busy_ != 0; }
  // No problem so far.
  [[nodiscard]] bool is_sound() const {
    return !has_barked_ && scoreboard().problems().empty() && checked_.pins().failures().empty();
  }
  [[nodiscard]] unsigned slots() const { return checked_.pins().slots(); }
  [[nodiscard]] std::uint64_t cycle() const { return cycle_; }
  [[nodiscard]] unsigned num_acknowledged() const { return num_acknowledged_; }
  [[nodiscard]] const std::vector<Report>& reports() const { return reports_; }
  void forget_reports() { reports_.clear(); }
  [[nodiscard]] const Scoreboard& scoreboard() const { return checked_.scoreboard(); }
  [[nodiscard]] std::vector<std::string> problems() const;
  PinWalker& walker() { return checked_.pins(); }

 private:
  struct Pending {
    std::uint64_t due_cycle = 0;
    CheckedWalker::TableAnswer answer;
  };
  [[nodiscard]] bool chance(unsigned percent) {
    return percent >= 100 || random_.draw() % 100 < percent;
  }
  [[nodiscard]] std::uint64_t draw_latency() {
    return params_.min_latency + random_.draw() % (params_.max_latency - params_.min_latency + 1);
  }
  // Whether there is one.
  bool take_due(std::vector<Pending>& pending, Pending& taken) const;
  void forget_all();
  void drive();
  void take_requests(const PinWalker::Cycle& cycle);

  BenchParams params_;
  SplitMix random_;
  CheckedWalker checked_;
  TableMemory* memory_ = nullptr;
  std::deque<WalkerRequest> waiting_;
  std::deque<Invalidation> invalidations_;
  bool is_offered_ = false;
  bool awaits_acknowledge_ = false;
  std::vector<Report> slots_;  // of the walks under way
  unsigned num_busy_ = 0;
  std::vector<Pending> reads_;
  std::vector<Pending> updates_;
  // Answered in this cycle.
  Pending data_;
  Pending done_;
  std::uint64_t cycle_ = 0;
  unsigned num_acknowledged_ = 0;
  std::uint64_t last_reset_cycle_ = 0;
  bool has_barked_ = false;
  std::vector<Report> reports_;
};

}  // namespace nestwalk
