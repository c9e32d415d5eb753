// The page-table walker with its page-walk caches and nested TLB. Carries the steps of the walk
// engine out in time: each table read and A/D update is a transaction on memory_socket, each lookup
// costs its structure's latency. Requests come with a WalkExtension on walk_socket.
//
// Blocking transport walks at once, one walk at a time, its time annotated. Non-blocking transport
// has `slots` walks under way and a bounded queue before them. An invalidation kills the walks with
// matching tags: what they have read is forgotten, late answers to them are dropped, and they start
// again from the root. Not for merging requests on one page: see Mmu.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/dram.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/extensions.h"
#include "model/tlm/page_walker.h"
#include "model/tlm/transaction.h"
#include "model/tlm/walk_structures.h"
#include "model/walk/engine.h"
#include "model/walk/walk_hints.h"

namespace nestwalk {

class Walker : public PageWalker, private EventTarget {
 public:
  Walker(sc_core::sc_module_name name, const WalkerParams& params, EventQueue& queue,
         const ClockDomain& clock);

  // `fence` is held until the updates of walks that were killed are over.
  std::uint64_t invalidate(const Invalidation& invalidation, Fence* fence) override;
  using PageWalker::invalidate;
  void flush() override { structures_.flush(); }

  // Blocking reads of table entries go there for the same cycles and statistics.
  void connect_directly(Dram& memory) override { direct_ = &memory; }
  // Does nothing without a direct memory.
  void expect(Gva address) override {
    if (direct_ != nullptr) {
      if (hints_ == nullptr) {
        hints_ = std::make_unique<WalkHints>(engine_);
      }
      hints_->expect(address, *direct_);
    }
  }

  [[nodiscard]] bool is_idle() const override;
  [[nodiscard]] const WalkCache& walk_cache() const override { return structures_.walk_cache(); }
  [[nodiscard]] const NestedTlb& nested_tlb() const override { return structures_.nested_tlb(); }

 private:
  // The memory and the cache of the functional driver, in annotated time.
  class TimedMemory;
  class DirectMemory;
  class TimedCache;

  // A walk under way by non-blocking transport.
  struct Slot {
    // What its next event does.
    enum class Phase : std::uint8_t {
      kAdvance,     // give `answer` to the engine
      kBeginRead,   // the walker's own time for a read is over
      kSendRead,    // a cache of words did not have it
      kSendUpdate,  // the walker's own time for an update is over
      kFinish,      // what a fault drops is dropped
      kAnswer,      // the walker's own time for an answer is over
    };
    // Of the lookup port.
    enum class Want : std::uint8_t { kPrefix, kWord, kChange };

    std::uint8_t index = 0;
    bool is_busy = false;
    bool is_dropped = false;  // an invalidation came while it walked ahead
    Phase phase = Phase::kAdvance;
    Want want = Want::kPrefix;     // what it waits for
    bool awaits_late = false;      // killed: it begins anew with the late answer
    std::uint32_t generation = 0;  // of its events and memory transactions; a kill makes a new one
    tlm::tlm_generic_payload* payload = nullptr;
    WalkExtension* request = nullptr;
    WalkEngine engine{WalkContext{}};
    Answer answer;
    const Step* step = nullptr;  // the engine's, until it is asked for the next one
    std::uint64_t num_references = 0;
    std::uint64_t start_cycle = 0;
    Transaction<TableExtension>* update = nullptr;  // sent and not yet answered
    bool is_reading = false;                        // likewise a read
    std::uint64_t word_epoch = 0;                   // when its last transaction was sent
  };
  struct Waiting {
    tlm::tlm_generic_payload* payload = nullptr;
    std::uint64_t since_cycle = 0;
  };
  // An update that a killed walk had sent: it may still take place.
  struct KilledUpdate {
    Transaction<TableExtension>* transaction = nullptr;
    std::vector<Fence*> fences;
  };
  // The generation of a slot's event stands above the kind.
  enum QueueEvent : unsigned {
    kArrived,
    kArbitrate,
    kSlotEvent,
    kFillSlots,
    kPassReads,
    kPassUpdates,
    kPassAnswers
  };
  // What leaves the walker, with table_ports so much in a cycle on each.
  enum Channel : unsigned { kReads, kUpdates, kAnswers, kNumChannels };
  static constexpr unsigned kGenerationShift = 3;
  static constexpr unsigned kKindMask = (1U << kGenerationShift) - 1;
  static constexpr std::uint32_t kGenerationMask = ~std::uint32_t{0} >> kGenerationShift;

