// Who runs when: processes in turn, and their faults.
#include <fmt/format.h>

#include <utility>

#include "model/sim/run.h"
#include "model/sim/run_machine.h"
#include "model/workload/trace_error.h"

namespace nestwalk {

void Run::start_processes() {
  is_started_ = true;
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    Machine& guest = *machines_[m];
    if (m != 0) {
      machines_[m - 1]->vcpu->pause();
    }
    machine_ = m;
    book_.select({guest.index, 0});
    guest.vcpu->resume();
    for (Task& task : guest.tasks) {
      const std::optional<ProcessId> process = guest.kernel->create_process(*guest.vcpu);
      if (!process) {
        throw VmStopped(
            fmt::format("guest '{}' has no memory left for process '{}'", guest.name, task.name));
      }
      task.process = *process;
    }
    const ProcessStats now = ProcessStats::of(platform_);
    guest.kernel_stats = now.since(since_switch_);
    since_switch_ = now;
  }
  machines_[machine_]->vcpu->pause();
  switch_to(0, 0);
}

void Run::settle_current() {
  if (!is_started_) {
    return;
  }
  const ProcessStats now = ProcessStats::of(platform_);
  machines_[machine_]->tasks[task_].stats += now.since(since_switch_);
  since_switch_ = now;
}

void Run::switch_to(std::size_t machine, std::size_t task) {
  machine_ = machine;
  task_ = task;
  Machine& guest = *machines_[machine_];
  const ProcessId process = guest.tasks[task_].process;
  book_.select({guest.index, static_cast<std::uint32_t>(process)});
  guest.vcpu->resume();
  guest.kernel->switch_to(*guest.vcpu, process);
  slice_left_ = params_.time_slice_accesses;
}

// Makes a task current that still has something to do. False: none has.
bool Run::choose_task() {
  Machine* guest = machines_[machine_].get();
  if (!guest->tasks[task_].is_finished && slice_left_ != 0) {
    return true;
  }
  // The next process of this guest, then those of the other guests, then this one again.
  std::size_t m = machine_;
  std::size_t t = task_;
  for (;;) {
    if (++t == machines_[m]->tasks.size()) {
      t = 0;
      m = (m + 1) % machines_.size();
    }
    if (!machines_[m]->tasks[t].is_finished) {
      break;
    }
    if (m == machine_ && t == task_) {
      return false;
    }
  }
  if (m == machine_ && t == task_) {
    slice_left_ = params_.time_slice_accesses;
    return true;
  }
  if (m != machine_) {
    // The outgoing VM pays for the exit that ends its slice and for the entry of the next one.
    guest->vcpu->spend(Cause::kVmExit, params_.hypervisor.exit_cycles);
    guest->vcpu->pause();
    ++num_vm_switches_;
    settle_current();
    switch_to(m, t);
    return true;
  }
  settle_current();
  task_ = t;
  const ProcessId process = guest->tasks[t].process;
  book_.select({guest->index, static_cast<std::uint32_t>(process)});
  guest->kernel->switch_to(*guest->vcpu, process);
  slice_left_ = params_.time_slice_accesses;
  return true;
}

std::span<const CoreAccess> Run::next_batch() {
  try {
    if (!is_started_) {
      start_processes();
    }
    report_progress();
    if (hooks_.is_interrupted && hooks_.is_interrupted()) {
      stop(RunEnd::kInterrupted, "interrupted");
    }
    batch_.clear();
    while (result_.end == RunEnd::kFinished && batch_.empty() && choose_task()) {
      Task& task = machines_[machine_]->tasks[task_];
      task.is_finished = !fill_batch(task);
    }
  } catch (const VmStopped& stopped) {
    batch_.clear();
    stop(RunEnd::kVmStopped, stopped.what());
  } catch (const TraceError&) {
    batch_.clear();
    error_ = std::current_exception();
  }
  num_accesses_ += batch_.size();
  return batch_;
}

// Accesses up to the next event or the end of the slice. False at the end of the stream.
bool Run::fill_batch(Task& task) {
  Machine& guest = *machines_[machine_];
  std::uint64_t instructions = 0;  // of records that make no access
  for (;;) {
    const TraceRecord* record = task.peek();
    if (record == nullptr) {
      platform_.core().retire(instructions);
      return false;
    }
    if (record->event != nullptr) {
      if (!batch_.empty()) {
        return true;
      }
      instructions += record->num_instructions;
      apply_event(guest, task, *record);
      ++task.next;
      continue;
    }
    if (!task.family.is_current(record->process)) {
      if (!batch_.empty()) {
        return true;
      }
      follow_process(guest, task, record->process);
    }
    if (batch_.size() == kMaxBatch || slice_left_ == 0) {
      return true;
    }
    CoreAccess access;
    access.address = record->address;
    access.num_bytes = record->size_bytes;
    access.num_instructions = static_cast<std::uint32_t>(record->num_instructions + instructions);
    access.type = record->type;
    instructions = 0;
    batch_.push_back(access);
    --slice_left_;
    ++task.next;
  }
}

bool Run::serve_fault(const CoreAccess& access, const Fault& fault) {
  if (result_.end == RunEnd::kVmStopped) {
    return false;
  }
  Machine& guest = *machines_[machine_];
  try {
    if (!is_guest_fault(fault.kind)) {
      guest.vcpu->serve_host_fault(fault);
      return true;
    }
    if (fault.kind != FaultKind::kGuestPageFault) {
      ++num_segfaults_;
      return false;
    }
    switch (guest.kernel->handle_page_fault(*guest.vcpu, guest.tasks[task_].process,
                                            {fault.address, access.type, fault.code})) {
      case FaultOutcome::kMapped:
      case FaultOutcome::kSpurious:
        return true;
      case FaultOutcome::kSegfault:
        ++num_segfaults_;
        return false;
      case FaultOutcome::kOutOfMemory:
        throw VmStopped(fmt::format("guest '{}' has no memory left (vms.{}.memory_bytes)",
                                    guest.name, guest.index));
    }
  } catch (const VmStopped& stopped) {
    stop(RunEnd::kVmStopped, stopped.what());
  }
  return false;
}

void Run::report_progress() {
  if (hooks_.progress) {
    hooks_.progress(num_accesses_, total_accesses_);
  }
}

}  // namespace nestwalk
