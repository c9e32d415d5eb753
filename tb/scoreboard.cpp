#include "tb/scoreboard.h"

#include <fmt/format.h>

#include "model/lookup/invalidate.h"
#include "model/tlm/fault_drop.h"
#include "model/tlm/walk_kill.h"

namespace nestwalk {
namespace {

std::string print(std::uint64_t value) {
  return fmt::format("{:#x}", value);
}
std::string print(unsigned value) {
  return fmt::format("{}", value);
}
std::string print(Stage stage) {
  return stage == Stage::kGuest ? "guest" : "host";
}
std::string print(Position position) {
  return fmt::format("({},{})", position.g, position.h);
}
std::string print(const Translation& t) {
  return fmt::format("gpa {:#x} hpa {:#x} page bits {}/{} key {} dirty {} global {} rights {}/{}",
                     t.gpa.value(), t.hpa.value(), t.guest_page_bits, t.host_page_bits,
                     t.protection_key, t.dirty, t.global, t.guest.bits, t.host.bits);
}
std::string print(const Fault& fault) {
  return fmt::format("{} code {:#x} address {:#x} gpa {:#x} ({}) at {}", name_of(fault.kind),
                     fault.code, fault.address.value(), fault.gpa.value(),
                     fault.has_gpa ? "valid" : "not valid", print(fault.position));
}
std::string print(const WalkerResponse& response) {
  return fmt::format("id {} restarts {} {}", response.id, response.num_restarts,
                     response.is_translation ? print(response.translation) : print(response.fault));
}

std::string print(const Resume& resume) {
  return fmt::format(
      "level {} base {:#x} ({}) page bits {} dirty {} rights {}/{} table {:#x} rights {}",
      resume.next_level, resume.base, resume.is_gpa ? "gpa" : "hpa", resume.page_bits, resume.dirty,
      resume.guest.bits, resume.host.bits, resume.table_gpa.value(), resume.table.bits);
}

}  // namespace

Scoreboard::Scoreboard(const WalkerStructures& structures)
    : slots_(structures.slots), caches_(structures) {}

void Scoreboard::begin_cycle(std::uint64_t cycle) {
  cycle_ = cycle;
  last_order_ = -1;
}

void Scoreboard::problem(const Record& record, const std::string& text) {
  constexpr std::size_t kEnough = 20;
  if (problems_.size() < kEnough) {
    problems_.push_back(fmt::format("cycle {} slot {} {}: {}", cycle_, record.event.slot,
                                    name_of(record.event.kind), text));
  }
}

template <class Value>
void Scoreboard::expect_equal(const Record& record, const char* what, const Value& is,
                              const Value& should) {
  if (!(is == should)) {
    problem(record, fmt::format("{} is {}, the engine says {}", what, print(is), print(should)));
  }
}

void Scoreboard::check_order(const Record& record) {
  expect_equal(record, "cycle", record.event.cycle, cycle_);
  unsigned order = kFirstSlotOrder + unsigned{record.event.slot};
  switch (record.event.kind) {
    case EventKind::kInvalidate:
      order = kInvalidateOrder;
      break;
    case EventKind::kFill:
      order = kFillOrder;
      break;
    case EventKind::kLookup:
      order = kLookupOrder;
      break;
    default:
      break;
  }
  expect_equal(record, "order", unsigned{record.event.order}, order);
  if (static_cast<int>(order) < last_order_) {
    problem(record, "after a record that comes later in the same cycle");
  }
  last_order_ = static_cast<int>(order);
}

void Scoreboard::observe(const Record& record) {
  ++counts_[static_cast<unsigned>(record.event.kind)];
  check_order(record);
  if (record.event.kind == EventKind::kInvalidate && !record.is_by_fault) {
    invalidate(record);
    return;
  }
  if (record.event.slot >= slots_.size()) {
    problem(record, fmt::format("there are {} slots", slots_.size()));
    return;
  }
  Slot& slot = slots_[record.event.slot];
  if (slot.is_busy == (record.event.kind == EventKind::kAccept)) {
    problem(record, slot.is_busy ? "the slot is busy" : "the slot has no walk");
    return;
  }
  if (slot.kill == Kill::kDue && record.event.kind != EventKind::kKill) {
    problem(record, "an invalidation should have killed the walk");
  }
  const bool is_of_cache =
      record.event.kind == EventKind::kFill || record.event.kind == EventKind::kLookup;
  if (slot.kill == Kill::kWaits && is_of_cache) {
    problem(record, "an invalidation should have killed the walk");
  }
  if (slot.must_restart && record.event.kind != EventKind::kRestart) {
    problem(record, "the update was lost, and the walk did not restart");
  }
  switch (record.event.kind) {
    case EventKind::kAccept:
      return accept(slot, record);
    case EventKind::kRead:
      return read(slot, record);
    case EventKind::kReadData:
      return read_data(slot, record);
    case EventKind::kUpdate:
      return update(slot, record);
    case EventKind::kRespond:
      return respond(slot, record);
    case EventKind::kRestart:
      return restart(slot, record);
    case EventKind::kKill:
      return kill(slot, record);
    case EventKind::kInvalidate:
      return drop_by_fault(slot, record);
    case EventKind::kFill:
      return fill(slot, record);
    case EventKind::kLookup:
      return look_up(slot, record);
  }
}

// On to the next step that the RTL must make: what it has no structure for is offered in vain.
void Scoreboard::advance(Slot& slot, const Answer& answer) {
  slot.step = slot.engine.next(answer);
  while (slot.step.kind == StepKind::kFill && !caches_.keeps(slot.step)) {
    slot.step = slot.engine.next({});
  }
}

void Scoreboard::expect_cache_step(const Slot& slot, const Record& record, StepKind kind) {
  if (slot.step.kind != kind) {
    problem(record, "the engine does not ask for this");
    return;
  }
  expect_equal(record, "stage", record.event.stage, slot.step.stage);
  expect_equal(record, "position", record.event.position, slot.step.position);
  expect_equal(record, "address", record.event.address, slot.step.address);
}

void Scoreboard::look_up(Slot& slot, const Record& record) {
  expect_cache_step(slot, record, StepKind::kLookup);
  if (slot.step.kind == StepKind::kLookup) {
    const std::optional<Resume> known = caches_.lookup(slot.engine.context(), slot.step);
    expect_equal(record, "hit", unsigned{record.is_hit}, unsigned{known.has_value()});
    if (known && record.is_hit) {
      expect_equal(record, "resume", record.resume, *known);
    }
    advance(slot, {known ? AnswerKind::kHit : AnswerKind::kMiss, 0, known.value_or(Resume{})});
  }
}

void Scoreboard::fill(Slot& slot, const Record& record) {
  expect_cache_step(slot, record, StepKind::kFill);
  if (slot.step.kind == StepKind::kFill) {
    expect_equal(record, "resume", record.resume, slot.step.resume);
    expect_equal(record, "value", record.event.value, slot.step.resume.base);
    caches_.fill(slot.engine.context(), slot.step);
    advance(slot, {});
  }
}

bool Scoreboard::fault_drops(const Slot& slot) const {
  return slot.step.kind == StepKind::kFault && caches_.concerns(slot.step.fault);
}

void Scoreboard::drop_by_fault(Slot& slot, const Record& record) {
  if (!fault_drops(slot) || slot.has_dropped) {
    problem(record, "the walk has no fault that drops anything");
    return;
  }
  const Invalidation drop = invalidation_by_fault(slot.step.fault, slot.request.context.tags);
  expect_equal(record, "address", record.event.address, drop.address.value());
  expect_equal(record, "operation", static_cast<unsigned>(record.invalidation.op),
               static_cast<unsigned>(drop.op));
  expect_equal(record, "linear address", record.invalidation.address.value(), drop.address.value());
  if (slot.step.fault.has_gpa) {
    expect_equal(record, "gpa", record.invalidation.gpa.value(), drop.gpa.value());
  }
  caches_.invalidate(drop);
  slot.has_dropped = true;
}

void Scoreboard::begin(Slot& slot) {
  const WalkContext context = caches_.context_for(slot.request.context);
  slot.engine = slot.request.is_pdpte_load ? WalkEngine::for_pdpte_load(context)
                                           : WalkEngine(context, slot.request.access);
  advance(slot, {});
  slot.has_dropped = false;
  slot.is_issued = false;
  slot.must_restart = false;
  slot.has_answer = false;
  slot.kill = Kill::kNone;
}

void Scoreboard::accept(Slot& slot, const Record& record) {
  expect_equal(record, "address", record.event.address, record.request.access.address.value());
  slot.is_busy = true;
  slot.is_fenced = false;
  slot.request = record.request;
  begin(slot);
}

void Scoreboard::expect_step(const Slot& slot, const Record& record, StepKind kind) {
  if (slot.step.kind != kind || slot.is_issued) {
    problem(record, slot.is_issued ? "the step before has not been answered"
                                   : "the engine does not ask for this");
    return;
  }
  const Event& event = record.event;
  expect_equal(record, "stage", event.stage, slot.step.stage);
  expect_equal(record, "position", event.position, slot.step.position);
  expect_equal(record, "bytes", unsigned{event.bytes}, unsigned{slot.step.bytes});
  expect_equal(record, "address", event.address, slot.step.hpa.value());
}

void Scoreboard::read(Slot& slot, const Record& record) {
  expect_step(slot, record, StepKind::kRead);
  slot.is_issued = true;
}

void Scoreboard::read_answered(unsigned slot, const Answer& answer) {
  slots_.at(slot).answer = answer;
  slots_.at(slot).has_answer = true;
}

void Scoreboard::read_data(Slot& slot, const Record& record) {
  if (!slot.is_issued || !slot.has_answer || slot.step.kind != StepKind::kRead) {
    problem(record, "no read is under way");
    return;
  }
  slot.is_issued = false;
  expect_step(slot, record, StepKind::kRead);
  expect_equal(record, "value", record.event.value, slot.answer.value);
  slot.has_answer = false;
  advance(slot, slot.answer);
  if (slot.kill == Kill::kWaits) {
    slot.kill = Kill::kDue;
  }
}

void Scoreboard::update(Slot& slot, const Record& record) {
  expect_step(slot, record, StepKind::kUpdate);
  expect_equal(record, "expected word", record.expected, slot.step.expected);
  expect_equal(record, "new word", record.event.value, slot.step.desired);
  slot.is_issued = true;
}

void Scoreboard::update_done(unsigned index, AnswerKind answer) {
  Slot& slot = slots_.at(index);
  if (!slot.is_issued || slot.step.kind != StepKind::kUpdate) {
    return;  // the update itself has been objected to
  }
  slot.is_issued = false;
  if (slot.kill == Kill::kWaits) {
    slot.kill = Kill::kDue;
  } else if (answer == AnswerKind::kLost) {
    slot.must_restart = true;
  } else {
    advance(slot, {answer, 0, {}});
  }
}

void Scoreboard::restart(Slot& slot, const Record& record) {
  if (!slot.must_restart) {
    problem(record, "no update was lost");
    return;
  }
  slot.must_restart = false;
  expect_step(slot, record, StepKind::kUpdate);
  advance(slot, {AnswerKind::kLost, 0, {}});
}

void Scoreboard::kill(Slot& slot, const Record& record) {
  if (slot.kill == Kill::kNone) {
    problem(record, "no invalidation concerns the walk");
  }
  if (slot.is_issued) {
    problem(record, "the step under way has not been answered");
  }
  expect_equal(record, "address", record.event.address, slot.request.access.address.value());
  slot.is_fenced = false;
  begin(slot);
}

void Scoreboard::respond(Slot& slot, const Record& record) {
  WalkerResponse should;
  should.id = slot.request.id;
  should.num_restarts = slot.engine.num_restarts();
  if (slot.step.kind == StepKind::kDone) {
    should.is_translation = true;
    should.translation = slot.step.translation;
  } else if (slot.step.kind == StepKind::kFault) {
    should.fault = slot.step.fault;
  } else {
    problem(record, fmt::format("the engine is not done, it is at {} of the {} stage",
                                print(slot.step.position), print(slot.step.stage)));
  }
  if (slot.kill == Kill::kWaits) {
    problem(record, "an invalidation should have killed the walk");
  }
  if (fault_drops(slot) && !slot.has_dropped) {
    problem(record, "the fault did not drop what is cached for its address");
  }
  if (is_over(slot)) {
    expect_equal(record, "response", record.response, should);
    expect_equal(record, "address", record.event.address, slot.request.access.address.value());
    expect_equal(record, "value", record.event.value,
                 should.is_translation ? should.translation.hpa.value() : should.fault.code);
    expect_equal(record, "position", record.event.position, should.fault.position);
  }
  slot.is_busy = false;
  slot.is_fenced = false;
  slot.kill = Kill::kNone;
}

void Scoreboard::invalidate(const Record& record) {
  expect_equal(record, "address", record.event.address, record.invalidation.address.value());
  caches_.invalidate(record.invalidation);
  for (Slot& slot : slots_) {
    if (!slot.is_busy || !concerns(record.invalidation, slot.request.context)) {
      continue;
    }
    if (is_over(slot)) {
      // Shown already, or about to be: the requester has it before the acknowledgement, or not.
      slot.kill = Kill::kAllowed;
      slot.is_fenced = true;
    } else {
      slot.kill = Kill::kWaits;
      slot.is_fenced = slot.step.kind == StepKind::kUpdate;
    }
  }
}

void Scoreboard::acknowledged() {
  Record record;
  record.event.kind = EventKind::kInvalidate;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].is_fenced) {
      record.event.slot = static_cast<std::uint8_t>(i);
      problem(record, "acknowledged before an older walk was out of the way");
    }
  }
}

void Scoreboard::expect_idle() {
  Record record;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].is_busy) {
      record.event.slot = static_cast<std::uint8_t>(i);
      problem(record, "the walk never ended");
    }
  }
}

}  // namespace nestwalk
