#include "model/sim/run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "model/sim/boot_port.h"
#include "model/sim/run_machine.h"
#include "model/workload/generator.h"

namespace nestwalk {

namespace {

Control cpu_control(const MachineParams& machine) {
  Control control;
  control.page_1g = machine.page_1g;
  control.maxphyaddr = machine.maxphyaddr;
  control.guest_maxphyaddr = machine.maxphyaddr;
  return control;
}

}  // namespace

Run::Run(const RunParams& params)
    : params_(params),
      platform_(params.machine),
      book_(platform_.core(), platform_.mmu(), ledger_) {
  batch_.reserve(kMaxBatch);
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
