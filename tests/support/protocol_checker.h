// The rules of the TLM-2.0 base protocol for non-blocking transport (IEEE 1666-2011, 15.2), held
// against what goes over one connection. Stands between an initiator and a target and changes
// nothing; what breaks a rule is written down, with the cycle, and goes on.
//
//   initiator.socket.bind(checker.target_socket);
//   checker.initiator_socket.bind(target.socket);
//   ... simulate ...
//   EXPECT_EQ(checker.finish(), "");
//   checker.passages()[0].end_request;   // when the first request was accepted
//
// Payloads must live until finish(). Blocking and debug transport pass through unchecked.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/tlm/clock_domain.h"

namespace nestwalk {

class ProtocolChecker : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<ProtocolChecker> target_socket{"target_socket"};
  tlm_utils::simple_initiator_socket<ProtocolChecker> initiator_socket{"initiator_socket"};

  ProtocolChecker(sc_core::sc_module_name name, const ClockDomain& clock);

  // The cycles of a transaction's phases. One that was left out has the cycle of the phase that
  // stands for it.
  struct Passage {
    std::uint64_t begin_request = 0;
    std::uint64_t end_request = 0;
    std::uint64_t begin_response = 0;
    std::uint64_t end_response = 0;
  };

  // What broke a rule, one line each; empty: nothing. At the end of the simulation: what is under
  // way, or still held by somebody, breaks one too.
  [[nodiscard]] std::string finish();
  // In the order of BEGIN_REQ.
  [[nodiscard]] const std::vector<Passage>& passages() const { return passages_; }

 private:
  enum class State : std::uint8_t { kRequested, kAccepted, kResponding };

  // What initiator and target must leave as it was at BEGIN_REQ until BEGIN_RESP. The address is
  // not among it: whoever passes a request on may translate it.
  struct Attributes {
    explicit Attributes(const tlm::tlm_generic_payload& payload);
    tlm::tlm_command command;
    const unsigned char* data;
    unsigned length;
    unsigned streaming_width;
    const unsigned char* byte_enables;
    friend bool operator==(const Attributes&, const Attributes&) = default;
  };
  struct Flight {
    State state;
    Attributes attributes;
    std::size_t passage;
  };
  using Payload = tlm::tlm_generic_payload;

  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  void b_transport(Payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(Payload& payload);

  void begin_request(Payload& payload);
  void end_request(Payload& payload);
  void begin_response(Payload& payload);
  void end_response(Payload& payload);
  // The flight of a payload; nullptr, and a rule broken, if it is in none of the states.
  Flight* flight_of(Payload& payload, const char* phase, std::set<State> states);
  void require(bool holds, const std::string& rule);
  [[nodiscard]] std::uint64_t now() const { return clock_.to_cycles(sc_core::sc_time_stamp()); }

  const ClockDomain& clock_;
  std::map<Payload*, Flight> flights_;
  std::set<Payload*> seen_;
  const Payload* request_ = nullptr;   // waits for END_REQ
  const Payload* response_ = nullptr;  // waits for END_RESP
  std::vector<Passage> passages_;
  std::string violations_;
};

}  // namespace nestwalk
