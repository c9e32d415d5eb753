// The page-table walker with its page-walk caches and nested TLB. Carries the steps of the walk
// engine out in time: each table read and A/D update is a transaction on memory_socket, each lookup
// costs its structure's latency. Requests come with a WalkExtension on walk_socket.
//
// Blocking transport walks at once, one walk at a time, its time annotated. Non-blocking transport
// has `slots` walks under way and a bounded queue before them. An invalidation kills the walks with
// matching tags: what they have read is forgotten, late answers to them are dropped, and they start
// again from the root. Not for merging requests on one page: see Mmu.
#pragma once

#include <tlm_utils/passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/observe/event_sink.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/dram.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/extensions.h"
#include "model/tlm/transaction.h"
#include "model/tlm/walk_structures.h"
#include "model/walk/engine.h"
#include "model/walk/pdpte.h"
#include "model/walk/walk_hints.h"

namespace nestwalk {

struct WalkerStats {
  std::uint64_t walks = 0;
  std::uint64_t translations = 0;
  std::uint64_t faults = 0;
  std::uint64_t restarts = 0;
  std::uint64_t kills = 0;         // by an invalidation; the walk then starts again
  std::uint64_t references = 0;    // table entries read from memory
  std::uint64_t word_hits = 0;     // table entries served by a physically tagged walk cache
  std::uint64_t updates = 0;       // A/D updates that took place
  std::uint64_t cycles = 0;        // of all walks, from the slot they got to the answer
  std::uint64_t queue_cycles = 0;  // waiting for a slot
  PositionCounts positions{};      // references by (g, h)
  Histogram references_per_walk;
  Histogram cycles_per_walk;
};

class Walker : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::passthrough_target_socket<Walker> walk_socket{"walk_socket"};
  tlm_utils::simple_initiator_socket<Walker> memory_socket{"memory_socket"};

  Walker(sc_core::sc_module_name name, const WalkerParams& params, EventQueue& queue,
         const ClockDomain& clock);
  ~Walker() override;

  // Drops what the operation covers from walk caches and nested TLB, and kills the walks that it
  // concerns. `fence`, if there is one, is held until the updates that these have sent are over.
  // Returns the number of entries dropped.
  std::uint64_t invalidate(const Invalidation& invalidation, Fence* fence = nullptr);
  // Forgets everything that is cached.
  void flush() { structures_.flush(); }
  // One record per step goes to the sink; nullptr: off.
  void connect_events(EventSink* sink) { events_.connect(sink); }

  // Blocking reads of table entries go to this memory by a call, for the same cycles and
  // statistics: for a memory socket that is bound to it with nothing in between.
  void connect_directly(Dram& memory) { direct_ = &memory; }
  // A blocking walk for this address comes after WalkHints::kLookAhead others: an aid to the
  // simulator's speed that changes nothing else. Does nothing without a direct memory.
  void expect(Gva address) {
    if (direct_ != nullptr) {
      if (hints_ == nullptr) {
        hints_ = std::make_unique<WalkHints>(engine_);
      }
      hints_->expect(address, *direct_);
    }
  }

  // The load of the PDPTEs with CR3, through memory_socket by blocking transport and past the
  // caches (PAE, not over NPT).
  [[nodiscard]] PdpteLoad load_pdptes(const WalkContext& context, sc_core::sc_time& delay);

