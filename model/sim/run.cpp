#include "model/sim/run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "model/arch/check.h"
#include "model/sim/boot_port.h"
#include "model/workload/generator.h"
#include "model/workload/trace_error.h"

namespace nestwalk {

namespace {

Control cpu_control(const MachineParams& machine) {
  Control control;
  control.page_1g = machine.page_1g;
  control.maxphyaddr = machine.maxphyaddr;
  control.guest_maxphyaddr = machine.maxphyaddr;
  return control;
}

constexpr std::size_t kBatch = 1024;

GuestRegion guest_region(const Region& region) {
  GuestRegion result;
  result.start = region.start;
  result.length_bytes = region.length_bytes;
  result.rights = {region.rights.read, region.rights.write, region.rights.execute};
  result.name = region.name;
  return result;
}

}  // namespace

struct Run::Machine {
  std::string name;
  std::uint32_t index = 0;
  VmId vm{};
  std::optional<GuestKernel> kernel;
  std::optional<Vcpu> vcpu;
  std::vector<Task> tasks;
  ProcessStats kernel_stats;  // before its first process ran
};

Run::Run(const RunParams& params)
    : params_(params),
      platform_(params.machine),
      book_(platform_.core(), platform_.mmu(), ledger_) {
  batch_.reserve(kBatch);
  build();
}

Run::~Run() = default;

void Run::build() {
  const bool is_nested = params_.mode == Mode::kNested;
  const MachineParams& machine = params_.machine;
  HostBootPort host_port(platform_.memory());
  if (is_nested) {
    FrameAllocator<Hpa> frames;
    frames.add_range(Hpa{0}, machine.memory_bytes);
    hypervisor_.emplace(HostMachine{params_.hypervisor, cpu_control(machine)}, std::move(frames));
  }
  std::uint64_t total = 0;
  bool is_total_known = true;
  for (std::size_t i = 0; i < params_.vms.size(); ++i) {
    const VirtualMachineParams& p = params_.vms[i];
    auto guest = std::make_unique<Machine>();
    guest->name = p.name;
    guest->index = static_cast<std::uint32_t>(i);
    if (is_nested) {
      if (const auto problem =
              find_problem(HostMachine{params_.hypervisor, cpu_control(machine)}, p.vm)) {
        throw std::invalid_argument(fmt::format("vms.{}: {}", i, *problem));
      }
      const std::optional<VmId> vm = hypervisor_->create_vm(host_port, p.vm);
      if (!vm) {
        throw VmStopped("the host has no memory left to create a VM (machine.memory_bytes)");
      }
      guest->vm = *vm;
    }
    for (const ProcessParams& process : p.processes) {
      Task task;
      task.name = process.name;
      task.stream = make_stream(process.workload);
      const std::optional<std::uint64_t> accesses = task.stream->num_accesses();
      is_total_known &= accesses.has_value();
      total += accesses.value_or(0);
      guest->tasks.push_back(std::move(task));
    }
    machines_.push_back(std::move(guest));
  }
  if (is_total_known) {
    total_accesses_ = total;
  }
  for (const std::unique_ptr<Machine>& guest : machines_) {
    boot(*guest);
  }
  platform_.core().set_client(*this);
  platform_.expect_laws(laws_);
  laws_.expect_equal(
      "ledger total = core cycles", [this] { return ledger_.total().cycles(); },
      [this] { return platform_.core().now_cycles(); });
}

void Run::boot(Machine& guest) {
  const VirtualMachineParams& p = params_.vms[guest.index];
  const bool is_nested = hypervisor_.has_value();
  GuestMachine machine;
  machine.params = p.guest;
  machine.control = cpu_control(params_.machine);
  machine.memory_bytes = p.vm.memory_bytes;  // natively too, so that both modes manage the same
  if (const auto problem = find_problem(machine)) {
    throw std::invalid_argument(fmt::format("vms.{}: {}", guest.index, *problem));
  }
  FrameAllocator<Gpa> frames;
  frames.add_range(Gpa{0}, machine.memory_bytes);
  guest.kernel.emplace(machine, std::move(frames));
  GuestBootMemory memory(platform_.memory(), is_nested ? &*hypervisor_ : nullptr, guest.vm);
  if (!guest.kernel->boot(memory)) {
    throw VmStopped(fmt::format("guest '{}' has too little memory to boot ({} bytes)", guest.name,
                                machine.memory_bytes));
  }
  guest.vcpu.emplace(platform_, book_,
                     Vcpu::Place{guest.index, is_nested ? &*hypervisor_ : nullptr, guest.vm});
  guest.vcpu->reset(guest.kernel->paging_control(), guest.kernel->boot_cr3());
}

RunResult Run::execute(const RunHooks& hooks) {
  hooks_ = hooks;
  sc_core::sc_start();
  settle_current();
  book_.settle();
  if (error_) {
    std::rethrow_exception(error_);
  }
  register_statistics();
  result_.law_violations = laws_.check();
  return result_;
}

void Run::stop(RunEnd end, std::string message) {
  if (result_.end == RunEnd::kFinished) {
    result_.end = end;
    result_.message = std::move(message);
  }
}

// ---- Scheduling ----

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
      apply_event(guest, task, *record->event);
      ++task.next;
      continue;
    }
    if (batch_.size() == kBatch || slice_left_ == 0) {
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

void Run::apply_event(Machine& guest, const Task& task, const TraceEvent& event) {
  const std::string_view name = name_of(event.kind);
  switch (event.kind) {
    case TraceEventKind::kMap: {
      const MapOutcome outcome =
          guest.kernel->map_region(*guest.vcpu, task.process, guest_region(event.region));
      if (outcome != MapOutcome::kMapped) {
        throw VmStopped(fmt::format("process '{}': the region {:#x} to {:#x} '{}' {}", task.name,
                                    event.region.start.value(),
                                    event.region.start.value() + event.region.length_bytes,
                                    event.region.name,
                                    outcome == MapOutcome::kOverlap
                                        ? "overlaps another one"
                                        : "is not made of whole pages in the guest's user space"));
      }
      return;
    }
    case TraceEventKind::kUnmap:
      (void)guest.kernel->unmap(*guest.vcpu, task.process, event.region.start,
                                event.region.length_bytes);
      return;
    case TraceEventKind::kExit:
      guest.kernel->exit_process(*guest.vcpu, task.process);
      return;
    default:
      throw VmStopped(
          fmt::format("process '{}': the guest kernel model does not know the event "
                      "'{}' of this trace yet",
                      task.name, name));
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

// ---- Results ----

void Run::register_statistics() {
  StatGroup& run = statistics_.group("run");
  run.computed(
      "cycles", [this] { return platform_.core().now_cycles(); }, "cycles",
      "Simulated time of the run.");
  run.counter("accesses", &num_accesses_, "count", "Accesses of all workloads.");
  run.counter("segfaults", &num_segfaults_, "count",
              "Accesses outside what their process has mapped.");
  run.counter("vm_switches", &num_vm_switches_, "count",
              "Times the core went from one VM to another at the end of a time slice.");
  for (const std::unique_ptr<Machine>& guest : machines_) {
    const std::string prefix = fmt::format("vm{}", guest->index);
    const std::string mode(kModeNames[static_cast<unsigned>(params_.mode)]);
    guest->kernel->register_stats(statistics_.group(prefix + ".guest"));
    // Numbered as in the ledger: 0 is the kernel before its first process, then the processes.
    guest->kernel_stats.register_stats(
        statistics_.group(fmt::format("{}.process0.{}", prefix, mode)));
    for (std::size_t t = 0; t < guest->tasks.size(); ++t) {
      guest->tasks[t].stats.register_stats(
          statistics_.group(fmt::format("{}.process{}.{}", prefix, t + 1, mode)));
    }
  }
  if (hypervisor_) {
    hypervisor_->register_stats(statistics_.group("hypervisor"));
  }
  platform_.register_stats(statistics_);
  ledger_.register_stats(statistics_.group("ledger"));
}

}  // namespace nestwalk
