#include "model/tlm/table_monitor.h"

#include <cstring>

#include "model/tlm/extensions.h"

namespace nestwalk {

TableMonitor::TableMonitor(sc_core::sc_module_name name) : sc_module(name) {
  target_socket.register_b_transport(this, &TableMonitor::b_transport);
  target_socket.register_transport_dbg(this, &TableMonitor::transport_dbg);
  target_socket.register_nb_transport_fw(this, &TableMonitor::nb_transport_fw);
  memory_socket.register_nb_transport_bw(this, &TableMonitor::nb_transport_bw);
}

void TableMonitor::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  memory_socket->b_transport(payload, delay);
  write_down(payload);
}

tlm::tlm_sync_enum TableMonitor::nb_transport_fw(tlm::tlm_generic_payload& payload,
                                                 tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  const tlm::tlm_sync_enum status = memory_socket->nb_transport_fw(payload, phase, delay);
  if (status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP)) {
    write_down(payload);
  }
  return status;
}

tlm::tlm_sync_enum TableMonitor::nb_transport_bw(tlm::tlm_generic_payload& payload,
                                                 tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_RESP) {
    write_down(payload);
  }
  return target_socket->nb_transport_bw(payload, phase, delay);
}

void TableMonitor::write_down(const tlm::tlm_generic_payload& payload) {
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
  transfer.is_shadow = table->is_shadow;
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