  // Nothing is under way or waits.
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] const WalkCache& walk_cache() const { return structures_.walk_cache(); }
  [[nodiscard]] const NestedTlb& nested_tlb() const { return structures_.nested_tlb(); }
  [[nodiscard]] const WalkerStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;
  void expect_laws(CounterLaws& laws) const;

 private:
  // The memory and the cache of the functional driver, in annotated time.
  class TimedMemory;
  class DirectMemory;
  class TimedCache;

  // A walk under way by non-blocking transport.
  struct Slot {
    // What its next event does.
    enum class Phase : std::uint8_t {
      kAdvance,    // give `answer` to the engine
      kBeginRead,  // the walker's own time for a read is over
      kSendRead,   // a cache of words did not have it
    };

    std::uint8_t index = 0;
    bool is_busy = false;
    bool is_dropped = false;  // an invalidation came while it walked ahead
    Phase phase = Phase::kAdvance;
    bool wants_word = false;       // the lookup it waits for: a table word, else a prefix
    std::uint32_t generation = 0;  // of its events and memory transactions; a kill makes a new one
    tlm::tlm_generic_payload* payload = nullptr;
    WalkExtension* request = nullptr;
    WalkEngine engine{WalkContext{}};
    Answer answer;
    const Step* step = nullptr;  // the engine's, until it is asked for the next one
    std::uint64_t num_references = 0;
    std::uint64_t start_cycle = 0;
    Transaction<TableExtension>* update = nullptr;  // sent and not yet answered
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
  enum QueueEvent : unsigned { kArrived, kArbitrate, kSlotEvent };
  static constexpr unsigned kGenerationShift = 2;
  static constexpr std::uint32_t kGenerationMask = ~std::uint32_t{0} >> kGenerationShift;

  struct SendBack {
    Walker* walker;
    tlm::tlm_sync_enum operator()(int /*source*/, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return walker->walk_socket->nb_transport_bw(payload, phase, delay);
    }
  };

  // Blocking.
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  // Reads or updates the entry of a step; the answer is in data_. False: the memory refused.
  bool transport(const Step& step, bool is_update);

  template <class Memory>
  void walk_blocking(Memory memory, WalkExtension& request);

  // Non-blocking.
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void fill_slots();
  void start(Slot& slot, const Waiting& waiting);
  void begin_engine(Slot& slot);
  void advance(Slot& slot);
  void ask_port(Slot& slot, bool wants_word);
  void arbitrate();
  void look_up(Slot& slot);
  // The slot's next event, now if there is nothing to wait for.
  void proceed(Slot& slot, std::uint64_t delay_cycles, Slot::Phase phase);
  void slot_event(Slot& slot);
  void send(Slot& slot, bool is_update);
  void answered(Transaction<TableExtension>& transaction);
  void forget_killed_update(const Transaction<TableExtension>& transaction);
  void finish(Slot& slot);
  // Ends a walk ahead that may not go on.
  void give_up(Slot& slot);
  void end_slot(Slot& slot);
  void kill(Slot& slot);

  void count_reference(const Step& step, unsigned slot);
  // The end of a walk into its request and the statistics.
  struct WalkEnd {
    std::uint64_t num_references = 0;
    std::uint64_t num_restarts = 0;
    std::uint64_t cycles = 0;
    unsigned slot = 0;
  };
  void end_walk(const WalkEnd& end, const WalkContext& context, WalkExtension& request);
  void record(EventKind kind, const Step& step, std::uint64_t address, std::uint64_t value,
              unsigned slot = 0);
  void record_accept(const WalkContext& context, const Access& access, unsigned slot);
  void record_lookup(const Step& step, const std::optional<Resume>& found, unsigned slot);
  void record_end(const WalkExtension& request, unsigned slot);
  [[nodiscard]] Event make_event(EventKind kind, unsigned slot) const;

  WalkerParams params_;
  EventQueue& queue_;
  const ClockDomain& clock_;
  WalkStructures structures_;
  EventPort events_;
  Dram* direct_ = nullptr;
  std::unique_ptr<WalkHints> hints_;  // for the context of engine_

  // Of the blocking walk under way.
  WalkEngine engine_{WalkContext{}};
  sc_core::sc_time start_;        // as annotated when it began
  std::uint64_t num_cycles_ = 0;  // since then
  bool is_blocking_ = false;
  bool is_prefetch_ = false;
  std::uint64_t data_ = 0;
  tlm::tlm_generic_payload payload_;
  TableExtension extension_;

  // Non-blocking.
  TargetPort<SendBack> target_port_;
  RequestPort<tlm_utils::simple_initiator_socket<Walker>> memory_port_;
  TransactionPool<TableExtension> pool_;
  std::vector<Slot> slots_;
  std::deque<Waiting> waiting_;
  std::vector<KilledUpdate> killed_updates_;
  std::uint64_t wanting_ = 0;  // a bit for each slot that waits for a lookup
  bool is_arbitrating_ = false;
  LookupPort lookup_port_;

  WalkerStats stats_;
};

}  // namespace nestwalk
