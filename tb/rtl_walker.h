// The RTL walker in the place of the TLM one (`walker: rtl`): the same sockets, invalidation and
// statistics, and behind them the verilated walker, cycle by cycle, with its protocol assertions, a
// watchdog and, if asked for, the scoreboard.
//
//   register_rtl_walker(make_rtl_walker);     // once, in main; then platforms can have it
//
// Blocking transport runs a walk to its end in no simulated time and annotates what it took; what
// the memory annotates to a read is the read's latency in cycles. Non-blocking transport has as
// many walks under way as the RTL has slots. A cycle is evaluated at its very end, when everything
// that reaches the walker in it is there. Cycles in which every walk waits for memory change
// nothing in the RTL and are skipped. Not for walks ahead of any access (prefetch) and agile walks,
// which are refused.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/sim/walker_models.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/page_walker.h"
#include "model/tlm/transaction.h"
#include "model/tlm/walk_structures.h"
#include "tb/checked_walker.h"

namespace nestwalk {

class RtlWalker : public PageWalker, private EventTarget {
 public:
  // A walker with the structures that the parameters say: see make_rtl_walker.
  RtlWalker(const WalkerPlace& place, std::unique_ptr<PinWalker> pins);

  // Non-blocking, it takes effect when the RTL takes it; a walk that ends before without having
  // been killed is walked again. Then the number of entries dropped is not known yet, and 0.
  std::uint64_t invalidate(const Invalidation& invalidation, Fence* fence) override;
  using PageWalker::invalidate;
  void flush() override;

  void connect_events(EventSink* sink) override { walker_.connect_events(sink); }
  [[nodiscard]] bool is_idle() const override;
  // What the RTL's own hold, as told by its record.
  [[nodiscard]] const WalkCache& walk_cache() const override { return structures_.walk_cache(); }
  [[nodiscard]] const NestedTlb& nested_tlb() const override { return structures_.nested_tlb(); }
  [[nodiscard]] std::vector<std::string> problems() const override;

  // Of the RTL: simulated, and those of them that had to be evaluated.
  [[nodiscard]] std::uint64_t num_evaluated_cycles() const { return num_evaluated_; }
  [[nodiscard]] CheckedWalker& checked_walker() { return walker_; }

 private:
  using TableAnswer = CheckedWalker::TableAnswer;
  struct Waiting {
    tlm::tlm_generic_payload* payload = nullptr;
    WalkerRequest request;
    std::uint64_t since_cycle = 0;
    bool was_walked = false;  // and has to be again: its counts go on
    std::uint64_t num_references = 0;
    std::uint64_t num_restarts = 0;
    std::uint64_t start_cycle = 0;
  };
  struct Slot {
    bool is_busy = false;
    bool is_stale = false;  // an invalidation concerns the walk, and the RTL has not killed it yet
    Waiting walk;
  };
  struct WaitingInvalidation {
    Invalidation invalidation;
    Fence* fence = nullptr;
  };
  struct SendBack {
    RtlWalker* walker;
    tlm::tlm_sync_enum operator()(int /*source*/, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return walker->walk_socket->nb_transport_bw(payload, phase, delay);
    }
  };
  enum QueueEvent : unsigned { kArrived, kClock };
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  // Blocking.
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override;
  void walk_blocking(WalkExtension& request);
  void invalidate_blocking(const Invalidation& invalidation);
  // What a request of the walker brings, by blocking transport; the RTL gets it `due_cycle`.
  void ask_blocking(const PinWalker::TableRequest& request, bool is_update);

  // Non-blocking.
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  void on_event(unsigned kind, void* item) override;
  // The cycle under way has to be evaluated, or the next one if that has been.
  void wake();
  void clock_cycle();
  void passes(const PinWalker::Cycle& cycle);
  [[nodiscard]] bool waiting_for_nobody() const;
  void send(const PinWalker::TableRequest& request, bool is_update);
  void answered(tlm::tlm_generic_payload& payload);
  void finish(unsigned slot, const WalkerResponse& response);
  [[nodiscard]] bool is_stale(const WalkContext& context) const;

  // Both.
  const PinWalker::Cycle& step();
  void count(const PinWalker::Cycle& cycle);
  void mirror(const PinWalker::CacheOperation& operation);
  void count_answer(const TableAnswer& answer, bool is_update);
  void bark();
  static bool is_walk_of_rtl(const WalkExtension& request);
  static Step step_of(const PinWalker::TableRequest& request);

  EventQueue& queue_;
  CheckedWalker walker_;
  WalkStructures structures_;  // a mirror, for statistics
  std::uint64_t watchdog_cycles_;
  bool is_blocking_;
  bool has_barked_ = false;
  std::uint64_t cycle_ = 0;  // the next one to be evaluated
  std::uint64_t num_evaluated_ = 0;
  std::vector<Slot> slots_;
  std::uint8_t next_id_ = 0;
  Invalidation taken_;  // the invalidation that was taken last

  // Blocking: the answer under way.
  TableAnswer answer_;
  bool has_answer_ = false;
  bool is_answer_of_update_ = false;
  std::uint64_t due_cycle_ = 0;

  // Non-blocking.
  TargetPort<SendBack> target_port_;
  RequestPort<tlm_utils::simple_initiator_socket<PageWalker>> memory_port_;
  TransactionPool<TableExtension> pool_;
  std::deque<Waiting> waiting_;
  std::optional<Waiting> offered_;  // to the RTL, and not yet taken
  std::deque<WaitingInvalidation> invalidations_;
  Fence* awaited_ = nullptr;  // of the invalidation that was taken
  bool awaits_acknowledge_ = false;
  std::deque<TableAnswer> reads_;  // answers that the RTL has not got yet
  std::deque<TableAnswer> updates_;
  std::vector<PinWalker::TableRequest> asked_reads_;    // by slot
  std::vector<PinWalker::TableRequest> asked_updates_;  // by slot
  unsigned num_busy_ = 0;
  unsigned num_asked_ = 0;              // memory, by walks under way
  std::uint64_t clock_event_ = kNever;  // the cycle for which a clock event is posted
};

// Opens the set of RTL parameters that the machine asks for. Throws std::invalid_argument if there
// is none, with the list of those there are.
[[nodiscard]] std::unique_ptr<PageWalker> make_rtl_walker(const WalkerPlace& place);

}  // namespace nestwalk
