// Sits between the walker and its memory and can write down what passes: the witness for
// `references` that does not depend on what the walker says it did. Adds no time.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/position.h"

namespace nestwalk {

struct TableTransfer {
  bool is_update = false;
  Stage stage = Stage::kGuest;
  Position position;
  Hpa hpa;
  unsigned num_bytes = 0;
  std::uint64_t value = 0;  // what was read; the new word of an update that took place
  bool is_shadow = false;   // an entry of the shadow (agile)
};

class TableMonitor : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<TableMonitor> target_socket{"target_socket"};
  tlm_utils::simple_initiator_socket<TableMonitor> memory_socket{"memory_socket"};

  explicit TableMonitor(sc_core::sc_module_name name);

  // Transfers are written to `log` from now on; nullptr: off. A lost update is not a transfer.
  void set_log(std::vector<TableTransfer>* log) { log_ = log; }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  void write_down(const tlm::tlm_generic_payload& payload);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);

  std::vector<TableTransfer>* log_ = nullptr;
};

}  // namespace nestwalk
