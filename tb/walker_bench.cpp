#include "tb/walker_bench.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"

namespace nestwalk {

WalkerBench::WalkerBench(std::unique_ptr<PinWalker> walker, const BenchParams& params)
    : params_(params),
      random_(params.seed),
      walker_(std::move(walker)),
      scoreboard_(walker_->structures()),
      slots_(walker_->slots()) {}

void WalkerBench::set_params(const BenchParams& params) {
  params_ = params;
  random_ = SplitMix(params.seed);
}

void WalkerBench::reset() {
  walker_->reset();
  forget_all();
}

void WalkerBench::power_up(std::uint64_t seed) {
  walker_->power_up(seed);
  walker_->forget_failures();
  forget_all();
}

void WalkerBench::forget_all() {
  scoreboard_ = Scoreboard(walker_->structures());
  waiting_.clear();
  invalidations_.clear();
  reads_.clear();
  updates_.clear();
  is_offered_ = false;
  awaits_acknowledge_ = false;
  num_busy_ = 0;
  has_barked_ = false;
  last_record_cycle_ = cycle_;
}

bool WalkerBench::is_idle() const {
  return waiting_.empty() && invalidations_.empty() && num_busy_ == 0 && !awaits_acknowledge_ &&
         reads_.empty() && updates_.empty();
}

// An answer that is due, the earliest asked first.
const WalkerBench::Pending* WalkerBench::take_due(std::vector<Pending>& pending,
                                                  Pending& taken) const {
  const auto is_due = [&](const Pending& p) { return p.due_cycle <= cycle_; };
  auto due = std::find_if(pending.begin(), pending.end(), is_due);
  if (due == pending.end() || (params_.is_in_order && due != pending.begin())) {
    return nullptr;
  }
  taken = *due;
  pending.erase(due);
  return &taken;
}

void WalkerBench::drive() {
  if (!is_offered_ && !waiting_.empty() && chance(params_.offer_percent)) {
    is_offered_ = true;
    walker_->offer(&waiting_.front());
  }
  if (!invalidations_.empty() && !awaits_acknowledge_) {
    walker_->offer(&invalidations_.front());
  }
  PinWalker::Ready ready;
  ready.read = chance(params_.ready_percent);
  ready.update = chance(params_.ready_percent);
  ready.response = chance(params_.ready_percent);
  ready.acknowledge = chance(params_.ready_percent);
  walker_->set_ready(ready);
  walker_->answer_nothing();
  data_ = take_due(reads_, data_store_);
  if (data_ != nullptr) {
    walker_->answer_read(data_->slot, data_->answer);
  }
  done_ = take_due(updates_, done_store_);
  if (done_ != nullptr) {
    walker_->answer_update(done_->slot, done_->answer.kind);
  }
}

void WalkerBench::step() {
  drive();
  const PinWalker::Cycle& cycle = walker_->settle();
  scoreboard_.begin_cycle(cycle_);
  record(cycle);
  walker_->tick();
  take_requests(cycle);
  ++cycle_;
  if (cycle_ - last_record_cycle_ > params_.max_idle_cycles && !is_idle()) {
    has_barked_ = true;
  }
}

// What the walker asks of the memory is decided when it is taken and answered later.
void WalkerBench::take_requests(const PinWalker::Cycle& cycle) {
  if (cycle.has_read) {
    Pending pending{cycle_ + draw_latency(), cycle.read.slot, cycle.read, {}};
    const std::optional<std::uint64_t> value = memory_->read(cycle.read);
    pending.answer.kind = value ? AnswerKind::kValue : AnswerKind::kError;
    pending.answer.value = value.value_or(0);
    scoreboard_.read_answered(cycle.read.slot, pending.answer);
    Report& report = slots_.at(cycle.read.slot).report;
    ++report.num_reads;
    report.latency_cycles += pending.due_cycle - cycle_;
    reads_.push_back(pending);
  }
  if (cycle.has_update) {
    Pending pending{cycle_ + draw_latency(), cycle.update.slot, cycle.update, {}};
    pending.answer.kind = memory_->update(cycle.update);
    Report& report = slots_.at(cycle.update.slot).report;
    ++report.num_updates;
    report.latency_cycles += pending.due_cycle - cycle_;
    updates_.push_back(pending);
  }
  if (cycle.has_accept) {
    Report& report = slots_.at(cycle.accept_slot).report;
    report = {};
    report.request = waiting_.front();
    report.accept_cycle = cycle_;
    waiting_.pop_front();
    walker_->offer(static_cast<const WalkerRequest*>(nullptr));
    is_offered_ = false;
    ++num_busy_;
  }
  if (cycle.has_response) {
    Report& report = slots_.at(cycle.response_slot).report;
    report.response = cycle.response;
    report.response_cycle = cycle_;
    reports_.push_back(report);
    --num_busy_;
  }
  if (cycle.has_invalidation) {
    invalidations_.pop_front();
    walker_->offer(static_cast<const Invalidation*>(nullptr));
    awaits_acknowledge_ = true;
  }
  if (cycle.has_acknowledge) {
    awaits_acknowledge_ = false;
    ++num_acknowledged_;
  }
}

void WalkerBench::publish(Record& record, EventKind kind, unsigned slot) {
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
  scoreboard_.observe(record);
  if (!record.is_by_fault) {  // part of the fault's own event
    events_.emit([&] { return complete(record); });
  }
  last_record_cycle_ = cycle_;
}

// The event with what the record keeps beside it.
Event WalkerBench::complete(const Record& record) {
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

void WalkerBench::describe(Record& record, const PinWalker::TableRequest& request) {
  record.event.stage = request.stage;
  record.event.position = request.position;
  record.event.bytes = request.bytes;
  record.event.address = request.hpa.value();
  record.event.value = request.desired;
  record.expected = request.expected;
}

// In the order of the record: invalidations, then slot by slot.
void WalkerBench::record(const PinWalker::Cycle& cycle) {
  if (cycle.has_acknowledge) {
    scoreboard_.acknowledged();
  }
  if (cycle.has_invalidation) {
    Record record;
    record.invalidation = invalidations_.front();
    record.event.address = record.invalidation.address.value();
    publish(record, EventKind::kInvalidate, 0);
  }
  if (cycle.has_cache) {
    record_cache(cycle.cache);
  }
  const bool is_quiet = !cycle.has_accept && !cycle.has_read && !cycle.has_update &&
                        !cycle.has_response && data_ == nullptr && done_ == nullptr &&
                        cycle.killed == 0 && cycle.restarted == 0;
  if (!is_quiet) {
    record_slots(cycle);
  }
}

void WalkerBench::record_cache(const PinWalker::CacheOperation& operation) {
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

void WalkerBench::record_slots(const PinWalker::Cycle& cycle) {
  for (unsigned slot = 0; slot < slots_.size(); ++slot) {
    if (cycle.has_accept && cycle.accept_slot == slot) {
      Record record;
      record.request = waiting_.front();
      record.event.address = record.request.access.address.value();
      publish(record, EventKind::kAccept, slot);
    }
    if (cycle.has_read && cycle.read.slot == slot) {
      Record record;
      describe(record, cycle.read);
      publish(record, EventKind::kRead, slot);
    }
    if (data_ != nullptr && data_->slot == slot) {
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
    if (done_ != nullptr && done_->slot == slot) {
      scoreboard_.update_done(slot, done_->answer.kind);
    }
    if (((cycle.restarted >> slot) & 1U) != 0) {
      Record record;
      describe(record, done_ != nullptr ? done_->request : PinWalker::TableRequest{});
      publish(record, EventKind::kRestart, slot);
    }
    if (((cycle.killed >> slot) & 1U) != 0) {
      Record record;
      record.event.address = slots_[slot].report.request.access.address.value();
      publish(record, EventKind::kKill, slot);
    }
    if (cycle.has_response && cycle.response_slot == slot) {
      Record record;
      const WalkerResponse& response = cycle.response;
      record.response = response;
      record.event.address = slots_[slot].report.request.access.address.value();
      record.event.value =
          response.is_translation ? response.translation.hpa.value() : response.fault.code;
      record.event.position = response.fault.position;
      publish(record, EventKind::kRespond, slot);
    }
  }
}

void WalkerBench::run() {
  while (!is_idle() && !has_barked_) {
    step();
  }
}

std::vector<std::string> WalkerBench::problems() const {
  std::vector<std::string> all = scoreboard_.problems();
  for (const std::string& failure : walker_->failures()) {
    all.push_back("protocol assertion " + failure);
  }
  if (has_barked_) {
    all.push_back("nothing happened for " + std::to_string(params_.max_idle_cycles) +
                  " cycles although walks are under way");
  }
  return all;
}

}  // namespace nestwalk
