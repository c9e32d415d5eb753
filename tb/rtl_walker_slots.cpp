// Non-blocking walks of the RTL walker: what reaches it in a cycle is gathered, and at the end of
// the cycle the RTL is evaluated.
#include <algorithm>
#include <utility>

#include "model/tlm/walk_kill.h"
#include "tb/rtl_walker.h"

namespace nestwalk {

tlm::tlm_sync_enum RtlWalker::nb_transport_fw(tlm::tlm_generic_payload& payload,
                                              tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase == tlm::END_RESP) {
    target_port_.end_response(0);
    return tlm::TLM_COMPLETED;
  }
  const auto* request = payload.get_extension<WalkExtension>();
  if (request == nullptr || !is_walk_of_rtl(*request) || is_blocking_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return tlm::TLM_COMPLETED;
  }
  if (!target_port_.accept({0, &payload})) {
    return tlm::TLM_ACCEPTED;
  }
  queue_.post(clock_.to_cycles_up(delay), EventRank::kRequest, *this, kArrived, &payload);
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

tlm::tlm_sync_enum RtlWalker::nb_transport_bw(tlm::tlm_generic_payload& payload,
                                              tlm::tlm_phase& phase, sc_core::sc_time& /*delay*/) {
  return memory_port_.backward(payload, phase);
}

void RtlWalker::on_event(unsigned kind, void* item) {
  if (kind == kClock) {
    clock_event_ = kNever;
    clock_cycle();
    return;
  }
  auto* payload = static_cast<tlm::tlm_generic_payload*>(item);
  const auto* extension = payload->get_extension<WalkExtension>();
  Waiting arrived;
  arrived.payload = payload;
  arrived.request.context = *extension->context;
  arrived.request.access = extension->access;
  arrived.since_cycle = queue_.now();
  waiting_.push_back(arrived);
  wake();
}

void RtlWalker::wake() {
  const std::uint64_t now = queue_.now();
  const std::uint64_t cycle = std::max(now, cycle_);
  if (clock_event_ == kNever || clock_event_ > cycle) {
    clock_event_ = cycle;
    queue_.post(cycle - now, EventRank::kEdge, *this, kClock);
  }
}

void RtlWalker::clock_cycle() {
  const std::uint64_t now = queue_.now();
  if (now < cycle_ || has_barked_) {  // of this cycle all is done
    return;
  }
  cycle_ = now;
  if (!waiting_.empty() && !offered_) {
    offered_ = waiting_.front();
    waiting_.pop_front();
    offered_->request.id = next_id_++;
    walker_.offer(&offered_->request);
  }
  if (!invalidations_.empty() && !awaits_acknowledge_) {
    walker_.offer(&invalidations_.front().invalidation);
  }
  PinWalker::Ready ready;
  ready.read = !memory_port_.is_waiting();
  ready.update = ready.read;
  walker_.set_ready(ready);
  const bool has_data = !reads_.empty();
  const bool has_done = !updates_.empty();
  if (has_data) {
    walker_.answer_read(&reads_.front());
  }
  if (has_done) {
    walker_.answer_update(&updates_.front());
  }
  const PinWalker::Cycle passed = step();
  if (has_data) {
    reads_.pop_front();
  }
  if (has_done) {
    updates_.pop_front();
  }
  num_asked_ -= (has_data ? 1U : 0U) + (has_done ? 1U : 0U);
  passes(passed);
  // While each walk waits for memory, and nothing else is under way, no cycle changes anything.
  const bool is_quiet = num_busy_ == num_asked_ && reads_.empty() && updates_.empty() &&
                        waiting_for_nobody() && !awaits_acknowledge_;
  if (is_quiet) {
    return;
  }
  const bool is_up_to_rtl = num_asked_ == 0 || num_busy_ != num_asked_;
  if (is_up_to_rtl && cycle_ - walker_.last_active_cycle() > watchdog_cycles_) {
    bark();
    return;
  }
  wake();
}

// Requests that wait do not matter while all slots are busy.
bool RtlWalker::waiting_for_nobody() const {
  return invalidations_.empty() && ((waiting_.empty() && !offered_) || num_busy_ == slots_.size());
}

void RtlWalker::passes(const PinWalker::Cycle& cycle) {
  if (cycle.has_invalidation) {
    walker_.offer(static_cast<const Invalidation*>(nullptr));
    structures_.invalidate(invalidations_.front().invalidation);
    awaited_ = invalidations_.front().fence;
    awaits_acknowledge_ = true;
    invalidations_.pop_front();
  }
  // A walk that was killed began anew; it is up to date unless another invalidation waits.
  for (unsigned i = 0; cycle.killed >> i != 0; ++i) {
    if (((cycle.killed >> i) & 1U) != 0) {
      slots_[i].is_stale = is_stale(slots_[i].walk.request.context);
    }
  }
  if (cycle.has_response) {
    finish(cycle.response_slot, cycle.response);
  }
  if (cycle.has_accept) {
    Slot& slot = slots_[cycle.accept_slot];
    slot.walk = *offered_;
    offered_.reset();
    walker_.offer(static_cast<const WalkerRequest*>(nullptr));
    slot.is_busy = true;
    slot.is_stale = is_stale(slot.walk.request.context);
    if (!slot.walk.was_walked) {
      slot.walk.start_cycle = queue_.now();
      stats_.queue_cycles += slot.walk.start_cycle - slot.walk.since_cycle;
    }
    ++num_busy_;
  }
  if (cycle.has_read) {
    send(cycle.read, false);
  }
  if (cycle.has_update) {
    send(cycle.update, true);
  }
  if (cycle.has_acknowledge) {
    awaits_acknowledge_ = false;
    if (awaited_ != nullptr) {
      std::exchange(awaited_, nullptr)->release();
    }
  }
}

// Whether an invalidation that the RTL has not taken yet concerns walks in this context.
bool RtlWalker::is_stale(const WalkContext& context) const {
  return std::any_of(
      invalidations_.begin(), invalidations_.end(),
      [&context](const WaitingInvalidation& i) { return concerns(i.invalidation, context); });
}

void RtlWalker::send(const PinWalker::TableRequest& request, bool is_update) {
  ++num_asked_;
  (is_update ? asked_updates_ : asked_reads_)[request.slot] = request;
  Transaction<TableExtension>& t = pool_.take();
  TableExtension& table = t.extension;
  table.stage = request.stage;
  table.position = request.position;
  table.is_update = is_update;
  table.expected = request.expected;
  table.is_stored = false;
  table.slot = request.slot;
  t.word = is_update ? request.desired : 0;
  t.payload.set_command(is_update ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  t.payload.set_address(request.hpa.value());
  t.payload.set_data_ptr(reinterpret_cast<unsigned char*>(&t.word));
  t.payload.set_data_length(request.bytes);
  t.payload.set_streaming_width(request.bytes);
  t.payload.set_byte_enable_ptr(nullptr);
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  memory_port_.send(t.payload);
}

void RtlWalker::answered(tlm::tlm_generic_payload& payload) {
  Transaction<TableExtension>& t = TransactionPool<TableExtension>::of_payload(payload);
  const bool is_update = t.extension.is_update;
  TableAnswer answer;
  answer.request = (is_update ? asked_updates_ : asked_reads_)[t.extension.slot];
  if (!t.payload.is_response_ok()) {
    answer.answer.kind = AnswerKind::kError;
  } else if (!is_update) {
    answer.answer.kind = AnswerKind::kValue;
    answer.answer.value = t.word;
  } else {
    answer.answer.kind = t.extension.is_stored ? AnswerKind::kStored : AnswerKind::kLost;
  }
  t.payload.release();
  count_answer(answer, is_update);
  (is_update ? updates_ : reads_).push_back(answer);
  wake();
}

void RtlWalker::finish(unsigned index, const WalkerResponse& response) {
  Slot& slot = slots_[index];
  slot.is_busy = false;
  --num_busy_;
  if (slot.is_stale) {
    // It ended before the RTL could kill it: what it says is old. Once more, before all others but
    // the one that is offered already.
    ++stats_.kills;
    slot.walk.was_walked = true;
    waiting_.push_front(slot.walk);
    return;
  }
  auto& request = *slot.walk.payload->get_extension<WalkExtension>();
  request.is_translation = response.is_translation;
  request.translation = response.translation;
  request.fault = response.fault;
  count_walk({slot.walk.num_references, slot.walk.num_restarts,
              queue_.now() - slot.walk.start_cycle, index},
             request.is_translation);
  slot.walk.payload->set_response_status(request.is_translation ? tlm::TLM_OK_RESPONSE
                                                                : tlm::TLM_ADDRESS_ERROR_RESPONSE);
  target_port_.leave([this](const auto& arrival) {
    queue_.post(0, EventRank::kRequest, *this, kArrived, arrival.payload);
  });
  target_port_.respond(0, *slot.walk.payload);
}

}  // namespace nestwalk
