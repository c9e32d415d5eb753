// A set-associative cache of 64-byte lines: tags and time. Write-back, write-allocate; a line that
// is evicted dirty is counted and leaves without delaying anybody. Data stays in memory, which
// every level reads and writes at once, so levels never disagree. Not for: coherence between cores.
//
// Non-blocking, `ports` lookups begin in a cycle. A miss takes a register until the level below has
// answered; accesses to lines that are under way join it, and hits go on meanwhile. A miss that
// finds no register waits for one, in order. What an access does to memory it does when it is
// answered.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/lookup/set_assoc_array.h"
#include "model/memory/sparse_memory.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/object_pool.h"

namespace nestwalk {

struct CacheStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t merged = 0;         // lines that were under way already
  std::uint64_t stalls = 0;         // accesses that found no miss register free
  std::uint64_t table_lookups = 0;  // of those, by page-table walkers
  std::uint64_t table_misses = 0;
  std::uint64_t dirty_evictions = 0;
};

class Cache : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::multi_passthrough_target_socket<Cache> target_socket{"target_socket"};
  tlm_utils::simple_initiator_socket<Cache> memory_socket{"memory_socket"};

  Cache(sc_core::sc_module_name name, const CacheParams& params, EventQueue& queue,
        const ClockDomain& clock, SparseMemory& memory);

  [[nodiscard]] const CacheStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  struct Line {
    bool is_dirty = false;
    friend bool operator==(const Line&, const Line&) = default;
  };

  struct Lines {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    [[nodiscard]] bool overlaps(const Lines& other) const {
      return first <= other.last && other.first <= last;
    }
  };
  // An access inside, non-blocking.
  struct Pending {
    tlm::tlm_generic_payload* payload = nullptr;
    int source = 0;
    Lines lines;
    std::uint32_t num_awaited = 0;  // misses of others that it has joined
    std::vector<Pending*> joined;   // those that have joined this miss
  };
  enum QueueEvent : unsigned { kLookUp, kRetry, kRespond };
  struct SendBack {
    Cache* cache;
    tlm::tlm_sync_enum operator()(int source, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return cache->target_socket[source]->nb_transport_bw(payload, phase, delay);
    }
  };

  // True when the line was there; afterwards it is, with the use remembered.
  bool touch(std::uint64_t line, bool is_write);
  void b_transport(int source, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(int source, tlm::tlm_generic_payload& payload);
  [[nodiscard]] static Lines lines_of(const tlm::tlm_generic_payload& payload);
  [[nodiscard]] bool has(std::uint64_t line) const;
  // The line is there now: brings it in, or remembers its use.
  void bring_in(std::uint64_t line, bool is_write);
  void count_table_access(const tlm::tlm_generic_payload& payload, bool is_hit);

  tlm::tlm_sync_enum nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                     tlm::tlm_phase& phase, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void admit(const TargetPort<SendBack>::Arrival& arrival, std::uint64_t delay_cycles);
  void look_up(Pending& access);
  void fetch(Pending& access);
  void fetched(Pending& miss);
  void retry_stalled();
  void respond(Pending& access);

  EventQueue& queue_;
  const ClockDomain& clock_;
  SparseMemory& memory_;
  std::uint32_t latency_cycles_;
  sc_core::sc_time latency_;
  SetAssocArray<Line> lines_;
  TargetPort<SendBack> target_port_;
  RequestPort<tlm_utils::simple_initiator_socket<Cache>> memory_port_;
  LookupPort lookup_port_;
  ObjectPool<Pending> pool_;
  std::uint32_t num_registers_;
  std::vector<Pending*> misses_;  // one register each
  std::deque<Pending*> stalled_;  // misses that wait for a register
  bool is_retry_posted_ = false;
  CacheStats stats_;
};

}  // namespace nestwalk
