// The protocol checker of tests/support finds what it is there for: an initiator and a target that
// keep the rules are left alone, and each way of breaking one is named.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "model/tlm/clock_domain.h"
#include "model/tlm/extensions.h"
#include "model/tlm/transaction.h"
#include "tests/support/protocol_checker.h"

namespace nestwalk {
namespace {

using Payload = tlm::tlm_generic_payload;
using Pool = TransactionPool<TableExtension>;

// Both ends do as they are told: the initiator accepts what comes, the target answers as set.
class Ends : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Ends> initiator{"initiator"};
  tlm_utils::simple_target_socket<Ends> target{"target"};

  explicit Ends(sc_core::sc_module_name name) : sc_module(name) {
    initiator.register_nb_transport_bw(this, &Ends::backward);
    target.register_nb_transport_fw(this, &Ends::forward);
  }

  // What the target does with BEGIN_REQ, and the initiator with whatever comes.
  tlm::tlm_sync_enum request_answer = tlm::TLM_ACCEPTED;
  tlm::tlm_phase request_phase = tlm::BEGIN_REQ;
  tlm::tlm_sync_enum response_answer = tlm::TLM_ACCEPTED;

  tlm::tlm_sync_enum send(Payload& payload, tlm::tlm_phase phase) {
    sc_core::sc_time delay;
    return initiator->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum answer(Payload& payload, tlm::tlm_phase phase) {
    sc_core::sc_time delay;
    return target->nb_transport_bw(payload, phase, delay);
  }

 private:
  tlm::tlm_sync_enum forward(Payload& /*payload*/, tlm::tlm_phase& phase,
                             sc_core::sc_time& /*delay*/) {
    if (phase != tlm::BEGIN_REQ) {
      return tlm::TLM_ACCEPTED;
    }
    phase = request_phase;
    return request_answer;
  }
  tlm::tlm_sync_enum backward(Payload& /*payload*/, tlm::tlm_phase& phase,
                              sc_core::sc_time& /*delay*/) {
    return phase == tlm::BEGIN_RESP ? response_answer : tlm::TLM_ACCEPTED;
  }
};

struct Bench {
  Bench() {
    ends.initiator.bind(checker.target_socket);
    checker.initiator_socket.bind(ends.target);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  Payload& take() {
    Payload& payload = pool.take().payload;
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_data_length(8);
    payload.set_streaming_width(8);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    return payload;
  }
  void respond(Payload& payload) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    ends.answer(payload, tlm::BEGIN_RESP);
  }
  // All four phases.
  void pass(Payload& payload) {
    ends.send(payload, tlm::BEGIN_REQ);
    ends.answer(payload, tlm::END_REQ);
    respond(payload);
    ends.send(payload, tlm::END_RESP);
    payload.release();
  }

