#include "tb/checked_walker.h"

#include <utility>

namespace nestwalk {

CheckedWalker::CheckedWalker(std::unique_ptr<PinWalker> pins, bool has_scoreboard)
    : pins_(std::move(pins)), addresses_(pins_->slots()) {
  if (has_scoreboard) {
    scoreboard_.emplace(pins_->structures());
  }
}

void CheckedWalker::offer(const WalkerRequest* request) {
  request_ = request;
  pins_->offer(request);
}

void CheckedWalker::offer(const Invalidation* invalidation) {
  invalidation_ = invalidation;
  pins_->offer(invalidation);
}

void CheckedWalker::reset() {
  pins_->reset();
  forget_all();
}

void CheckedWalker::power_up(std::uint64_t seed) {
  pins_->power_up(seed);
  pins_->forget_failures();
  forget_all();
}

void CheckedWalker::forget_all() {
  request_ = nullptr;
  invalidation_ = nullptr;
  if (scoreboard_) {
    scoreboard_.emplace(pins_->structures());
  }
}

const PinWalker::Cycle& CheckedWalker::step(std::uint64_t cycle) {
  cycle_ = cycle;
  pins_->answer_nothing();
  if (data_ != nullptr) {
    pins_->answer_read(data_->request.slot, data_->answer);
  }
  if (done_ != nullptr) {
    pins_->answer_update(done_->request.slot, done_->answer.kind);
  }
  const PinWalker::Cycle& passed = pins_->settle();
  if (scoreboard_) {
    scoreboard_->begin_cycle(cycle);
  }
  if (is_active(passed)) {
    last_active_cycle_ = cycle;
    if (scoreboard_ || change_ || events_.is_on()) {
      record(passed);
    }
    if (passed.has_accept) {
      addresses_[passed.accept_slot] = request_->access.address;
    }
  }
  pins_->tick();
  data_ = nullptr;
  done_ = nullptr;
  return passed;
}

bool CheckedWalker::is_active(const PinWalker::Cycle& cycle) const {
  return cycle.has_accept || cycle.has_read || cycle.has_update || cycle.has_response ||
         cycle.has_invalidation || cycle.has_acknowledge || cycle.has_cache || data_ != nullptr ||
         done_ != nullptr || cycle.killed != 0 || cycle.restarted != 0;
}

// In the order of the record: invalidations, caches, then slot by slot.
void CheckedWalker::record(const PinWalker::Cycle& cycle) {
  if (cycle.has_acknowledge && scoreboard_) {
    scoreboard_->acknowledged();
  }
  if (cycle.has_invalidation) {
    Record record;
    record.invalidation = *invalidation_;
    record.event.address = record.invalidation.address.value();
    publish(record, EventKind::kInvalidate, 0);
  }
  if (cycle.has_cache) {
    record_cache(cycle.cache);
  }
  for (unsigned slot = 0; slot < addresses_.size(); ++slot) {
    record_slot(cycle, slot);
  }
}

void CheckedWalker::record_cache(const PinWalker::CacheOperation& operation) {
  using Kind = PinWalker::CacheOperation::Kind;
  Record record;
  record.event.stage = operation.stage;
  record.event.position = operation.position;
  record.event.address =
      operation.stage == Stage::kHost ? operation.gpa.value() : operation.address.value();
  switch (operation.kind) {
    case Kind::kLookup:
      record.is_hit = operation.is_hit;
      record.resume = operation.resume;
      return publish(record, EventKind::kLookup, operation.slot);
    case Kind::kFill:
      record.resume = operation.resume;
      record.event.value = record.resume.base;
      return publish(record, EventKind::kFill, operation.slot);
    case Kind::kDrop:
      record.is_by_fault = true;
      record.event.address = operation.address.value();
      record.invalidation.op = operation.drop;
      record.invalidation.address = operation.address;
      record.invalidation.gpa = operation.gpa;
      return publish(record, EventKind::kInvalidate, operation.slot);
  }
}

void CheckedWalker::record_slot(const PinWalker::Cycle& cycle, unsigned slot) {
  if (cycle.has_accept && cycle.accept_slot == slot) {
    Record record;
    record.request = *request_;
    record.event.address = record.request.access.address.value();
    publish(record, EventKind::kAccept, slot);
  }
  if (cycle.has_read && cycle.read.slot == slot) {
    Record record;
    describe(record, cycle.read);
    publish(record, EventKind::kRead, slot);
  }
  if (data_ != nullptr && data_->request.slot == slot) {
    if (scoreboard_) {
      scoreboard_->read_answered(slot, data_->answer);
    }
    Record record;
    describe(record, data_->request);
    record.event.value = data_->answer.value;
    publish(record, EventKind::kReadData, slot);
  }
  if (cycle.has_update && cycle.update.slot == slot) {
    Record record;
    describe(record, cycle.update);
    publish(record, EventKind::kUpdate, slot);
  }
  if (done_ != nullptr && done_->request.slot == slot && scoreboard_) {
    scoreboard_->update_done(slot, done_->answer.kind);
  }
  if (((cycle.restarted >> slot) & 1U) != 0) {
    Record record;
    describe(record, done_ != nullptr ? done_->request : PinWalker::TableRequest{});
    publish(record, EventKind::kRestart, slot);
  }
  if (((cycle.killed >> slot) & 1U) != 0) {
    Record record;
    record.event.address = addresses_[slot].value();
    publish(record, EventKind::kKill, slot);
  }
  if (cycle.has_response && cycle.response_slot == slot) {
    Record record;
    const WalkerResponse& response = cycle.response;
    record.response = response;
    record.event.address = addresses_[slot].value();
    record.event.value =
        response.is_translation ? response.translation.hpa.value() : response.fault.code;
    record.event.position = response.fault.position;
    publish(record, EventKind::kRespond, slot);
  }
}

void CheckedWalker::publish(Record& record, EventKind kind, unsigned slot) {
  record.event.cycle = cycle_;
  record.event.kind = kind;
  record.event.slot = static_cast<std::uint8_t>(slot);
  record.event.order = static_cast<std::uint8_t>(kFirstSlotOrder + slot);
  if (kind == EventKind::kInvalidate) {
    record.event.order = kInvalidateOrder;
  } else if (kind == EventKind::kFill) {
    record.event.order = kFillOrder;
  } else if (kind == EventKind::kLookup) {
    record.event.order = kLookupOrder;
  }
  if (change_) {
    change_(record);
  }
  if (scoreboard_) {
    scoreboard_->observe(record);
  }
  if (!record.is_by_fault) {  // part of the fault's own event
    events_.emit([&] { return complete(record); });
  }
}

// The event with what the record keeps beside it.
Event CheckedWalker::complete(const Record& record) {
  Event event = record.event;
  switch (event.kind) {
    case EventKind::kInvalidate:
      event.value = static_cast<std::uint64_t>(record.invalidation.op);
      break;
    case EventKind::kLookup:
      event.found = record.is_hit ? outcome_of_hit(record.resume) : LookupOutcome::kMiss;
      break;
    case EventKind::kAccept:
      event.access = record.request.access.type;
      event.has_guest = record.request.context.has_guest && !record.request.is_pdpte_load;
      event.has_host = record.request.context.has_host;
      break;
    case EventKind::kRespond:
      event.is_translation = record.response.is_translation;
      event.fault = record.response.fault.kind;
      break;
    default:
      break;
  }
  return event;
}

void CheckedWalker::describe(Record& record, const PinWalker::TableRequest& request) {
  record.event.stage = request.stage;
  record.event.position = request.position;
  record.event.bytes = request.bytes;
  record.event.address = request.hpa.value();
  record.event.value = request.desired;
  record.expected = request.expected;
}

std::vector<std::string> CheckedWalker::problems() const {
  std::vector<std::string> all;
  if (scoreboard_) {
    all = scoreboard_->problems();
  }
  for (const std::string& failure : pins_->failures()) {
    all.push_back("protocol assertion " + failure);
  }
  return all;
}

}  // namespace nestwalk
