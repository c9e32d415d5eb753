#include "tests/support/at_initiator.h"

namespace nestwalk {

AtInitiator::AtInitiator(sc_core::sc_module_name name, EventQueue& queue)
    : sc_module(name), queue_(queue) {
  socket.register_nb_transport_bw(this, &AtInitiator::nb_transport_bw);
}

std::size_t AtInitiator::send(const AtRequest& request) {
  Sent& t = pool_.take();
  t.word = records_.size();
  records_.emplace_back();
  t.payload.set_command(request.access.is_write() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  t.payload.set_address(request.access.address.value());
  t.payload.set_data_ptr(reinterpret_cast<unsigned char*>(&t.word));
  t.payload.set_data_length(request.num_bytes);
  t.payload.set_streaming_width(request.num_bytes);
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.extension.type = request.access.type;
  t.extension.privilege = request.access.privilege;
  t.extension.implicit = request.access.implicit;
  t.extension.timing_only = true;
  queue_.post(request.cycle - queue_.now(), EventRank::kCore, *this, kSend, &t);
  return number_of(t);
}

void AtInitiator::on_event(unsigned kind, void* item) {
  Sent& t = *static_cast<Sent*>(item);
  if (kind == kSend) {
    waiting_.push_back(&t);
    send_waiting();
    return;
  }
  tlm::tlm_phase phase = tlm::END_RESP;
  sc_core::sc_time delay;
  socket->nb_transport_fw(t.payload, phase, delay);
  t.payload.release();
}

void AtInitiator::send_waiting() {
  while (unaccepted_ == nullptr && !waiting_.empty()) {
    Sent& t = *waiting_.front();
    waiting_.pop_front();
    const std::size_t number = number_of(t);
    records_[number].sent = queue_.now();
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    switch (socket->nb_transport_fw(t.payload, phase, delay)) {
      case tlm::TLM_ACCEPTED:
        unaccepted_ = &t;
        break;
      case tlm::TLM_UPDATED:
        accepted(number);
        break;
      case tlm::TLM_COMPLETED:
        accepted(number);
        answered(t);
        t.payload.release();
        break;
    }
  }
}

tlm::tlm_sync_enum AtInitiator::nb_transport_bw(tlm::tlm_generic_payload& payload,
                                                tlm::tlm_phase& phase,
                                                sc_core::sc_time& /*delay*/) {
  Sent& t = TransactionPool<AccessExtension>::of_payload(payload);
  if (unaccepted_ == &t) {
    unaccepted_ = nullptr;
    accepted(number_of(t));
    send_waiting();
  }
  if (phase == tlm::END_REQ) {
    return tlm::TLM_ACCEPTED;
  }
  answered(t);
  if (response_cycles_ != 0) {
    queue_.post(response_cycles_, EventRank::kCore, *this, kEndResponse, &t);
    return tlm::TLM_ACCEPTED;
  }
  t.payload.release();
  return tlm::TLM_COMPLETED;
}

void AtInitiator::accepted(std::size_t number) {
  records_[number].accepted = queue_.now();
}

void AtInitiator::answered(Sent& t) {
  AtRecord& record = records_[number_of(t)];
  record.answered = queue_.now();
  record.is_answered = true;
  record.status = t.payload.get_response_status();
  record.extension.copy_from(t.extension);
}

}  // namespace nestwalk
