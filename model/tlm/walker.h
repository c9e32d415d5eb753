// The page-table walker with its page-walk caches and nested TLB. Carries the steps of the walk
// engine out in time: each table read and A/D update is a transaction on memory_socket, each lookup
// costs its structure's latency. Blocking: one walk at a time, its time annotated.
//
// Requests come with a WalkExtension on walk_socket.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "model/arch/invalidation.h"
#include "model/lookup/nested_tlb.h"
#include "model/lookup/walk_cache.h"
#include "model/observe/event_sink.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/extensions.h"
#include "model/walk/pdpte.h"

namespace nestwalk {

struct WalkerStats {
  std::uint64_t walks = 0;
  std::uint64_t translations = 0;
  std::uint64_t faults = 0;
  std::uint64_t restarts = 0;
  std::uint64_t references = 0;  // table entries read from memory
  std::uint64_t word_hits = 0;   // table entries served by a physically tagged walk cache
  std::uint64_t updates = 0;     // A/D updates that took place
  std::uint64_t cycles = 0;      // of all walks
  PositionCounts positions{};    // references by (g, h)
  Histogram references_per_walk;
  Histogram cycles_per_walk;
};

class Walker : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Walker> walk_socket{"walk_socket"};
  tlm_utils::simple_initiator_socket<Walker> memory_socket{"memory_socket"};

  Walker(sc_core::sc_module_name name, const WalkerParams& params, const ClockDomain& clock);
  ~Walker() override;

  // Drops what the operation covers from walk caches and nested TLB. Returns the number of entries.
  std::uint64_t invalidate(const Invalidation& invalidation);
  // Forgets everything that is cached.
  void flush();
  // One record per step goes to the sink; nullptr: off.
  void connect_events(EventSink* sink) { events_.connect(sink); }

  // The load of the PDPTEs with CR3, through memory_socket and past the caches (PAE, not over NPT).
  [[nodiscard]] PdpteLoad load_pdptes(const WalkContext& context, sc_core::sc_time& delay);

  [[nodiscard]] const WalkCache& walk_cache() const { return pwc_; }
  [[nodiscard]] const NestedTlb& nested_tlb() const { return ntlb_; }
  [[nodiscard]] const WalkerStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;
  void expect_laws(CounterLaws& laws) const;

 private:
  // The memory and the cache of the functional driver, in time.
  class TimedMemory;
  class TimedCache;

  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  // Reads or updates the entry of a step; the answer is in data_. False: the memory refused.
  bool transport(const Step& step, bool is_update);
  void record(EventKind kind, const Step& step, std::uint64_t address, std::uint64_t value);

  WalkerParams params_;
  const ClockDomain& clock_;
  WalkCache pwc_;
  NestedTlb ntlb_;
  EventPort events_;

  // Of the walk under way.
  WalkContext context_;
  StageRules guest_rules_;
  StageRules host_rules_;
  sc_core::sc_time now_;  // as annotated so far
  std::uint64_t data_ = 0;

  tlm::tlm_generic_payload payload_;
  TableExtension extension_;
  WalkerStats stats_;
};

}  // namespace nestwalk
