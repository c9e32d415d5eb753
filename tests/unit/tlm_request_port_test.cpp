// A request port against targets that use every way of answering that the base protocol allows.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/tlm/at_ports.h"

namespace nestwalk {
namespace {

enum class Way : std::uint8_t { kAccepted, kEndRequest, kResponse, kCompleted };

class Target : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Target> socket{"socket"};
  std::vector<Way> ways;  // of the requests to come, the last one stands for all
  std::vector<tlm::tlm_generic_payload*> arrived;
  unsigned num_end_responses = 0;

  explicit Target(sc_core::sc_module_name name) : sc_module(name) {
    socket.register_nb_transport_fw(this, &Target::forward);
  }
  tlm::tlm_sync_enum back(tlm::tlm_generic_payload& payload, tlm::tlm_phase phase) {
    sc_core::sc_time delay;
    return socket->nb_transport_bw(payload, phase, delay);
  }

 private:
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& /*delay*/) {
    if (phase == tlm::END_RESP) {
      ++num_end_responses;
      return tlm::TLM_COMPLETED;
    }
    arrived.push_back(&payload);
    switch (ways.at(std::min(arrived.size(), ways.size()) - 1)) {
      case Way::kAccepted:
        return tlm::TLM_ACCEPTED;
      case Way::kEndRequest:
        phase = tlm::END_REQ;
        return tlm::TLM_UPDATED;
      case Way::kResponse:
        phase = tlm::BEGIN_RESP;
        return tlm::TLM_UPDATED;
      case Way::kCompleted:
        break;
    }
    return tlm::TLM_COMPLETED;
  }
};

class Initiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};
  std::vector<tlm::tlm_generic_payload*> answered;
  RequestPort<tlm_utils::simple_initiator_socket<Initiator>> port{
      socket, [this](tlm::tlm_generic_payload& payload) { answered.push_back(&payload); }};

  explicit Initiator(sc_core::sc_module_name name) : sc_module(name) {
    socket.register_nb_transport_bw(this, &Initiator::backward);
  }

 private:
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& /*delay*/) {
    return port.backward(payload, phase);
  }
};

class RequestPortTest : public testing::Test {
 protected:
  RequestPortTest() {
    initiator_.socket.bind(target_.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  void send_all() {
    for (tlm::tlm_generic_payload& payload : payloads_) {
      initiator_.port.send(payload);
    }
  }
  [[nodiscard]] std::vector<tlm::tlm_generic_payload*> all() {
    return {&payloads_[0], &payloads_[1], &payloads_[2]};
  }

  Initiator initiator_{"initiator"};
  Target target_{"target"};
  std::array<tlm::tlm_generic_payload, 3> payloads_;
};

TEST_F(RequestPortTest, OneRequestWaitsForItsEndBeforeTheNextIsSent) {
  target_.ways = {Way::kAccepted};
  send_all();
  EXPECT_EQ(target_.arrived.size(), 1U);
  EXPECT_EQ(target_.back(payloads_[0], tlm::END_REQ), tlm::TLM_ACCEPTED);
  EXPECT_EQ(target_.arrived.size(), 2U);
  EXPECT_EQ(target_.back(payloads_[0], tlm::BEGIN_RESP), tlm::TLM_COMPLETED);
  EXPECT_EQ(target_.arrived.size(), 2U) << "the second one still waits for its END_REQ";
  EXPECT_EQ(target_.back(payloads_[1], tlm::BEGIN_RESP), tlm::TLM_COMPLETED);
  EXPECT_EQ(target_.arrived.size(), 3U) << "a response stands for END_REQ";
  EXPECT_EQ(target_.back(payloads_[2], tlm::BEGIN_RESP), tlm::TLM_COMPLETED);
  EXPECT_EQ(initiator_.answered, all());
  EXPECT_FALSE(initiator_.port.is_waiting());
}

TEST_F(RequestPortTest, AnAcceptedRequestLetsTheNextOneGo) {
  target_.ways = {Way::kEndRequest};
  send_all();
  EXPECT_EQ(target_.arrived, all());
  EXPECT_TRUE(initiator_.answered.empty());
}

TEST_F(RequestPortTest, AnswersWithinTheCallAreTakenToo) {
  target_.ways = {Way::kCompleted, Way::kResponse, Way::kCompleted};
  send_all();
  EXPECT_EQ(initiator_.answered, all());
  EXPECT_EQ(target_.num_end_responses, 1U) << "BEGIN_RESP by return value wants its END_RESP";
}

TEST_F(RequestPortTest, RequestsThatWaitedMayBeAnsweredWithinTheCall) {
  target_.ways = {Way::kAccepted, Way::kCompleted, Way::kResponse};
  send_all();
  EXPECT_TRUE(initiator_.answered.empty());
  EXPECT_EQ(target_.back(payloads_[0], tlm::END_REQ), tlm::TLM_ACCEPTED);
  EXPECT_EQ(initiator_.answered,
            (std::vector<tlm::tlm_generic_payload*>{&payloads_[1], &payloads_[2]}));
  EXPECT_EQ(target_.back(payloads_[0], tlm::BEGIN_RESP), tlm::TLM_COMPLETED);
  EXPECT_EQ(initiator_.answered.size(), 3U);
}

}  // namespace
}  // namespace nestwalk
