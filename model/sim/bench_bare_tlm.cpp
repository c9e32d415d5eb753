#include "model/sim/bench_bare_tlm.h"

#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>

#include <cstring>
#include <deque>
#include <systemc>
#include <tlm>

#include "model/arch/check.h"
#include "model/sim/bench_timer.h"

namespace nestwalk {

namespace {

sc_core::sc_time tick() {
  return {1, sc_core::SC_NS};
}

void set_up(tlm::tlm_generic_payload& payload, std::uint64_t& data) {
  payload.set_read();
  payload.set_address(0);
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&data));
  payload.set_data_length(sizeof data);
  payload.set_streaming_width(sizeof data);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

class BareTarget : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<BareTarget> socket{"socket"};

  explicit BareTarget(sc_core::sc_module_name name)
      : sc_module(name), queue_(this, &BareTarget::on_phase) {
    socket.register_b_transport(this, &BareTarget::b_transport);
    socket.register_nb_transport_fw(this, &BareTarget::nb_transport_fw);
  }

 private:
  void copy(tlm::tlm_generic_payload& payload) {
    std::memcpy(payload.get_data_ptr(), &content_, sizeof content_);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    copy(payload);
    delay += tick_;
  }
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    queue_.notify(payload, phase, delay);
    return tlm::TLM_ACCEPTED;
  }

  void on_phase(tlm::tlm_generic_payload& payload, const tlm::tlm_phase& phase) {
    if (phase == tlm::BEGIN_REQ) {
      send(payload, tlm::END_REQ);
      waiting_.push_back(&payload);
    } else {
      is_responding_ = false;  // END_RESP
    }
    if (!is_responding_ && !waiting_.empty()) {
      is_responding_ = true;
      copy(*waiting_.front());
      send(*waiting_.front(), tlm::BEGIN_RESP);
      waiting_.pop_front();
    }
  }
  void send(tlm::tlm_generic_payload& payload, tlm::tlm_phase phase) {
    sc_core::sc_time delay = tick_;
    socket->nb_transport_bw(payload, phase, delay);
  }

  tlm_utils::peq_with_cb_and_phase<BareTarget> queue_;
  std::deque<tlm::tlm_generic_payload*> waiting_;
  bool is_responding_ = false;
  const sc_core::sc_time tick_ = tick();
  std::uint64_t content_ = 1;
};

class BareAtInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BareAtInitiator> socket{"socket"};

  BareAtInitiator(sc_core::sc_module_name name, unsigned num_outstanding)
      : sc_module(name), queue_(this, &BareAtInitiator::on_phase), payloads_(num_outstanding) {
    socket.register_nb_transport_bw(this, &BareAtInitiator::nb_transport_bw);
    for (tlm::tlm_generic_payload& payload : payloads_) {
      free_.push_back(&payload);
    }
  }

  // Makes so many transactions in the next sc_start().
  void run(std::uint64_t num_transactions) {
    num_left_ = num_transactions;
    send_next();
  }
  [[nodiscard]] std::uint64_t num_done() const { return num_done_; }

 private:
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    queue_.notify(payload, phase, delay);
    return tlm::TLM_ACCEPTED;
  }

  void on_phase(tlm::tlm_generic_payload& payload, const tlm::tlm_phase& phase) {
    if (phase == tlm::END_REQ) {
      is_requesting_ = false;
    } else {
      num_done_ += payload.is_response_ok() ? 1 : 0;
      send(payload, tlm::END_RESP);
      free_.push_back(&payload);
    }
    send_next();
  }
  // One request at a time, as the base protocol has it.
  void send_next() {
    if (is_requesting_ || free_.empty() || num_left_ == 0) {
      return;
    }
    tlm::tlm_generic_payload& payload = *free_.front();
    free_.pop_front();
    --num_left_;
    is_requesting_ = true;
    set_up(payload, data_);
    send(payload, tlm::BEGIN_REQ);
  }
  void send(tlm::tlm_generic_payload& payload, tlm::tlm_phase phase) {
    sc_core::sc_time delay = tick_;
    socket->nb_transport_fw(payload, phase, delay);
  }

  tlm_utils::peq_with_cb_and_phase<BareAtInitiator> queue_;
  std::deque<tlm::tlm_generic_payload> payloads_;
  std::deque<tlm::tlm_generic_payload*> free_;
  const sc_core::sc_time tick_ = tick();
  std::uint64_t data_ = 0;
  std::uint64_t num_left_ = 0;
  std::uint64_t num_done_ = 0;
  bool is_requesting_ = false;
};

class BareLtInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BareLtInitiator> socket{"socket"};

  BareLtInitiator(sc_core::sc_module_name name, const BenchSize& size)
      : sc_module(name), size_(size) {
    SC_HAS_PROCESS(BareLtInitiator);
    SC_THREAD(run);
  }
  [[nodiscard]] const BenchFigures& figures() const { return figures_; }

 private:
  void run() {
    tlm_utils::tlm_quantumkeeper::set_global_quantum(sc_core::sc_time(10, sc_core::SC_US));
    keeper_.reset();
    tlm::tlm_generic_payload payload;
    std::uint64_t data = 0;
    for (unsigned repetition = 0; repetition <= size_.num_repetitions; ++repetition) {
      BenchTimer timer;
      timer.start();
      for (std::uint64_t i = 0; i < size_.num_accesses; ++i) {
        set_up(payload, data);
        sc_core::sc_time delay = keeper_.get_local_time();
        socket->b_transport(payload, delay);
        keeper_.set(delay);
        if (keeper_.need_sync()) {
          keeper_.sync();
        }
        figures_.num_translations += data;  // 1 each
      }
      timer.stop();
      figures_.add_repetition(repetition, size_.num_accesses, timer.seconds());
    }
  }

  BenchSize size_;
  tlm_utils::tlm_quantumkeeper keeper_;
  BenchFigures figures_;
};

void check_all_answered(const BenchFigures& figures, const BenchSize& size) {
  fatal_unless(figures.num_translations == (size.num_repetitions + 1) * size.num_accesses,
               "every transaction is answered");
}

}  // namespace

BenchFigures measure_bare_lt(const BenchSize& size) {
  BareLtInitiator initiator("initiator", size);
  BareTarget target("target");
  initiator.socket.bind(target.socket);
  sc_core::sc_start();
  check_all_answered(initiator.figures(), size);
  return initiator.figures();
}

BenchFigures measure_bare_at(const BenchSize& size, unsigned num_outstanding) {
  BareAtInitiator initiator("initiator", num_outstanding);
  BareTarget target("target");
  initiator.socket.bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);  // elaborates
  BenchFigures figures;
  for (unsigned repetition = 0; repetition <= size.num_repetitions; ++repetition) {
    BenchTimer timer;
    timer.start();
    initiator.run(size.num_accesses);
    sc_core::sc_start();
    timer.stop();
    figures.add_repetition(repetition, size.num_accesses, timer.seconds());
  }
  figures.num_translations = initiator.num_done();
  check_all_answered(figures, size);
  return figures;
}

}  // namespace nestwalk
