// Non-blocking walks: N slots with a walk engine each, their lookups and memory transactions.
#include <algorithm>

#include "model/tlm/walker.h"

namespace nestwalk {

bool Walker::is_idle() const {
  return waiting_.empty() && killed_updates_.empty() &&
         std::none_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.is_busy; });
}

tlm::tlm_sync_enum Walker::nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& delay) {
  if (phase == tlm::END_RESP) {
    target_port_.end_response(0);
    return tlm::TLM_COMPLETED;
  }
  const auto* request = payload.get_extension<WalkExtension>();
  if (request == nullptr || request->context == nullptr) {
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

tlm::tlm_sync_enum Walker::nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& /*delay*/) {
  return memory_port_.backward(payload, phase);
}

void Walker::on_event(unsigned kind, void* item) {
  switch (kind & kKindMask) {
    case kArrived:
      waiting_.push_back({static_cast<tlm::tlm_generic_payload*>(item), queue_.now()});
      fill_slots();
      return;
    case kArbitrate:
      arbitrate();
      return;
    case kFillSlots:
      fill_slots();
      return;
    case kPassReads:
      pass_waiting(kReads);
      return;
    case kPassUpdates:
      pass_waiting(kUpdates);
      return;
    case kPassAnswers:
      pass_waiting(kAnswers);
      return;
    default: {
      Slot& slot = *static_cast<Slot*>(item);
      if (kind >> kGenerationShift == (slot.generation & kGenerationMask)) {
        slot_event(slot);
      }
    }
  }
}

// The walk that has waited longest gets the lowest free slot.
void Walker::fill_slots() {
  for (Slot& slot : slots_) {
    if (waiting_.empty()) {
      return;
    }
    if (!slot.is_busy) {
      if (params_.table_ports != 0 && !beginnings_.try_begin(queue_.now())) {
        queue_.post(1, EventRank::kRequest, *this, kFillSlots);
        return;
      }
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      start(slot, next);
    }
  }
}

void Walker::start(Slot& slot, const Waiting& waiting) {
  slot.is_busy = true;
  slot.is_dropped = false;
  slot.payload = waiting.payload;
  slot.request = waiting.payload->get_extension<WalkExtension>();
  slot.num_references = 0;
  slot.start_cycle = queue_.now();
  stats_.queue_cycles += slot.start_cycle - waiting.since_cycle;
  structures_.prepare(slot.engine, *slot.request->context);
  record_accept(*slot.request->context, slot.request->access, slot.index);
  begin_engine(slot);
  proceed(slot, params_.begin_cycles, Slot::Phase::kAdvance);
}

void Walker::begin_engine(Slot& slot) {
  slot.engine.start(slot.request->access);
  slot.answer = {};
}

void Walker::advance(Slot& slot) {
  if (slot.is_dropped) {
    give_up(slot);
    return;
  }
  for (;;) {
    slot.step = &slot.engine.next(slot.answer);
    slot.answer.kind = AnswerKind::kNone;
    switch (slot.step->kind) {
      case StepKind::kLookup:
        ask_port(slot, Slot::Want::kPrefix);
        return;
      case StepKind::kRead:
        proceed(slot, params_.step_cycles, Slot::Phase::kBeginRead);
        return;
      case StepKind::kUpdate:
        if (slot.request->is_prefetch) {
          give_up(slot);
        } else {
          proceed(slot, params_.update_cycles, Slot::Phase::kSendUpdate);
        }
        return;
      case StepKind::kFill:
        if (params_.change_cycles != 0 && structures_.takes(*slot.step)) {
          ask_port(slot, Slot::Want::kChange);
          return;
        }
        change(slot);
        break;
      case StepKind::kDone:
      case StepKind::kFault:
        finish(slot);
        return;
    }
  }
}

void Walker::proceed(Slot& slot, std::uint64_t delay_cycles, Slot::Phase phase) {
  slot.phase = phase;
  if (delay_cycles == 0) {
    slot_event(slot);
    return;
  }
  queue_.post(delay_cycles, EventRank::kRequest, *this,
              kSlotEvent | slot.generation << kGenerationShift, &slot);
}

void Walker::slot_event(Slot& slot) {
  switch (slot.phase) {
    case Slot::Phase::kAdvance:
      advance(slot);
      return;
    case Slot::Phase::kBeginRead:
      if (structures_.has_words(slot.step->stage)) {
        ask_port(slot, Slot::Want::kWord);
        return;
      }
      pass(slot, kReads);
      return;
    case Slot::Phase::kSendRead:
      pass(slot, kReads);
      return;
    case Slot::Phase::kSendUpdate:
      pass(slot, kUpdates);
      return;
    case Slot::Phase::kFinish:
      answer(slot);
      return;
    case Slot::Phase::kAnswer:
      pass(slot, kAnswers);
      return;
  }
}

void Walker::send(Slot& slot, bool is_update) {
  const Step& step = *slot.step;
  slot.word_epoch = structures_.word_epoch(step.stage);
  Transaction<TableExtension>& t = pool_.take();
  TableExtension& table = t.extension;
  table.stage = step.stage;
  table.is_shadow = step.is_shadow;
  table.position = step.position;
  table.is_update = is_update;
  table.expected = step.expected;
  table.is_stored = false;
  table.slot = slot.index;
  table.generation = slot.generation;
  t.word = is_update ? step.desired : 0;
  t.payload.set_command(is_update ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  t.payload.set_address(step.hpa.value());
  t.payload.set_data_ptr(reinterpret_cast<unsigned char*>(&t.word));
  t.payload.set_data_length(step.bytes);
  t.payload.set_streaming_width(step.bytes);
  t.payload.set_byte_enable_ptr(nullptr);
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (is_update) {
    slot.update = &t;
    record(EventKind::kUpdate, step, step.hpa.value(), step.desired, slot.index);
  } else {
    slot.is_reading = true;
    ++slot.num_references;
    count_reference(step, slot.index);
  }
  memory_port_.send(t.payload);
}

void Walker::answered(Transaction<TableExtension>& t) {
  Slot& slot = slots_[t.extension.slot];
  const bool is_update = t.extension.is_update;
  if (t.extension.generation != slot.generation) {
    // A killed walk's. What was read is old; an update that took place is counted.
    if (is_update) {
      stats_.updates += t.payload.is_response_ok() && t.extension.is_stored ? 1 : 0;
      forget_killed_update(t);
    }
    t.payload.release();
    if (slot.awaits_late) {
      slot.awaits_late = false;
      begin_after_kill(slot);
    }
    return;
  }
  const Step& step = *slot.step;
  // An invalidation for another context leaves the walk alone, but the walk no word behind.
  const bool may_keep_word = slot.word_epoch == structures_.word_epoch(step.stage);
  if (!t.payload.is_response_ok()) {
    slot.answer.kind = AnswerKind::kError;
  } else if (!is_update) {
    record(EventKind::kReadData, step, step.hpa.value(), t.word, slot.index);
    if (may_keep_word) {
      structures_.keep_word(slot.engine, step, t.word);
    }
    slot.answer.kind = AnswerKind::kValue;
    slot.answer.value = t.word;
  } else {
    structures_.updated_word(step, t.extension.is_stored && may_keep_word);
    stats_.updates += t.extension.is_stored ? 1 : 0;
    slot.answer.kind = t.extension.is_stored ? AnswerKind::kStored : AnswerKind::kLost;
    if (!t.extension.is_stored) {
      record(EventKind::kRestart, step, step.hpa.value(), 0, slot.index);
    }
  }
  slot.update = nullptr;
  slot.is_reading = false;
  t.payload.release();
  proceed(slot, slot.answer.kind == AnswerKind::kLost ? params_.begin_cycles : 0,
          Slot::Phase::kAdvance);
}

void Walker::give_up(Slot& slot) {
  slot.request->fault = {};
  slot.request->fault.kind = FaultKind::kMemoryError;
  slot.request->fault.address = slot.request->access.address;
  slot.request->is_translation = false;
  end_slot(slot);
}

void Walker::finish(Slot& slot) {
  WalkExtension& request = *slot.request;
  request.is_translation = slot.step->kind == StepKind::kDone;
  if (request.is_translation) {
    request.translation = slot.step->translation;
  } else {
    request.fault = slot.step->fault;
    if (params_.change_cycles != 0 && changes_by_fault(request)) {
      ask_port(slot, Slot::Want::kChange);
      return;
    }
  }
  answer(slot);
}

void Walker::answer(Slot& slot) {
  proceed(slot, params_.answer_cycles, Slot::Phase::kAnswer);
}

void Walker::end_slot(Slot& slot) {
  WalkExtension& request = *slot.request;
  end_walk({slot.num_references, slot.engine.num_restarts(), queue_.now() - slot.start_cycle,
            slot.index},
           slot.engine.context(), request);
  tlm::tlm_generic_payload& payload = *slot.payload;
  payload.set_response_status(request.is_translation ? tlm::TLM_OK_RESPONSE
                                                     : tlm::TLM_ADDRESS_ERROR_RESPONSE);
  slot.is_busy = false;
  ++slot.generation;
  target_port_.leave([this](const auto& arrival) {
    queue_.post(0, EventRank::kRequest, *this, kArrived, arrival.payload);
  });
  if (params_.table_ports == 0) {
    fill_slots();
  } else {  // the slot is free when its answer has passed
    queue_.post(1, EventRank::kRequest, *this, kFillSlots);
  }
  target_port_.respond(0, payload);
}

void Walker::kill(Slot& slot) {
  ++stats_.kills;
  ++slot.generation;
  record(EventKind::kKill, Step{}, slot.request->access.address.value(), 0, slot.index);
  forget_wishes(slot);
  // What memory is asked is asked once: with it outstanding, a second kill finds it still awaited.
  slot.awaits_late |=
      params_.kill == WalkKill::kAfterAnswer && (slot.is_reading || slot.update != nullptr);
  slot.is_reading = false;
  if (slot.update != nullptr) {
    killed_updates_.push_back({slot.update, {}});
    slot.update = nullptr;
  }
  stats_.restarts += slot.engine.num_restarts();
  begin_engine(slot);
  slot.is_dropped = slot.request->is_prefetch;
  if (!slot.awaits_late) {
    begin_after_kill(slot);
  }
}

// Not at once: the caller is still dropping what is old.
void Walker::begin_after_kill(Slot& slot) {
  slot.phase = Slot::Phase::kAdvance;
  queue_.post(params_.begin_cycles, EventRank::kRequest, *this,
              kSlotEvent | slot.generation << kGenerationShift, &slot);
}

void Walker::forget_killed_update(const Transaction<TableExtension>& transaction) {
  const auto found =
      std::find_if(killed_updates_.begin(), killed_updates_.end(),
                   [&](const KilledUpdate& u) { return u.transaction == &transaction; });
  fatal_unless(found != killed_updates_.end(),
               "an update outlives its walk only if that is killed");
  const std::vector<Fence*> fences = std::move(found->fences);
  killed_updates_.erase(found);
  for (Fence* fence : fences) {
    fence->release();
  }
}

}  // namespace nestwalk
