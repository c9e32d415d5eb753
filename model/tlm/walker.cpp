// The blocking walk, and what both kinds of transport share.
#include "model/tlm/walker.h"

#include "model/tlm/fault_drop.h"
#include "model/tlm/walk_kill.h"
#include "model/walk/functional_driver.h"

namespace nestwalk {

class Walker::TimedMemory {
 public:
  explicit TimedMemory(Walker& walker) : walker_(walker) {}
  [[nodiscard]] std::uint64_t num_references() const { return num_references_; }

  MemoryAnswer read(const Step& step) {
    Walker& w = walker_;
    w.num_cycles_ += w.params_.step_cycles;
    if (w.structures_.has_words(step.stage)) {
      w.num_cycles_ += w.structures_.word_cycles();
      if (const auto word = w.structures_.read_word(step)) {
        ++w.stats_.word_hits;
        return {true, *word};
      }
    }
    ++num_references_;
    w.count_reference(step, 0);
    if (!w.transport(step, false)) {
      return {false, 0};
    }
    w.record(EventKind::kReadData, step, step.hpa.value(), w.data_);
    w.structures_.keep_word(w.engine_, step, w.data_);
    return {true, w.data_};
  }

  UpdateAnswer update(const Step& step) {
    Walker& w = walker_;
    if (w.is_prefetch_) {
      return UpdateAnswer::kError;
    }
    w.data_ = step.desired;
    w.num_cycles_ += w.params_.update_cycles;
    w.record(EventKind::kUpdate, step, step.hpa.value(), step.desired);
    if (!w.transport(step, true)) {
      return UpdateAnswer::kError;
    }
    w.structures_.updated_word(step, w.extension_.is_stored);
    if (!w.extension_.is_stored) {
      w.record(EventKind::kRestart, step, step.hpa.value(), 0);
      w.num_cycles_ += w.params_.begin_cycles;
      return UpdateAnswer::kLost;
    }
    ++w.stats_.updates;
    return UpdateAnswer::kStored;
  }

 private:
  Walker& walker_;
  std::uint64_t num_references_ = 0;
};

// The same where the memory is connected directly, nobody records events and no table word is
// cached: most of what a walk costs the simulator is in these few lines.
class Walker::DirectMemory {
 public:
  explicit DirectMemory(Walker& walker) : walker_(walker) {}
  [[nodiscard]] std::uint64_t num_references() const { return num_references_; }

  MemoryAnswer read(const Step& step) {
    Walker& w = walker_;
    ++num_references_;
    ++count_at(w.stats_.positions, step.position);
    const Dram::DirectRead read = w.direct_->read_directly(step.hpa, step.bytes);
    w.num_cycles_ += w.params_.step_cycles + read.cycles;
    return {read.ok, read.value};
  }
  UpdateAnswer update(const Step& step) { return TimedMemory(walker_).update(step); }

 private:
  Walker& walker_;
  std::uint64_t num_references_ = 0;
};

class Walker::TimedCache {
 public:
  explicit TimedCache(Walker& walker) : walker_(walker) {}

  std::optional<Resume> lookup(const Step& step) {
    Walker& w = walker_;
    std::optional<Resume> found = w.structures_.lookup(w.engine_.context(), step);
    w.record_lookup(step, found, 0);
    w.num_cycles_ += w.structures_.lookup_cycles(step);
    return found;
  }
  void fill(const Step& step) {
    Walker& w = walker_;
    w.record(EventKind::kFill, step, step.address, step.resume.base);
    if (w.params_.change_cycles != 0 && w.structures_.takes(step)) {
      w.num_cycles_ += w.params_.change_cycles;
    }
    w.structures_.fill(w.engine_.context(), step);
  }

 private:
  Walker& walker_;
};

Walker::Walker(sc_core::sc_module_name name, const WalkerParams& params, EventQueue& queue,
               const ClockDomain& clock)
    : PageWalker(name, clock),
      params_(params),
      queue_(queue),
      structures_(params),
      target_port_(params.slots + params.queue_entries, SendBack{this}),
      memory_port_(memory_socket,
                   [this](tlm::tlm_generic_payload& payload) {
                     answered(TransactionPool<TableExtension>::of_payload(payload));
                   }),
      slots_(params.slots),
      lookups_(params.lookup_ports),
      channels_{SharedPort(params.table_ports), SharedPort(params.table_ports),
                SharedPort(params.table_ports)},
      beginnings_(params.table_ports) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].index = static_cast<std::uint8_t>(i);
  }
}

