#include "tb/rtl_walker.h"

#include <algorithm>
#include <utility>

#include "model/tlm/fault_drop.h"
#include "model/tlm/walk_kill.h"

namespace nestwalk {

RtlWalker::RtlWalker(const WalkerPlace& place, std::unique_ptr<PinWalker> pins)
    : PageWalker(place.name.c_str(), place.clock),
      queue_(place.queue),
      walker_(std::move(pins), place.machine.walker.rtl.scoreboard),
      structures_(place.machine.walker),
      watchdog_cycles_(place.machine.walker.rtl.watchdog_cycles),
      is_blocking_(place.machine.timing == Timing::kLt),
      slots_(walker_.pins().slots()),
      target_port_(walker_.pins().slots() + place.machine.walker.queue_entries, SendBack{this}),
      memory_port_(memory_socket, [this](tlm::tlm_generic_payload& payload) { answered(payload); }),
      asked_reads_(slots_.size()),
      asked_updates_(slots_.size()) {}

std::vector<std::string> RtlWalker::problems() const {
  std::vector<std::string> all = walker_.problems();
  if (has_barked_) {
    all.push_back("watchdog: walks are under way, and nothing has happened for " +
                  std::to_string(watchdog_cycles_) +
                  " cycles (machine.walker.rtl.watchdog_cycles)");
  }
  return all;
}

bool RtlWalker::is_idle() const {
  return num_busy_ == 0 && waiting_.empty() && !offered_ && invalidations_.empty() &&
         !awaits_acknowledge_;
}

void RtlWalker::flush() {
  Invalidation all;
  all.op = InvalidateOp::kTlbControlAll;
  all.rules = TagRules::kAmd;
  invalidate(all, nullptr);
}

std::uint64_t RtlWalker::invalidate(const Invalidation& invalidation, Fence* fence) {
  if (is_blocking_) {
    const std::uint64_t dropped = structures_.invalidate(invalidation);
    invalidate_blocking(invalidation);
    return dropped;
  }
  for (Slot& slot : slots_) {
    slot.is_stale |= slot.is_busy && concerns(invalidation, slot.walk.request.context);
  }
  if (fence != nullptr) {
    fence->hold();
  }
  invalidations_.push_back({invalidation, fence});
  wake();
  return 0;
}

Step RtlWalker::step_of(const PinWalker::TableRequest& request) {
  Step step;
  step.stage = request.stage;
  step.position = request.position;
  step.bytes = request.bytes;
  step.hpa = request.hpa;
  step.expected = request.expected;
  step.desired = request.desired;
  return step;
}

const PinWalker::Cycle& RtlWalker::step() {
  const PinWalker::Cycle& cycle = walker_.step(cycle_);
  ++cycle_;
  ++num_evaluated_;
  count(cycle);
  return cycle;
}

// What the record of a cycle says, into the statistics.
void RtlWalker::count(const PinWalker::Cycle& cycle) {
  if (cycle.has_cache) {
    mirror(cycle.cache);
  }
  if (cycle.has_read) {
    ++slots_[cycle.read.slot].walk.num_references;
    ++count_at(stats_.positions, cycle.read.position);
  }
  for (unsigned i = 0; (cycle.killed | cycle.restarted) >> i != 0; ++i) {
    stats_.kills += (cycle.killed >> i) & 1U;
    slots_[i].walk.num_restarts += (cycle.restarted >> i) & 1U;
  }
}

void RtlWalker::mirror(const PinWalker::CacheOperation& operation) {
  using Kind = PinWalker::CacheOperation::Kind;
  const WalkContext& context = slots_[operation.slot].walk.request.context;
  if (operation.kind == Kind::kDrop) {
    Fault fault;
    fault.address = operation.address;
    fault.gpa = operation.gpa;
    Invalidation drop = invalidation_by_fault(fault, context.tags);
    drop.op = operation.drop;
    drop.rules = drop.op == InvalidateOp::kNestedPageFault ? TagRules::kAmd : TagRules::kIntel;
    structures_.invalidate(drop);
    return;
  }
  Step step;
  step.stage = operation.stage;
  step.position = operation.position;
  step.address =
      operation.stage == Stage::kHost ? operation.gpa.value() : operation.address.value();
  if (operation.kind == Kind::kLookup) {
    structures_.lookup(context, step);
    return;
  }
  step.resume = operation.resume;
  step.level = operation.resume.next_level + 1;
  structures_.fill(context, step);
}

void RtlWalker::count_answer(const TableAnswer& answer, bool is_update) {
  stats_.updates += is_update && answer.answer.kind == AnswerKind::kStored ? 1 : 0;
}

void RtlWalker::bark() {
  has_barked_ = true;
  sc_core::sc_stop();
}

// The RTL does no agile walks.
bool RtlWalker::is_walk_of_rtl(const WalkExtension& request) {
  return request.context != nullptr && !request.context->has_shadow;
}

// ---- Blocking ----

void RtlWalker::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  auto* request = payload.get_extension<WalkExtension>();
  if (request == nullptr || !is_walk_of_rtl(*request) || !is_blocking_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  start_ = delay;
  num_cycles_ = 0;
  walk_blocking(*request);
  delay += clock_.cycles(num_cycles_);
  payload.set_response_status(request->is_translation ? tlm::TLM_OK_RESPONSE
                                                      : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

void RtlWalker::walk_blocking(WalkExtension& request) {
  request.is_translation = false;
  request.fault = {};
  request.fault.kind = FaultKind::kMemoryError;
  request.fault.address = request.access.address;
  // Of the platform's time as far as its decoupled cores let it be told.
  cycle_ = std::max(cycle_, clock_.to_cycles_up(sc_core::sc_time_stamp() + start_));
  Slot& slot = slots_[0];
  slot.walk = {};
  slot.walk.request.id = next_id_++;
  slot.walk.request.context = *request.context;
  slot.walk.request.access = request.access;
  const std::uint64_t begin = cycle_;
  walker_.set_ready({});
  walker_.offer(&slot.walk.request);
  std::uint64_t idle = 0;
  while (!has_barked_) {
    if (has_answer_) {
      cycle_ = due_cycle_;  // nothing happens before
      has_answer_ = false;
      (is_answer_of_update_ ? walker_.answer_update(&answer_) : walker_.answer_read(&answer_));
    }
    const PinWalker::Cycle& cycle = step();
    idle = walker_.last_active_cycle() + 1 == cycle_ ? 0 : idle + 1;
    if (cycle.has_accept) {
      walker_.offer(static_cast<const WalkerRequest*>(nullptr));
    }
    num_cycles_ = cycle_ - 1 - begin;
    if (cycle.has_read || cycle.has_update) {
      ask_blocking(cycle.has_read ? cycle.read : cycle.update, cycle.has_update);
    } else if (cycle.has_response) {
      const WalkerResponse& response = cycle.response;
      request.is_translation = response.is_translation;
      request.translation = response.translation;
      request.fault = response.fault;
      break;
    }
    if (idle == watchdog_cycles_) {
      bark();
    }
  }
  count_walk({slot.walk.num_references, slot.walk.num_restarts, num_cycles_, 0},
             request.is_translation);
}

void RtlWalker::ask_blocking(const PinWalker::TableRequest& request, bool is_update) {
  const std::uint64_t before = num_cycles_;
  data_ = request.desired;
  const bool ok = transport(step_of(request), is_update);
  answer_.request = request;
  answer_.answer = {};
  answer_.answer.value = is_update ? 0 : data_;
  if (!ok) {
    answer_.answer.kind = AnswerKind::kError;
  } else if (!is_update) {
    answer_.answer.kind = AnswerKind::kValue;
  } else {
    answer_.answer.kind = extension_.is_stored ? AnswerKind::kStored : AnswerKind::kLost;
  }
  count_answer(answer_, is_update);
  has_answer_ = true;
  is_answer_of_update_ = is_update;
  // An answer comes at the earliest in the cycle after.
  due_cycle_ = cycle_ - 1 + std::max<std::uint64_t>(num_cycles_ - before, 1);
}

void RtlWalker::invalidate_blocking(const Invalidation& invalidation) {
  taken_ = invalidation;
  walker_.set_ready({});
  walker_.offer(&taken_);
  for (std::uint64_t waited = 0; !has_barked_; ++waited) {
    const PinWalker::Cycle& cycle = step();
    if (cycle.has_invalidation) {
      walker_.offer(static_cast<const Invalidation*>(nullptr));
    }
    if (cycle.has_acknowledge) {
      return;
    }
    if (waited == watchdog_cycles_) {
      bark();
    }
  }
}

}  // namespace nestwalk
