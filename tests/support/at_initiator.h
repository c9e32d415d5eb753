// A test's initiator of non-blocking transactions: sends accesses at chosen cycles and writes down
// when each was sent, accepted and answered.
//
//   const std::size_t read = initiator.send({.cycle = 3, .access = {gva, AccessType::kRead}});
//   ... simulate ...
//   initiator.record(read).answered;   // a cycle, counted like `cycle` from the first one
//
// It keeps the base protocol's rules by itself, without what the model has for that: a request due
// before the one ahead is accepted waits. Its accesses move no bytes. Not for blocking transport.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/access.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/extensions.h"
#include "model/tlm/transaction.h"

namespace nestwalk {

struct AtRequest {
  std::uint64_t cycle = 0;
  Access access;  // its address is what the target reads it as, such as a physical one
  unsigned num_bytes = 8;
};

struct AtRecord {
  std::uint64_t sent = 0;
  std::uint64_t accepted = 0;  // END_REQ, in whatever way it came
  std::uint64_t answered = 0;  // BEGIN_RESP
  bool is_answered = false;
  tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
  AccessExtension extension;  // with the answer
};

class AtInitiator : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::simple_initiator_socket<AtInitiator> socket{"socket"};

  AtInitiator(sc_core::sc_module_name name, EventQueue& queue);

  // Requests of one cycle go out in the order of these calls. Returns the request's number.
  std::size_t send(const AtRequest& request);
  [[nodiscard]] const AtRecord& record(std::size_t number) const { return records_.at(number); }
  [[nodiscard]] std::size_t num_requests() const { return records_.size(); }
  // Cycles from BEGIN_RESP to END_RESP; 0: within the call.
  void set_response_cycles(std::uint64_t cycles) { response_cycles_ = cycles; }

 private:
  enum QueueEvent : unsigned { kSend, kEndResponse };
  using Sent = Transaction<AccessExtension>;

  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void send_waiting();
  void accepted(std::size_t number);
  void answered(Sent& t);
  static std::size_t number_of(const Sent& t) { return t.word; }

  EventQueue& queue_;
  TransactionPool<AccessExtension> pool_;
  std::uint64_t response_cycles_ = 0;
  std::vector<AtRecord> records_;
  std::deque<Sent*> waiting_;
  const Sent* unaccepted_ = nullptr;
};

}  // namespace nestwalk
