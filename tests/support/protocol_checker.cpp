#include "tests/support/protocol_checker.h"

#include <utility>

namespace nestwalk {

ProtocolChecker::Attributes::Attributes(const tlm::tlm_generic_payload& payload)
    : command(payload.get_command()),
      data(payload.get_data_ptr()),
      length(payload.get_data_length()),
      streaming_width(payload.get_streaming_width()),
      byte_enables(payload.get_byte_enable_ptr()) {}

ProtocolChecker::ProtocolChecker(sc_core::sc_module_name name, const ClockDomain& clock)
    : sc_module(name), clock_(clock) {
  target_socket.register_nb_transport_fw(this, &ProtocolChecker::nb_transport_fw);
  target_socket.register_b_transport(this, &ProtocolChecker::b_transport);
  target_socket.register_transport_dbg(this, &ProtocolChecker::transport_dbg);
  initiator_socket.register_nb_transport_bw(this, &ProtocolChecker::nb_transport_bw);
}

void ProtocolChecker::require(bool holds, const std::string& rule) {
  if (!holds) {
    violations_ += std::string(name()) + ", cycle " + std::to_string(now()) + ": " + rule + "\n";
  }
}

ProtocolChecker::Flight* ProtocolChecker::flight_of(Payload& payload, const char* phase,
                                                    std::set<State> states) {
  const auto found = flights_.find(&payload);
  const bool is_in_order = found != flights_.end() && states.count(found->second.state) != 0;
  require(is_in_order, std::string(phase) + " out of order");
  if (!is_in_order) {
    return nullptr;
  }
  // With the response the initiator has the payload back and may do with it as it pleases.
  require(
      found->second.state == State::kResponding || found->second.attributes == Attributes(payload),
      "an attribute changed under way");
  return &found->second;
}

void ProtocolChecker::begin_request(Payload& payload) {
  require(request_ == nullptr, "BEGIN_REQ before END_REQ of the request before");
  require(flights_.count(&payload) == 0, "BEGIN_REQ of a transaction under way");
  require(payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE,
          "BEGIN_REQ with a response status");
  require(payload.has_mm() && payload.get_ref_count() > 0,
          "BEGIN_REQ without a memory manager or a reference");
  request_ = &payload;
  seen_.insert(&payload);
  flights_.insert_or_assign(&payload,
                            Flight{State::kRequested, Attributes(payload), passages_.size()});
  passages_.push_back({now(), 0, 0, 0});
}

void ProtocolChecker::end_request(Payload& payload) {
  Flight* flight = flight_of(payload, "END_REQ", {State::kRequested});
  if (flight == nullptr) {
    return;
  }
  flight->state = State::kAccepted;
  passages_[flight->passage].end_request = now();
  request_ = nullptr;
}

void ProtocolChecker::begin_response(Payload& payload) {
  require(response_ == nullptr, "BEGIN_RESP before END_RESP of the response before");
  require(payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE,
          "BEGIN_RESP without a response status");
  Flight* flight = flight_of(payload, "BEGIN_RESP", {State::kRequested, State::kAccepted});
  if (flight == nullptr) {
    return;
  }
  if (flight->state == State::kRequested) {  // END_REQ goes without saying
    end_request(payload);
  }
  flight->state = State::kResponding;
  passages_[flight->passage].begin_response = now();
  response_ = &payload;
}

void ProtocolChecker::end_response(Payload& payload) {
  Flight* flight = flight_of(payload, "END_RESP", {State::kResponding});
  if (flight == nullptr) {
    return;
  }
  passages_[flight->passage].end_response = now();
  response_ = nullptr;
  flights_.erase(&payload);
}

tlm::tlm_sync_enum ProtocolChecker::nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                                    sc_core::sc_time& delay) {
  const tlm::tlm_phase sent = phase;
  if (sent == tlm::BEGIN_REQ) {
    begin_request(payload);
  } else if (sent == tlm::END_RESP) {
    end_response(payload);
  } else {
    require(false, "an initiator sends BEGIN_REQ and END_RESP");
  }
  const tlm::tlm_sync_enum status = initiator_socket->nb_transport_fw(payload, phase, delay);
  if (sent != tlm::BEGIN_REQ) {
    require(status != tlm::TLM_UPDATED, "TLM_UPDATED for the last phase");
    return status;
  }
  if (status == tlm::TLM_COMPLETED) {
    begin_response(payload);
    end_response(payload);
  } else if (status == tlm::TLM_UPDATED) {
    require(phase == tlm::END_REQ || phase == tlm::BEGIN_RESP, "BEGIN_REQ updated to no phase");
    if (phase == tlm::END_REQ) {
      end_request(payload);
    } else if (phase == tlm::BEGIN_RESP) {
      begin_response(payload);
    }
  }
  return status;
}

tlm::tlm_sync_enum ProtocolChecker::nb_transport_bw(Payload& payload, tlm::tlm_phase& phase,
                                                    sc_core::sc_time& delay) {
  const tlm::tlm_phase sent = phase;
  if (sent == tlm::END_REQ) {
    end_request(payload);
  } else if (sent == tlm::BEGIN_RESP) {
    begin_response(payload);
  } else {
    require(false, "a target sends END_REQ and BEGIN_RESP");
  }
  // The initiator may let the payload go within the call.
  payload.acquire();
  const tlm::tlm_sync_enum status = target_socket->nb_transport_bw(payload, phase, delay);
  if (sent == tlm::END_REQ) {
    require(status == tlm::TLM_ACCEPTED, "END_REQ is accepted and no more");
  } else if (sent == tlm::BEGIN_RESP && status != tlm::TLM_ACCEPTED) {
    require(status == tlm::TLM_COMPLETED || phase == tlm::END_RESP,
            "BEGIN_RESP updated to no phase");
    end_response(payload);
  }
  payload.release();
  return status;
}

void ProtocolChecker::b_transport(Payload& payload, sc_core::sc_time& delay) {
  initiator_socket->b_transport(payload, delay);
}

unsigned ProtocolChecker::transport_dbg(Payload& payload) {
  return initiator_socket->transport_dbg(payload);
}

std::string ProtocolChecker::finish() {
  require(flights_.empty(), "transactions are under way at the end");
  for (Payload* payload : std::exchange(seen_, {})) {
    require(payload->get_ref_count() == 0, "a transaction is held at the end");
  }
  return violations_;
}

}  // namespace nestwalk
