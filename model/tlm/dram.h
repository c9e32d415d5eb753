// Memory at the end of every path: one latency, or banks that each keep a row open.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/memory/sparse_memory.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"

namespace nestwalk {

struct DramStats {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t row_hits = 0;
};

class Dram : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<Dram> target_socket{"target_socket"};

  Dram(sc_core::sc_module_name name, const DramParams& params, const ClockDomain& clock,
       SparseMemory& memory);

  [[nodiscard]] const DramStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  void b_transport(int source, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(int source, tlm::tlm_generic_payload& payload);
  [[nodiscard]] std::uint32_t access_cycles(std::uint64_t address);

  DramParams params_;
  const ClockDomain& clock_;
  SparseMemory& memory_;
  std::vector<std::uint64_t> open_rows_;
  DramStats stats_;
};

}  // namespace nestwalk
