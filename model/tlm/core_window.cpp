// A core with accesses under way by non-blocking transport: window, retirement, faults, interrupts,
// and the time of software.
#include <algorithm>
#include <cstring>
#include <utility>

#include "model/arch/check.h"
#include "model/tlm/core.h"

namespace nestwalk {

// ---- The thread: batches, and what interrupts the stream ----

void Core::run_window() {
  for (;;) {
    const std::span<const CoreAccess> batch = client_->next_batch();
    if (batch.empty()) {
      break;
    }
    pass_time();
    if (oldest_ == youngest_) {
      retire_cycle_ = queue_.now();
    }
    batch_ = batch;
    next_ = 0;
    wait_for_stream(false);
  }
  drain();
  pass_time();
  run_interrupts();  // sent before this core's last software told that nobody should
  pass_time();
  done_cycle_ = clock_.to_cycles(sc_core::sc_time_stamp());
}

// Until every access of the batch is sent, or has retired.
void Core::wait_for_stream(bool until_empty) {
  for (;;) {
    if (is_faulted_ && num_unanswered_ == 0) {
      deliver_fault();
      continue;
    }
    const bool is_empty = oldest_ == youngest_;
    if (!interrupts_.empty() && is_empty) {
      forget_posted_issue();
      run_interrupts();
      pass_time();
      retire_cycle_ = queue_.now();
      continue;
    }
    if (!has_next() && !is_faulted_ && (!until_empty || is_empty)) {
      return;
    }
    wants_empty_ = (until_empty && !has_next()) || !interrupts_.empty();
    schedule_issue();
    sc_core::wait(wake_);
    wants_empty_ = false;
  }
}

void Core::drain() {
  if (is_non_blocking() && oldest_ != youngest_) {
    wait_for_stream(true);
  }
}

void Core::run_interrupts() {
  const std::uint64_t before = now_cycles();
  while (!interrupts_.empty()) {
    const std::function<void()> handler = std::move(interrupts_.front());
    interrupts_.pop_front();
    handler();
  }
  interrupt_cycles_ += now_cycles() - before;
}

void Core::interrupt(std::function<void()> handler) {
  if (!is_non_blocking()) {
    handler();
    return;
  }
  interrupts_.push_back(std::move(handler));
  wake_.notify(sc_core::SC_ZERO_TIME);
  interrupted_.notify(sc_core::SC_ZERO_TIME);
}

std::uint64_t Core::wait_until(const sc_core::sc_event& event,
                               const std::function<bool()>& is_done) {
  pass_time();
  const std::uint64_t before = now_cycles();
  const std::uint64_t interrupts_before = interrupt_cycles_;
  while (!is_done()) {
    if (!interrupts_.empty()) {
      run_interrupts();
      pass_time();
      continue;
    }
    sc_core::wait(event | interrupted_);
  }
  return now_cycles() - before - (interrupt_cycles_ - interrupts_before);
}

// ---- Sending ----

void Core::forget_posted_issue() {
  is_issue_posted_ = false;
  ++issue_version_;
}

void Core::schedule_issue() {
  if (is_issue_posted_ || is_stopped() || !has_next() || youngest_ - oldest_ == flights_.size()) {
    return;
  }
  const std::uint64_t now = queue_.now();
  const std::uint64_t delay = std::max(dispatch_cycle_, now) + next_base_cycles() - now;
  is_issue_posted_ = true;
  queue_.post(delay, EventRank::kCore, *this, issue_version_);
}

// Of the access that is sent next. Drawn once: the base CPI carries a remainder along.
std::uint64_t Core::next_base_cycles() {
  if (!replays_.empty()) {
    return replays_.front().base_cycles;
  }
  if (!is_base_drawn_) {
    base_cycles_ = base_cycles_of(batch_[next_].num_instructions);
    is_base_drawn_ = true;
  }
  return base_cycles_;
}

void Core::on_event(unsigned kind, void* /*item*/) {
  if (kind != issue_version_) {
    return;  // of before an interruption
  }
  is_issue_posted_ = false;
  if (!is_stopped()) {
    issue();
  }
}

void Core::issue() {
  dispatch_cycle_ = queue_.now();
  Flight& flight = flight_at(youngest_++);
  flight.base_cycles = next_base_cycles();
  flight.is_done = false;
  if (replays_.empty()) {
    flight.access = batch_[next_++];
    is_base_drawn_ = false;
  } else {
    flight.access = replays_.front().access;
    replays_.pop_front();
  }
  send(flight);
  if (!has_next()) {
    wake_.notify(sc_core::SC_ZERO_TIME);
  }
  schedule_issue();
}

void Core::send(Flight& flight) {
  ++num_unanswered_;
  Transaction<AccessExtension>& t = pool_.take();
  t.route.push({0, &flight});
  const bool is_write = flight.access.type == AccessType::kWrite;
  t.payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  t.payload.set_address(flight.access.address.value());
  t.payload.set_data_ptr(reinterpret_cast<unsigned char*>(scratch_));
  t.payload.set_data_length(flight.access.num_bytes);
  t.payload.set_streaming_width(flight.access.num_bytes);
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.extension.type = flight.access.type;
  t.extension.privilege = Privilege::kUser;
  t.extension.implicit = false;
  t.extension.timing_only = true;
  t.extension.times = {};
  cpu_port_.send(t.payload);
}

// ---- Answers ----

tlm::tlm_sync_enum Core::cpu_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                      sc_core::sc_time& /*delay*/) {
  return cpu_port_.backward(payload, phase);
}

