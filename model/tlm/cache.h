// A set-associative cache of 64-byte lines: tags and time. Write-back, write-allocate; a line that
// is evicted dirty is counted and leaves without delaying anybody. Data stays in memory, which
// every level reads and writes at once, so levels never disagree. Not for: coherence between cores.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "model/lookup/set_assoc_array.h"
#include "model/memory/sparse_memory.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"

namespace nestwalk {

struct CacheStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t table_lookups = 0;  // of those, by page-table walkers
  std::uint64_t table_misses = 0;
  std::uint64_t dirty_evictions = 0;
};

class Cache : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<Cache> target_socket{"target_socket"};
  tlm_utils::simple_initiator_socket<Cache> memory_socket{"memory_socket"};

  Cache(sc_core::sc_module_name name, const CacheParams& params, const ClockDomain& clock,
        SparseMemory& memory);

  [[nodiscard]] const CacheStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  struct Line {
    bool is_dirty = false;
    friend bool operator==(const Line&, const Line&) = default;
  };

  // True when the line was there; afterwards it is, with the use remembered.
  bool touch(std::uint64_t line, bool is_write);
  void b_transport(int source, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(int source, tlm::tlm_generic_payload& payload);

  const ClockDomain& clock_;
  SparseMemory& memory_;
  sc_core::sc_time latency_;
  SetAssocArray<Line> lines_;
  CacheStats stats_;
};

}  // namespace nestwalk
