// What the platform knows of a page-table walker: its two sockets, invalidation, statistics. Two
// models stand behind it: Walker, which carries out the steps of the walk engine in time, and the
// RTL in its wrapper (tb/rtl_walker.h).
//
//   mmu.walk_socket.bind(walker.walk_socket);       // requests, each with a WalkExtension
//   walker.memory_socket.bind(memory.target_socket);  // reads and updates, with a TableExtension
//
// Who implements it implements the transport calls of both sockets. Not for untimed walks: see
// walk/functional_driver.h.
#pragma once

#include <tlm_utils/passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/lookup/nested_tlb.h"
#include "model/lookup/walk_cache.h"
#include "model/observe/event_sink.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/dram.h"
#include "model/tlm/extensions.h"
#include "model/walk/pdpte.h"
#include "model/walk/step.h"

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

class PageWalker : public sc_core::sc_module {
 public:
  tlm_utils::passthrough_target_socket<PageWalker> walk_socket{"walk_socket"};
  tlm_utils::simple_initiator_socket<PageWalker> memory_socket{"memory_socket"};

  ~PageWalker() override;

  // Drops what the operation covers from walk caches and nested TLB, and kills the walks that it
  // concerns. `fence`, if there is one, is held until no older walk can act on old information.
  // Returns the number of entries that were dropped by now.
  virtual std::uint64_t invalidate(const Invalidation& invalidation, Fence* fence) = 0;
  std::uint64_t invalidate(const Invalidation& invalidation) {
    return invalidate(invalidation, nullptr);
  }
  // Forgets everything that is cached.
  virtual void flush() = 0;
  // One record per step goes to the sink; nullptr: off.
  virtual void connect_events(EventSink* sink) { events_.connect(sink); }

  // Aids to the simulator's speed that change nothing else; a walker may ignore them. Blocking
  // reads may go to this memory by a call: for a memory socket that is bound to it with nothing in
  // between.
  virtual void connect_directly(Dram& /*memory*/) {}
  // A blocking walk for this address comes after WalkHints::kLookAhead others.
  virtual void expect(Gva /*address*/) {}

  // The load of the PDPTEs with CR3, through memory_socket by blocking transport and past the
  // caches (PAE, not over NPT).
  [[nodiscard]] PdpteLoad load_pdptes(const WalkContext& context, sc_core::sc_time& delay);

  // Nothing is under way or waits.
  [[nodiscard]] virtual bool is_idle() const = 0;
  [[nodiscard]] virtual const WalkCache& walk_cache() const = 0;
  [[nodiscard]] virtual const NestedTlb& nested_tlb() const = 0;
  [[nodiscard]] const WalkerStats& stats() const { return stats_; }
  virtual void register_stats(StatGroup& group) const;
  virtual void expect_laws(CounterLaws& laws) const;
  // What a walker that checks itself has found; none: all is well.
  [[nodiscard]] virtual std::vector<std::string> problems() const { return {}; }

 protected:
  PageWalker(sc_core::sc_module_name name, const ClockDomain& clock);

  virtual void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) = 0;
  virtual tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload,
                                             tlm::tlm_phase& phase, sc_core::sc_time& delay) = 0;
  virtual tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload,
                                             tlm::tlm_phase& phase, sc_core::sc_time& delay) = 0;

  // Reads or updates the entry of a step by blocking transport; the answer is in data_. Its time
  // is added to num_cycles_. False: the memory refused.
  bool transport(const Step& step, bool is_update);
  // The end of a walk into the statistics.
  struct WalkEnd {
    std::uint64_t num_references = 0;
    std::uint64_t num_restarts = 0;
    std::uint64_t cycles = 0;
    unsigned slot = 0;
  };
  void count_walk(const WalkEnd& end, bool is_translation);

  const ClockDomain& clock_;
  EventPort events_;
  WalkerStats stats_;
  // Of the blocking walk under way.
  sc_core::sc_time start_;        // as annotated when it began
  std::uint64_t num_cycles_ = 0;  // since then
  std::uint64_t data_ = 0;
  TableExtension extension_;

 private:
  tlm::tlm_generic_payload payload_;
};

}  // namespace nestwalk
