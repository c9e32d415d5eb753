// Memory at the end of every path: one latency, or banks that each keep a row open.
//
// Non-blocking, an access keeps its bank (with one latency: the whole memory) for busy_cycles;
// those behind it wait in the order of arrival. What it does to memory it does when it is answered.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/memory/sparse_memory.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"

namespace nestwalk {

struct DramStats {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t row_hits = 0;
  std::uint64_t wait_cycles = 0;  // for banks that were taken
};

class Dram : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::multi_passthrough_target_socket<Dram> target_socket{"target_socket"};

  Dram(sc_core::sc_module_name name, const DramParams& params, EventQueue& queue,
       const ClockDomain& clock, SparseMemory& memory);

  // What b_transport does for a read, as a call: an aligned word of 1, 2, 4 or 8 bytes.
  struct DirectRead {
    bool ok = false;  // false: beyond the memory's end
    std::uint32_t cycles = 0;
    std::uint64_t value = 0;
  };
  [[nodiscard]] DirectRead read_directly(Hpa address, unsigned bytes) {
    ++stats_.reads;
    DirectRead read{false, access_cycles(address.value()), 0};
    read.ok = memory_.read_entry(address, bytes, read.value);
    return read;
  }

  // For WalkHints: without a trace in time or statistics.
  [[nodiscard]] std::uint64_t read(Hpa address, unsigned bytes) const {
    return memory_.read(address, bytes);
  }
  void prefetch(Hpa address) const { memory_.prefetch(address); }

  [[nodiscard]] const DramStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  void b_transport(int source, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(int source, tlm::tlm_generic_payload& payload);
  tlm::tlm_sync_enum nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                     tlm::tlm_phase& phase, sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void begin(tlm::tlm_generic_payload& payload);
  void end(tlm::tlm_generic_payload& payload);
  [[nodiscard]] std::uint32_t access_cycles(std::uint64_t address) {
    return params_.kind == DramKind::kFixed ? params_.latency_cycles : open_row_cycles(address);
  }
  [[nodiscard]] std::uint32_t open_row_cycles(std::uint64_t address);
  [[nodiscard]] std::size_t bank_of(std::uint64_t address) const;

  enum QueueEvent : unsigned { kArrived, kDone };
  struct SendBack {
    Dram* dram;
    tlm::tlm_sync_enum operator()(int source, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return dram->target_socket[source]->nb_transport_bw(payload, phase, delay);
    }
  };

  DramParams params_;
  EventQueue& queue_;
  const ClockDomain& clock_;
  SparseMemory& memory_;
  std::vector<std::uint64_t> open_rows_;
  std::vector<std::uint64_t> free_from_;  // by bank: the cycle from which it takes another access
  TargetPort<SendBack> target_port_;
  DramStats stats_;
};

}  // namespace nestwalk
