#include "model/sim/core_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "model/sim/run_machine.h"
#include "model/workload/trace_error.h"

namespace nestwalk {

namespace {

constexpr std::array<std::string_view, 3> kAccessTypeNames = {"read", "write", "fetch"};
constexpr std::array<std::string_view, 4> kFaultOutcomeNames = {"mapped", "spurious", "segfault",
                                                                "out_of_memory"};

}  // namespace

CoreDriver::CoreDriver(Run& run, CoreSlot& slot, Queue& queue)
    : run_(run), slot_(slot), queue_(queue) {
  batch_.reserve(kMaxBatch);
}

Vcpu& CoreDriver::vcpu() const {
  return *machine().vcpus[turn_.vcpu];
}

Task& CoreDriver::task() const {
  return machine().tasks[task_];
}

void CoreDriver::settle() {
  if (!has_turn_) {
    return;
  }
  const ProcessStats now = ProcessStats::of(slot_.platform, slot_.index);
  task().stats += now.since(since_switch_);
  since_switch_ = now;
}

bool CoreDriver::find_task(std::size_t first) {
  const std::vector<Task>& tasks = machine().tasks;
  for (std::size_t t = first; t < tasks.size(); ++t) {
    if (tasks[t].vcpu == turn_.vcpu && !tasks[t].is_finished) {
      task_ = t;
      return true;
    }
  }
  return false;
}

// Makes a task current that still has something to do. False: none has.
bool CoreDriver::choose_task() {
  if (!has_turn_) {
    return take_turn();
  }
  if (!task().is_finished && slice_left_ != 0) {
    return true;
  }
  slot_.core.drain();
  settle();
  const std::size_t before = task_;
  if (find_task(task_ + 1)) {
    switch_to_task();
    return true;
  }
  // The round of this virtual CPU is over.
  const VcpuTurn mine = turn_;
  const bool goes_on = find_task(0);
  if (goes_on && queue_.empty()) {
    if (task_ == before) {
      slice_left_ = run_.params_.time_slice_accesses;
    } else {
      switch_to_task();
    }
    return true;
  }
  if (!queue_.empty()) {
    if (goes_on) {
      queue_.push_back(mine);
    }
    // The outgoing one pays for the exit that ends its slice and for the entry of the next one.
    vcpu().spend(Cause::kVmExit, run_.params_.hypervisor.exit_cycles);
    vcpu().pause();
    ++num_vm_switches_;
    return take_turn();
  }
  task_ = before;
  machine().kernel->go_idle(vcpu());
  vcpu().end();
  if (TranslationObserver* observer = slot_.platform.observer()) {
    observer->on_core_ended(slot_.index);  // nobody else waits for it
  }
  return false;
}

// The next virtual CPU of the queue, and its first task.
bool CoreDriver::take_turn() {
  while (!queue_.empty()) {
    turn_ = queue_.front();
    queue_.pop_front();
    if (!find_task(0)) {
      continue;
    }
    has_turn_ = true;
    slot_.book.select({machine().index, 0});
    vcpu().resume(slot_);
    create_processes();
    switch_to_task();
    return true;
  }
  return false;
}

// The processes of the whole guest, by the first virtual CPU that runs.
void CoreDriver::create_processes() {
  Run::Machine& guest = machine();
  if (guest.has_processes) {
    return;
  }
  guest.has_processes = true;
  const SoftwareGuard guard(guest.lock, slot_);
  for (ProcessSlot& process : guest.processes) {
    const std::optional<ProcessId> id = guest.kernel->create_process(vcpu());
    if (!id) {
      throw VmStopped(fmt::format("guest '{}' has {} for process '{}'", guest.name,
                                  guest.kernel->shortage(), process.name));
    }
    process.id = *id;
    for (std::uint32_t thread = 1; thread < process.num_threads; ++thread) {
      guest.kernel->add_thread(*id);
    }
  }
  for (Task& each : guest.tasks) {
    each.process = guest.processes[each.process_slot].id;
  }
  const ProcessStats now = ProcessStats::of(slot_.platform, slot_.index);
  guest.kernel_stats += now.since(since_switch_);
  since_switch_ = now;
}

void CoreDriver::switch_to_task() {
  Run::Machine& guest = machine();
  const SoftwareGuard guard(guest.lock, slot_);
  if (task().is_finished) {
    return;  // killed meanwhile, by the fault of another thread
  }
  const ProcessId process = task().process;
  slot_.book.select({guest.index, static_cast<std::uint32_t>(process)});
  vcpu().log().begin(slot_, LogKind::kSwitch, "scheduler");
  guest.kernel->switch_to(vcpu(), process);
  vcpu().log().end(slot_, "switched");
  slice_left_ = run_.params_.time_slice_accesses;
}

std::span<const CoreAccess> CoreDriver::next_batch() {
  try {
    run_.report_progress();
    if (run_.hooks_.is_interrupted && run_.hooks_.is_interrupted()) {
      run_.stop(RunEnd::kInterrupted, "interrupted");
    }
    batch_.clear();
    batch_limit_ = run_.pass_milestones(slot_, kMaxBatch);
    while (run_.result_.end == RunEnd::kFinished && batch_.empty() && choose_task()) {
      serve_host_events();
      serve_monitor();
      const std::uint64_t until_event = machine().host_events.next() - machine().num_accesses;
      batch_limit_ = static_cast<std::size_t>(std::min<std::uint64_t>(batch_limit_, until_event));
      Task& current = task();
      const bool goes_on = fill_batch(current);
      current.is_finished = current.is_finished || !goes_on;
      machine().num_accesses += batch_.size();
      for (const CoreAccess& access : batch_) {
        machine().monitor.count(access.num_instructions);
      }
    }
  } catch (const VmStopped& stopped) {
    batch_.clear();
    run_.stop(RunEnd::kVmStopped, stopped.what());
  } catch (const TraceError&) {
    batch_.clear();
    error_ = std::current_exception();
    run_.stop(RunEnd::kVmStopped, "a trace is bad");
  }
  num_accesses_ += batch_.size();
  return batch_;
}

// Accesses up to the next event or the end of the slice. False at the end of the stream.
bool CoreDriver::fill_batch(Task& current) {
  std::uint64_t instructions = 0;  // of records that make no access
  std::uint64_t handed_out = 0;
  // A process that may be killed gets its accesses one by one: none is left over when it is.
  const bool may_die = machine().kernel->params().on_segfault == SegfaultAction::kKill;
  const std::size_t limit = may_die ? 1 : batch_limit_;
  for (;;) {
    if (current.is_finished) {
      return false;
    }
    const TraceRecord* record = current.peek();
    if (record == nullptr) {
      if (!batch_.empty()) {
        return true;  // the end is found again, with nothing under way
      }
      slot_.core.drain();
      slot_.core.retire(instructions);
      return false;
    }
    if (record->event != nullptr) {
      if (!batch_.empty()) {
        return true;
      }
      instructions += record->num_instructions;
      slot_.core.drain();
      {
        const SoftwareGuard guard(machine().lock, slot_);
        if (current.is_finished) {
          return false;  // killed meanwhile
        }
        apply_event(current, *record);
      }
      ++current.next;
      continue;
    }
    if (!current.family.is_current(record->process)) {
      if (!batch_.empty()) {
        return true;
      }
      slot_.core.drain();
      const SoftwareGuard guard(machine().lock, slot_);
      if (current.is_finished) {
        return false;
      }
      follow_process(current, record->process);
    }
    if (batch_.size() == limit || slice_left_ == 0 || handed_out >= machine().monitor.left()) {
      return true;
    }
    CoreAccess access;
    access.address = record->address;
    access.num_bytes = record->size_bytes;
    access.num_instructions = static_cast<std::uint32_t>(record->num_instructions + instructions);
    access.type = record->type;
    instructions = 0;
    handed_out += access.num_instructions;
    batch_.push_back(access);
    --slice_left_;
    ++current.next;
  }
}

bool CoreDriver::serve_fault(const CoreAccess& access, const Fault& fault) {
  if (run_.result_.end == RunEnd::kVmStopped) {
    return false;
  }
  Run::Machine& guest = machine();
  try {
    if (!is_guest_fault(fault.kind)) {
      vcpu().serve_host_fault(fault);
      return true;
    }
    Fault delivered = fault;
    if (fault.kind == FaultKind::kGuestPageFault && vcpu().intercepts_page_faults()) {
      // What a program stores is not known here, so that a store into a table in use is given up.
      const ShadowFault served =
          vcpu().serve_intercepted_fault({fault.address, access.type, Privilege::kUser}, {});
      if (served.outcome != ShadowOutcome::kReflected) {
        return served.outcome == ShadowOutcome::kResumed;
      }
      delivered = served.fault;
    }
    const SoftwareGuard guard(guest.lock, slot_);
    if (!guest.kernel->has_process(task().process)) {
      return false;  // was under way when the process was killed
    }
    if (fault.kind != FaultKind::kGuestPageFault) {
      serve_segfault(access, fault);
      return false;
    }
    vcpu().log().begin(slot_, LogKind::kPageFault,
                       kAccessTypeNames[static_cast<unsigned>(access.type)],
                       delivered.address.value(), delivered.code);
    const FaultOutcome outcome = guest.kernel->handle_page_fault(
        vcpu(), task().process, {delivered.address, access.type, delivered.code});
    vcpu().log().end(slot_, kFaultOutcomeNames[static_cast<unsigned>(outcome)]);
    switch (outcome) {
      case FaultOutcome::kMapped:
      case FaultOutcome::kSpurious:
        return true;
      case FaultOutcome::kSegfault:
        serve_segfault(access, fault);
        return false;
      case FaultOutcome::kOutOfMemory:
        throw VmStopped(fmt::format("guest '{}' has {} (vms.{}.memory_bytes)", guest.name,
                                    guest.kernel->shortage(), guest.index));
    }
  } catch (const VmStopped& stopped) {
    run_.stop(RunEnd::kVmStopped, stopped.what());
  }
  return false;
}

}  // namespace nestwalk
