#include "model/tlm/table_monitor.h"

#include <cstring>

#include "model/tlm/extensions.h"

namespace nestwalk {

TableMonitor::TableMonitor(sc_core::sc_module_name name) : sc_module(name) {
  target_socket.register_b_transport(this, &TableMonitor::b_transport);
  target_socket.register_transport_dbg(this, &TableMonitor::transport_dbg);
}

void TableMonitor::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  memory_socket->b_transport(payload, delay);
  if (log_ == nullptr || !payload.is_response_ok()) {
    return;
  }
  const auto* table = payload.get_extension<TableExtension>();
  if (table == nullptr || (table->is_update && !table->is_stored)) {
    return;
  }
  TableTransfer transfer;
  transfer.is_update = table->is_update;
  transfer.stage = table->stage;
  transfer.position = table->position;
  transfer.hpa = Hpa(payload.get_address());
  transfer.num_bytes = payload.get_data_length();
  std::memcpy(&transfer.value, payload.get_data_ptr(), payload.get_data_length());
  log_->push_back(transfer);
}

unsigned TableMonitor::transport_dbg(tlm::tlm_generic_payload& payload) {
  return memory_socket->transport_dbg(payload);
}

}  // namespace nestwalk
