// Both ends of a socket under the base protocol's exclusion rules, for non-blocking transport:
//
//   RequestPort:  one request at a time waits for END_REQ; the others wait in order behind it
//   TargetPort:   requests are accepted as long as there is room, the others wait for their
//                 END_REQ in the order of arrival (back-pressure); responses wait for END_RESP
//
// Phases that need no time are given back by return value (TLM_UPDATED, TLM_COMPLETED), as the
// protocol allows. Times annotated by a partner are rounded up to cycles. Not for blocking
// transport.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

#include "model/arch/check.h"

namespace nestwalk {

// Socket: an initiator socket with operator->.
template <class Socket>
class RequestPort {
 public:
  // `answered` is called once for each payload sent, when its response is there: from backward(),
  // or from send() where the target answers within the call.
  using Answered = std::function<void(tlm::tlm_generic_payload&)>;

  RequestPort(Socket& socket, Answered answered)
      : socket_(socket), answered_(std::move(answered)) {}

  // Sends the request, now or as soon as those before it are accepted.
  void send(tlm::tlm_generic_payload& payload) {
    if (is_waiting_) {
      queue_.push_back(&payload);
    } else {
      begin(payload);
    }
  }

  // What nb_transport_bw does. A response ends the request too if END_REQ was left out.
  [[nodiscard]] tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload,
                                            const tlm::tlm_phase& phase) {
    if (phase == tlm::END_REQ) {
      go_on();
      return tlm::TLM_ACCEPTED;
    }
    fatal_unless(phase == tlm::BEGIN_RESP, "a target sends END_REQ and BEGIN_RESP");
    if (is_waiting_ && waiting_ == &payload) {
      go_on();
    }
    answered_(payload);
    return tlm::TLM_COMPLETED;
  }

  [[nodiscard]] bool is_waiting() const { return is_waiting_; }

 private:
  void begin(tlm::tlm_generic_payload& payload) {
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    switch (socket_->nb_transport_fw(payload, phase, delay)) {
      case tlm::TLM_ACCEPTED:
        is_waiting_ = true;
        waiting_ = &payload;
        return;
      case tlm::TLM_UPDATED:
        if (phase == tlm::BEGIN_RESP) {
          phase = tlm::END_RESP;
          delay = sc_core::SC_ZERO_TIME;
          socket_->nb_transport_fw(payload, phase, delay);
          answered_(payload);
        }
        return;
      case tlm::TLM_COMPLETED:
        answered_(payload);
        return;
    }
  }

  void go_on() {
    is_waiting_ = false;
    while (!is_waiting_ && !queue_.empty()) {
      tlm::tlm_generic_payload& payload = *queue_.front();
      queue_.pop_front();
      begin(payload);
    }
  }

  Socket& socket_;
  Answered answered_;
  bool is_waiting_ = false;
  tlm::tlm_generic_payload* waiting_ = nullptr;
  std::deque<tlm::tlm_generic_payload*> queue_;
};

// Send: callable (int source, payload, phase, delay) -> tlm_sync_enum, the socket's backward path.
template <class Send>
class TargetPort {
 public:
  TargetPort(std::uint32_t capacity, Send send) : capacity_(capacity), send_(send) {}

  struct Arrival {
    int source = 0;
    tlm::tlm_generic_payload* payload = nullptr;
  };

  // For nb_transport_fw with BEGIN_REQ. True: there is room, the request is in and the call answers
  // END_REQ by TLM_UPDATED. False: it waits, the call answers TLM_ACCEPTED.
  [[nodiscard]] bool accept(const Arrival& arrival) {
    if (num_inside_ == capacity_) {
      ++num_refused_;
      waiting_.push_back(arrival);
      return false;
    }
    ++num_inside_;
    return true;
  }
  // For nb_transport_fw with END_RESP.
  void end_response(int source) {
    Channel& channel = channel_of(source);
    channel.is_busy = false;
    while (!channel.is_busy && !channel.queue.empty()) {
      tlm::tlm_generic_payload& payload = *channel.queue.front();
      channel.queue.pop_front();
      begin_response(source, payload);
    }
  }

  // One request has left the module: calls admit(Arrival) for one that waited, after its END_REQ.
  template <class Admit>
  void leave(Admit admit) {
    --num_inside_;
    if (waiting_.empty()) {
      return;
    }
    const Arrival next = waiting_.front();
    waiting_.pop_front();
    ++num_inside_;
    tlm::tlm_phase phase = tlm::END_REQ;
    sc_core::sc_time delay;
    send_(next.source, *next.payload, phase, delay);
    admit(next);
  }

  void respond(int source, tlm::tlm_generic_payload& payload) {
    Channel& channel = channel_of(source);
    if (channel.is_busy) {
      channel.queue.push_back(&payload);
      return;
    }
    begin_response(source, payload);
  }

  [[nodiscard]] std::uint32_t num_inside() const { return num_inside_; }
  // Requests that found no room and had to wait.
  [[nodiscard]] const std::uint64_t& num_refused() const { return num_refused_; }

 private:
  struct Channel {
    bool is_busy = false;
    std::deque<tlm::tlm_generic_payload*> queue;
  };

  Channel& channel_of(int source) {
    const auto index = static_cast<std::size_t>(source);
    if (index >= channels_.size()) {
      channels_.resize(index + 1);
    }
    return channels_[index];
  }

  void begin_response(int source, tlm::tlm_generic_payload& payload) {
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay;
    const tlm::tlm_sync_enum status = send_(source, payload, phase, delay);
    // TLM_UPDATED: END_RESP came back with the call.
    channel_of(source).is_busy = status == tlm::TLM_ACCEPTED;
  }

  std::uint32_t capacity_;
  Send send_;
  std::uint32_t num_inside_ = 0;
  std::uint64_t num_refused_ = 0;
  std::deque<Arrival> waiting_;
  std::vector<Channel> channels_;
};

// Lookups of one structure: a number of them can begin in each cycle, in the order in which they
// are asked for.
class LookupPort {
 public:
  explicit LookupPort(std::uint32_t per_cycle) : per_cycle_(per_cycle) {}

  // How many cycles from `now` the next lookup begins.
  [[nodiscard]] std::uint64_t grant(std::uint64_t now) {
    if (now > cycle_) {
      cycle_ = now;
      used_ = 0;
    } else if (used_ == per_cycle_) {
      ++cycle_;
      used_ = 0;
    }
    ++used_;
    return cycle_ - now;
  }
  // Begins one now if the cycle has room for it.
  [[nodiscard]] bool try_begin(std::uint64_t now) {
    if (now > cycle_) {
      cycle_ = now;
      used_ = 0;
    }
    if (used_ == per_cycle_) {
      return false;
    }
    ++used_;
    return true;
  }

 private:
  std::uint32_t per_cycle_;
  std::uint64_t cycle_ = 0;
  std::uint32_t used_ = 0;
};

// What must have ended before an invalidation is acknowledged.
class Fence {
 public:
  void hold() { ++num_held_; }
  void release() {
    if (--num_held_ == 0) {
      acknowledged_.notify(sc_core::SC_ZERO_TIME);
    }
  }
  [[nodiscard]] bool is_acknowledged() const { return num_held_ == 0; }
  [[nodiscard]] const sc_core::sc_event& acknowledged() const { return acknowledged_; }

 private:
  std::uint32_t num_held_ = 0;
  sc_core::sc_event acknowledged_;
};

}  // namespace nestwalk