  struct SendBack {
    Walker* walker;
    tlm::tlm_sync_enum operator()(int /*source*/, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return walker->walk_socket->nb_transport_bw(payload, phase, delay);
    }
  };

  // Blocking.
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override;
  template <class Memory>
  void walk_blocking(Memory memory, WalkExtension& request);

  // Non-blocking.
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  void on_event(unsigned kind, void* item) override;
  void fill_slots();
  void start(Slot& slot, const Waiting& waiting);
  void begin_engine(Slot& slot);
  void advance(Slot& slot);
  void ask_port(Slot& slot, Slot::Want want);
  void arbitrate();
  void look_up(Slot& slot);
  void change(Slot& slot);
  // The slot's next event, now if there is nothing to wait for.
  void proceed(Slot& slot, std::uint64_t delay_cycles, Slot::Phase phase);
  void slot_event(Slot& slot);
  // As soon as the channel is free.
  void pass(Slot& slot, Channel channel);
  void pass_waiting(Channel channel);
  static unsigned event_of(Channel channel) { return kPassReads + unsigned{channel}; }
  void pass_now(Slot& slot, Channel channel);
  void send(Slot& slot, bool is_update);
  void answered(Transaction<TableExtension>& transaction);
  void forget_killed_update(const Transaction<TableExtension>& transaction);
  void finish(Slot& slot);
  void answer(Slot& slot);
  // Ends a walk ahead that may not go on.
  void give_up(Slot& slot);
  void end_slot(Slot& slot);
  void kill(Slot& slot);
  void forget_wishes(const Slot& slot);
  void begin_after_kill(Slot& slot);

  void count_reference(const Step& step, unsigned slot);
  // Whether the walk's fault drops something from nested TLB or host walk cache.
  [[nodiscard]] bool changes_by_fault(const WalkExtension& request) const;
  // The end of a walk into its request and the statistics.
  void end_walk(const WalkEnd& end, const WalkContext& context, WalkExtension& request);
  void record(EventKind kind, const Step& step, std::uint64_t address, std::uint64_t value,
              unsigned slot = 0);
  void record_accept(const WalkContext& context, const Access& access, unsigned slot);
  void record_lookup(const Step& step, const std::optional<Resume>& found, unsigned slot);
  void record_end(const WalkExtension& request, unsigned slot);
  [[nodiscard]] Event make_event(EventKind kind, unsigned slot) const;

  WalkerParams params_;
  EventQueue& queue_;
  WalkStructures structures_;
  Dram* direct_ = nullptr;
  std::unique_ptr<WalkHints> hints_;  // for the context of engine_

  // Of the blocking walk under way.
  WalkEngine engine_{WalkContext{}};
  bool is_blocking_ = false;
  bool is_prefetch_ = false;

  // Non-blocking.
  TargetPort<SendBack> target_port_;
  RequestPort<tlm_utils::simple_initiator_socket<PageWalker>> memory_port_;
  TransactionPool<TableExtension> pool_;
  std::vector<Slot> slots_;
  std::deque<Waiting> waiting_;
  std::vector<KilledUpdate> killed_updates_;
  // A port that slots share in each cycle, and those that wait for it.
  struct SharedPort {
    explicit SharedPort(std::uint32_t per_cycle) : port(per_cycle) {}

    std::uint64_t wanting = 0;  // a bit for each slot
    std::uint64_t urgent = 0;   // of those, who goes before the others
    bool is_arbitrating = false;
    unsigned first = 0;  // who has the first choice
    LookupPort port;
  };
  // Takes the slot whose turn it is from those that wait.
  Slot& take_turn(SharedPort& port);
  SharedPort lookups_;
  std::array<SharedPort, kNumChannels> channels_;
  LookupPort beginnings_;  // walks that get their slot
};

}  // namespace nestwalk