  ClockDomain clock{1000};
  Pool pool;
  Ends ends{"ends"};
  ProtocolChecker checker{"checker", clock};
};

TEST(ProtocolChecker, LeavesFourPhasesAlone) {
  Bench b;
  for (unsigned i = 0; i < 3; ++i) {
    b.pass(b.take());
  }
  EXPECT_EQ(b.checker.finish(), "");
  EXPECT_EQ(b.checker.passages().size(), 3U);
}

TEST(ProtocolChecker, LeavesTheShortFormsAlone) {
  Bench b;
  Payload& early = b.take();  // BEGIN_RESP without END_REQ
  b.ends.send(early, tlm::BEGIN_REQ);
  b.respond(early);
  b.ends.send(early, tlm::END_RESP);
  early.release();
  b.ends.response_answer = tlm::TLM_COMPLETED;  // END_RESP within the call
  Payload& complete = b.take();
  b.ends.send(complete, tlm::BEGIN_REQ);
  b.ends.answer(complete, tlm::END_REQ);
  b.respond(complete);
  complete.release();
  b.ends.request_answer = tlm::TLM_UPDATED;  // END_REQ within the call
  b.ends.request_phase = tlm::END_REQ;
  Payload& first = b.take();
  Payload& second = b.take();
  b.ends.send(first, tlm::BEGIN_REQ);
  b.ends.send(second, tlm::BEGIN_REQ);
  b.respond(second);  // out of the order of requests
  b.respond(first);
  first.release();
  second.release();
  EXPECT_EQ(b.checker.finish(), "");
}

// One way of breaking a rule, and a part of what is said about it.
struct Breach {
  const char* name;
  const char* words;
  std::function<void(Bench&)> commit;
};

void PrintTo(const Breach& breach, std::ostream* out) {
  *out << breach.name;
}

const std::vector<Breach>& breaches() {
  static const std::vector<Breach> kBreaches = {
      {"RequestBeforeTheLastIsAccepted", "BEGIN_REQ before END_REQ",
       [](Bench& b) {
         b.ends.send(b.take(), tlm::BEGIN_REQ);
         b.ends.send(b.take(), tlm::BEGIN_REQ);
       }},
      {"RequestTwice", "BEGIN_REQ of a transaction under way",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         b.ends.answer(payload, tlm::END_REQ);
         b.ends.send(payload, tlm::BEGIN_REQ);
       }},
      {"RequestWithAStatus", "BEGIN_REQ with a response status",
       [](Bench& b) {
         Payload& payload = b.take();
         payload.set_response_status(tlm::TLM_OK_RESPONSE);
         b.ends.send(payload, tlm::BEGIN_REQ);
       }},
      {"RequestWithoutAReference", "without a memory manager or a reference",
       [](Bench& b) {
         Payload& payload = b.take();
         payload.release();
         b.ends.send(payload, tlm::BEGIN_REQ);
       }},
      {"EndOfRequestTwice", "END_REQ out of order",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         b.ends.answer(payload, tlm::END_REQ);
         b.ends.answer(payload, tlm::END_REQ);
       }},
      {"ResponseToNothing", "BEGIN_RESP out of order", [](Bench& b) { b.respond(b.take()); }},
      {"ResponseWithoutAStatus", "BEGIN_RESP without a response status",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         b.ends.answer(payload, tlm::BEGIN_RESP);
       }},
      {"ResponseBeforeTheLastHasEnded", "BEGIN_RESP before END_RESP",
       [](Bench& b) {
         Payload& first = b.take();
         b.ends.send(first, tlm::BEGIN_REQ);
         b.ends.answer(first, tlm::END_REQ);
         Payload& second = b.take();
         b.ends.send(second, tlm::BEGIN_REQ);
         b.respond(first);
         b.respond(second);
       }},
      {"EndOfResponseTooEarly", "END_RESP out of order",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         b.ends.send(payload, tlm::END_RESP);
       }},
      {"LengthChangedUnderWay", "an attribute changed",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         payload.set_data_length(4);
         b.respond(payload);
       }},
      {"CommandChangedUnderWay", "an attribute changed",
       [](Bench& b) {
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         payload.set_command(tlm::TLM_WRITE_COMMAND);
         b.ends.answer(payload, tlm::END_REQ);
       }},
      {"PhaseOfTheTargetFromTheInitiator", "an initiator sends",
       [](Bench& b) { b.ends.send(b.take(), tlm::END_REQ); }},
      {"PhaseOfTheInitiatorFromTheTarget", "a target sends",
       [](Bench& b) { b.ends.answer(b.take(), tlm::END_RESP); }},
      {"RequestUpdatedToNothing", "BEGIN_REQ updated to no phase",
       [](Bench& b) {
         b.ends.request_answer = tlm::TLM_UPDATED;
         b.ends.send(b.take(), tlm::BEGIN_REQ);
       }},
      {"ResponseUpdatedToNothing", "BEGIN_RESP updated to no phase",
       [](Bench& b) {
         b.ends.response_answer = tlm::TLM_UPDATED;
         Payload& payload = b.take();
         b.ends.send(payload, tlm::BEGIN_REQ);
         b.respond(payload);
       }},
      {"NeverAnswered", "under way at the end",
       [](Bench& b) { b.ends.send(b.take(), tlm::BEGIN_REQ); }},
      {"NeverReleased", "held at the end",
       [](Bench& b) {
         Payload& payload = b.take();
         payload.acquire();
         b.pass(payload);
       }},
  };
  return kBreaches;
}

class ProtocolBreach : public testing::TestWithParam<Breach> {};
INSTANTIATE_TEST_SUITE_P(Checker, ProtocolBreach, testing::ValuesIn(breaches()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(ProtocolBreach, IsNamed) {
  Bench b;
  GetParam().commit(b);
  const std::string violations = b.checker.finish();
  EXPECT_NE(violations.find(GetParam().words), std::string::npos) << violations;
  EXPECT_EQ(violations.find("checker, cycle 0: "), 0U) << violations;
}

}  // namespace
}  // namespace nestwalk