void Walker::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  auto* request = payload.get_extension<WalkExtension>();
  if (request == nullptr || request->context == nullptr) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  if (structures_.prepare(engine_, *request->context)) {
    hints_.reset();
  }
  is_blocking_ = true;
  is_prefetch_ = request->is_prefetch;
  start_ = delay;
  num_cycles_ = params_.begin_cycles;
  record_accept(*request->context, request->access, 0);
  if (direct_ != nullptr && !events_.is_on() && !structures_.has_words()) {
    walk_blocking(DirectMemory(*this), *request);
  } else {
    walk_blocking(TimedMemory(*this), *request);
  }
  is_blocking_ = false;
  delay += clock_.cycles(num_cycles_);
  payload.set_response_status(request->is_translation ? tlm::TLM_OK_RESPONSE
                                                      : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

template <class Memory>
void Walker::walk_blocking(Memory memory, WalkExtension& request) {
  const WalkOutcome outcome = walk(engine_, request.access, memory, TimedCache(*this));
  request.is_translation = outcome.is_translation;
  if (outcome.is_translation) {
    request.translation = outcome.translation;
    if (hints_ != nullptr) {
      hints_->learn(engine_);
    }
  } else {
    request.fault = outcome.fault;
    num_cycles_ += changes_by_fault(request) ? params_.change_cycles : 0;
  }
  num_cycles_ += params_.answer_cycles;
  end_walk({memory.num_references(), outcome.num_restarts, num_cycles_, 0}, engine_.context(),
           request);
}

bool Walker::changes_by_fault(const WalkExtension& request) const {
  return !request.is_prefetch && structures_.concerned_by(request.fault);
}

void Walker::end_walk(const WalkEnd& end, const WalkContext& context, WalkExtension& request) {
  count_walk(end, request.is_translation);
  if (request.is_translation) {
    record_end(request, end.slot);
    return;
  }
  if (!request.is_prefetch) {
    structures_.invalidate(invalidation_by_fault(request.fault, context.tags));
  }
  record_end(request, end.slot);
}

void Walker::count_reference(const Step& step, unsigned slot) {
  ++count_at(stats_.positions, step.position);
  record(EventKind::kRead, step, step.hpa.value(), 0, slot);
}

Event Walker::make_event(EventKind kind, unsigned slot) const {
  Event event;
  event.cycle = is_blocking_ ? clock_.to_cycles(sc_core::sc_time_stamp() + start_) + num_cycles_
                             : queue_.now();
  event.slot = static_cast<std::uint8_t>(slot);
  event.kind = kind;
  return event;
}

void Walker::record(EventKind kind, const Step& step, std::uint64_t address, std::uint64_t value,
                    unsigned slot) {
  events_.emit([&] {
    Event event = make_event(kind, slot);
    event.stage = step.stage;
    event.is_shadow = step.is_shadow;
    event.position = step.position;
    event.bytes = step.bytes;
    event.address = address;
    event.value = value;
    return event;
  });
}

void Walker::record_accept(const WalkContext& context, const Access& access, unsigned slot) {
  events_.emit([&] {
    Event event = make_event(EventKind::kAccept, slot);
    event.address = access.address.value();
    event.access = access.type;
    event.has_guest = context.has_guest;
    event.has_host = context.has_host;
    return event;
  });
}

void Walker::record_lookup(const Step& step, const std::optional<Resume>& found, unsigned slot) {
  events_.emit([&] {
    Event event = make_event(EventKind::kLookup, slot);
    event.stage = step.stage;
    event.position = step.position;
    event.address = step.address;
    event.found = found ? outcome_of_hit(*found) : LookupOutcome::kMiss;
    return event;
  });
}

void Walker::record_end(const WalkExtension& request, unsigned slot) {
  events_.emit([&] {
    Event event = make_event(EventKind::kRespond, slot);
    event.address = request.access.address.value();
    event.is_translation = request.is_translation;
    if (request.is_translation) {
      event.value = request.translation.hpa.value();
    } else {
      event.fault = request.fault.kind;
      event.value = request.fault.code;
      event.position = request.fault.position;
    }
    return event;
  });
}

std::uint64_t Walker::invalidate(const Invalidation& invalidation, Fence* fence) {
  record(EventKind::kInvalidate, Step{}, invalidation.address.value(),
         static_cast<std::uint64_t>(invalidation.op));
  for (Slot& slot : slots_) {
    if (slot.is_busy && concerns(invalidation, slot.engine.context())) {
      kill(slot);
    }
  }
  if (fence != nullptr) {
    for (KilledUpdate& update : killed_updates_) {
      fence->hold();
      update.fences.push_back(fence);
    }
  }
  return structures_.invalidate(invalidation);
}

}  // namespace nestwalk