void Core::complete(Transaction<AccessExtension>& t) {
  auto* flight = static_cast<Flight*>(t.route.pop().state);
  if (flight == nullptr) {  // software's
    software_answered();
    return;
  }
  --num_unanswered_;
  flight->is_done = true;
  flight->is_ok = t.payload.is_response_ok();
  flight->times = t.extension.times;
  if (!flight->is_ok) {
    flight->fault = t.extension.fault;
  }
  stats_.access_cycles += flight->times.tlb + flight->times.walk + flight->times.data;
  t.payload.release();
  retire_oldest();
}

void Core::retire_oldest() {
  while (!is_faulted_ && oldest_ != youngest_ && flight_at(oldest_).is_done) {
    const Flight& flight = flight_at(oldest_);
    account(flight);
    if (!flight.is_ok) {
      is_faulted_ = true;
      break;
    }
    stats_.instructions += flight.access.num_instructions;
    count(flight.access);
    ++oldest_;
  }
  if (is_faulted_) {
    if (num_unanswered_ == 0) {
      wake_.notify(sc_core::SC_ZERO_TIME);
    }
    return;
  }
  if (wants_empty_ && oldest_ == youngest_) {
    wake_.notify(sc_core::SC_ZERO_TIME);
  }
  schedule_issue();
}

// The time since the one before retired: its own instructions, then what it waited for last.
void Core::account(const Flight& flight) {
  const std::uint64_t now = queue_.now();
  std::uint64_t left = now - retire_cycle_;
  retire_cycle_ = now;
  stats_.base_cycles += flight.base_cycles;
  const auto take = [&left](std::uint64_t most) {
    const std::uint64_t taken = std::min(left, most);
    left -= taken;
    return taken;
  };
  times_.core += take(flight.base_cycles);
  times_.access.data += take(flight.times.data);
  times_.access.walk += take(flight.times.walk);
  times_.access.tlb += take(flight.times.tlb);
  times_.core += left;
}

void Core::deliver_fault() {
  // Younger ones are made again, after the faulting one. It has passed its instructions already.
  const Flight oldest = flight_at(oldest_);
  for (std::uint64_t number = youngest_; number != oldest_ + 1; --number) {
    const Flight& flight = flight_at(number - 1);
    replays_.push_front({flight.access, flight.base_cycles});
    ++stats_.squashed;
  }
  oldest_ = youngest_;
  is_faulted_ = false;
  forget_posted_issue();
  times_.core += queue_.now() - retire_cycle_;  // waiting for the younger ones
  retire_cycle_ = queue_.now();
  if (client_->serve_fault(oldest.access, oldest.fault)) {
    replays_.push_front({oldest.access, 0});
  } else {
    ++stats_.abandoned;
    stats_.instructions += oldest.access.num_instructions;
    count(oldest.access);
  }
  pass_time();
  retire_cycle_ = queue_.now();
}

// ---- Software ----

void Core::software_begins() const {
  fatal_unless(oldest_ == youngest_, "software runs while no access of the stream is under way");
}

void Core::pass_time() {
  if (owed_cycles_ != 0) {
    const std::uint64_t cycles = std::exchange(owed_cycles_, 0);
    sc_core::wait(clock_.cycles(cycles));
  }
}

void Core::software_answered() {
  is_software_answered_ = true;
  software_answered_.notify(sc_core::SC_ZERO_TIME);
}

void Core::wait_for_answer() {
  while (!is_software_answered_) {
    sc_core::wait(software_answered_);
  }
}

void Core::transport_and_wait() {
  software_begins();
  pass_time();
  const std::uint64_t before = now_cycles();
  Transaction<AccessExtension>& t = pool_.take();
  t.route.push({0, nullptr});
  t.payload.set_command(payload_.get_command());
  t.payload.set_address(payload_.get_address());
  t.payload.set_data_ptr(payload_.get_data_ptr());
  t.payload.set_data_length(payload_.get_data_length());
  t.payload.set_streaming_width(payload_.get_streaming_width());
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.extension.copy_from(extension_);
  t.extension.times = {};
  is_software_answered_ = false;
  cpu_port_.send(t.payload);
  wait_for_answer();
  payload_.set_response_status(t.payload.get_response_status());
  extension_.copy_from(t.extension);
  t.payload.release();
  stats_.access_cycles += now_cycles() - before;
}

tlm::tlm_sync_enum Core::physical_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& /*delay*/) {
  return physical_port_.backward(payload, phase);
}

void Core::transport_physical_and_wait() {
  software_begins();
  pass_time();
  const std::uint64_t before = now_cycles();
  Transaction<TableExtension>& t = physical_pool_.take();
  t.payload.set_command(physical_payload_.get_command());
  t.payload.set_address(physical_payload_.get_address());
  t.payload.set_data_ptr(physical_payload_.get_data_ptr());
  t.payload.set_data_length(physical_payload_.get_data_length());
  t.payload.set_streaming_width(physical_payload_.get_streaming_width());
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.extension.copy_from(physical_extension_);
  is_software_answered_ = false;
  physical_port_.send(t.payload);
  wait_for_answer();
  physical_payload_.set_response_status(t.payload.get_response_status());
  physical_extension_.copy_from(t.extension);
  t.payload.release();
  const std::uint64_t cycles = now_cycles() - before;
  stats_.access_cycles += cycles;
  stats_.physical_cycles += cycles;
}

}  // namespace nestwalk
