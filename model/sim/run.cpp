#include "model/sim/run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "model/sim/boot_port.h"
#include "model/sim/core_driver.h"
#include "model/sim/run_machine.h"
#include "model/sim/run_waves.h"
#include "model/sim/update_log.h"
#include "model/workload/generator.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kChurnStride = std::uint64_t{1} << 38;  // far above what a thread maps

Control cpu_control(const MachineParams& machine) {
  Control control;
  control.page_1g = machine.page_1g;
  control.maxphyaddr = machine.maxphyaddr;
  control.guest_maxphyaddr = machine.maxphyaddr;
  return control;
}

}  // namespace

Run::Run(const RunParams& params, VcpuFactory make_vcpu)
    : Run(params, RunParts{std::move(make_vcpu), {}}) {}

Run::Run(const RunParams& params, RunParts parts)
    : params_(params), parts_(std::move(parts)), platform_(params.machine), region_(params.region) {
  build();
}

Run::~Run() = default;

void Run::build() {
  const bool has_hypervisor = params_.mode != Mode::kNative;
  const MachineParams& machine = params_.machine;
  HostBootPort host_port(platform_.memory());
  if (has_hypervisor) {
    FrameAllocator<Hpa> frames;
    frames.add_range(Hpa{0}, machine.memory_bytes);
    hypervisor_.emplace(HostMachine{params_.hypervisor, cpu_control(machine)}, std::move(frames));
  }
  for (std::size_t i = 0; i < params_.vms.size(); ++i) {
    const VirtualMachineParams& p = params_.vms[i];
    auto guest = std::make_unique<Machine>();
    guest->name = p.name;
    guest->index = static_cast<std::uint32_t>(i);
    guest->host_events = HostEvents(p.vm.host_events);
    if (has_hypervisor) {
      VmParams of_vm = p.vm;
      of_vm.paging = mode_of(params_, p.vm) == Mode::kShadow ? Paging::kShadow : Paging::kNested;
      if (const auto problem =
              find_problem(HostMachine{params_.hypervisor, cpu_control(machine)}, of_vm)) {
        throw std::invalid_argument(fmt::format("vms.{}: {}", i, *problem));
      }
      of_vm.switching.policy = policy_of(params_, p.vm);
      guest->monitor = PagingMonitor(of_vm.switching, guest->index);
      const std::optional<VmId> vm = hypervisor_->create_vm(host_port, of_vm);
      if (!vm) {
        throw VmStopped("the host has no memory left to create a VM (machine.memory_bytes)");
      }
      guest->vm = *vm;
    }
    for (const ProcessParams& process : p.processes) {
      add_tasks(*guest, process);
    }
    machines_.push_back(std::move(guest));
  }
  total_accesses_ = 0;
  for (const std::unique_ptr<Machine>& guest : machines_) {
    for (const Task& task : guest->tasks) {
      const std::optional<std::uint64_t> accesses = task.stream->num_accesses();
      total_accesses_ =
          total_accesses_ && accesses ? std::optional(*total_accesses_ + *accesses) : std::nullopt;
    }
    boot(*guest);
    make_vcpus(*guest);
  }
  if (const RegionParams& region = params_.region; region.measure_accesses != 0) {
    const std::uint64_t most = region.warmup_accesses + region.measure_accesses;
    total_accesses_ = std::min(total_accesses_.value_or(most), most);
  }
  make_drivers();
  make_checker();
  platform_.expect_laws(laws_);
  laws_.expect_equal(
      "ledger total = core cycles", [this] { return ledger_.total().cycles(); },
      [this] {
        std::uint64_t sum = 0;
        for (const auto& slot : slots_) {
          sum += slot->core.now_cycles();
        }
        return sum;
      });
}

void Run::add_tasks(Machine& guest, const ProcessParams& params) {
  const std::uint32_t num_vcpus = params_.vms[guest.index].vm.vcpus;
  for (std::uint32_t thread = 0; thread < params.threads; ++thread) {
    WorkloadParams workload = params.workload;
    workload.seed += thread;
    if (workload.kind == WorkloadKind::kChurn) {  // each maps and unmaps memory of its own
      workload.base_address += thread * kChurnStride;
    }
    Task task;
    task.name = params.threads == 1 ? params.name : fmt::format("{}.{}", params.name, thread);
    task.stream = parts_.make_stream ? parts_.make_stream(guest.index, guest.processes.size())
                                     : make_stream(workload);
    task.process_slot = guest.processes.size();
    task.vcpu = guest.tasks.size() % num_vcpus;
    guest.tasks.push_back(std::move(task));
  }
  guest.processes.push_back({params.name, params.threads, {}});
}

void Run::make_vcpus(Machine& guest) {
  for (unsigned cpu = 0; cpu < params_.vms[guest.index].vm.vcpus; ++cpu) {
    Vcpu::Place place;
    place.vm = guest.index;
    place.cpu = cpu;
    place.vm_id = guest.vm;
    place.siblings = &guest.vcpus;
    place.slots = &slots_;
    if (hypervisor_) {
      place.hypervisor = &*hypervisor_;
      place.hypervisor_lock = &hypervisor_lock_;
    }
    guest.vcpus.push_back(parts_.make_vcpu ? parts_.make_vcpu(platform_, place)
                                           : std::make_unique<Vcpu>(platform_, place));
    guest.vcpus.back()->reset(guest.kernel->paging_control(), guest.kernel->boot_cr3());
  }
}

void Run::make_drivers() {
  const unsigned num_cores = platform_.num_cores();
  const bool is_pinned = params_.scheduling == Scheduling::kPinned || !hypervisor_;
  queues_.resize(is_pinned ? num_cores : 1);
  std::size_t number = 0;
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    for (std::size_t v = 0; v < machines_[m]->vcpus.size(); ++v) {
      queues_[number++ % queues_.size()].push_back({m, v});
    }
  }
  for (unsigned i = 0; i < num_cores; ++i) {
    slots_.push_back(std::make_unique<CoreSlot>(platform_, i, ledger_));
    drivers_.push_back(
        std::make_unique<CoreDriver>(*this, *slots_.back(), queues_[i % queues_.size()]));
    platform_.core(i).set_client(*drivers_.back());
  }
}

void Run::make_checker() {
  if (params_.check == Check::kOff) {
    return;
  }
  CheckerOptions options;
  options.num_cores = platform_.num_cores();
  options.every = params_.check == Check::kAll ? 1 : params_.check_every;
  probe_ = std::make_unique<CheckerProbe>(platform_, options);
  if (hypervisor_) {
    probe_->watch_hypervisor(*hypervisor_, hypervisor_lock_);
  }
  for (const std::unique_ptr<Machine>& guest : machines_) {
    probe_->watch_kernel(guest->index, guest->lock);
  }
}

void Run::connect_log(SoftwareLog& log) {
  for (const std::unique_ptr<Machine>& guest : machines_) {
    for (const std::unique_ptr<Vcpu>& vcpu : guest->vcpus) {
      vcpu->log().connect(&log);
    }
  }
  for (const std::unique_ptr<CoreSlot>& slot : slots_) {
    update_logs_.push_back(std::make_unique<UpdateLog>(*slot, log));
  }
}

// Waves hear what a log hears and pass it on.
void Run::connect_waves(WaveFile& file) {
  waves_ = std::make_unique<RunWaves>(file, params_, slots_, hooks_.log);
  connect_log(*waves_);
  for (const std::unique_ptr<CoreSlot>& slot : slots_) {
    waves_->connect_walker(slot->index, update_logs_[slot->index].get());
  }
  if (probe_) {
    waves_->watch_failures([this] { return !probe_->checker().violations().empty(); });
  }
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
}

RunResult Run::execute(const RunHooks& hooks) {
  hooks_ = hooks;
  if (hooks_.waves != nullptr) {
    connect_waves(*hooks_.waves);
  } else if (hooks_.log != nullptr) {
    connect_log(*hooks_.log);
  }
  sc_core::sc_start();
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    drivers_[i]->settle();
    slots_[i]->book.settle();
    if (drivers_[i]->error()) {
      report_failure();
      std::rethrow_exception(drivers_[i]->error());
    }
  }
  register_statistics(statistics_);
  region_.finish({num_retired(), statistics_.snapshot()}, hooks_.interval);
  result_.law_violations = laws_.check();
  if (result_.end != RunEnd::kVmStopped) {  // a handler that was cut off leaves its work half done
    audit_shadows();
  }
  if (probe_) {
    result_.check_violations = probe_->reports();
  }
  result_.walker_problems = platform_.problems();
  for (const auto& slot : slots_) {
    if (!slot->core.is_done() && result_.end != RunEnd::kVmStopped) {
      result_.law_violations.push_back(
          fmt::format("core{} still waits for something that never comes", slot->index));
    }
  }
  if (result_.end == RunEnd::kVmStopped || !result_.law_violations.empty() ||
      !result_.check_violations.empty()) {
    report_failure();
  }
  return result_;
}

void Run::report_failure() {
  if (waves_) {
    waves_->fail();
  }
}

void Run::audit_shadows() {
  for (const std::unique_ptr<Machine>& guest : machines_) {
    if (hypervisor_) {
      const std::vector<std::string> wrong = hypervisor_->audit(platform_.memory(), guest->vm);
      result_.law_violations.insert(result_.law_violations.end(), wrong.begin(), wrong.end());
    }
  }
}

std::uint64_t Run::num_segfaults() const {
  return sum_of(&CoreDriver::num_segfaults);
}

std::uint64_t Run::num_cycles() {
  std::uint64_t most = 0;
  for (const auto& slot : slots_) {
    most = std::max(most, slot->core.now_cycles());
  }
  return most;
}

std::uint64_t Run::sum_of(std::uint64_t (CoreDriver::*count)() const) const {
  std::uint64_t sum = 0;
  for (const auto& driver : drivers_) {
    sum += (*driver.*count)();
  }
  return sum;
}

void Run::report_progress() {
  if (hooks_.progress) {
    hooks_.progress(sum_of(&CoreDriver::num_accesses), total_accesses_);
  }
}

std::uint64_t Run::num_retired() {
  std::uint64_t sum = 0;
  for (const auto& slot : slots_) {
    const CoreStats& s = slot->core.stats();
    sum += s.reads + s.writes + s.fetches;
  }
  return sum;
}

// The tree is made anew each time: processes and their accounts come while the run goes on.
StatSnapshot Run::take_snapshot() {
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    drivers_[i]->settle();
    slots_[i]->book.settle();
  }
  StatGroup root;
  register_statistics(root);
  return root.snapshot();
}

std::size_t Run::pass_milestones(CoreSlot& slot, std::size_t most) {
  if (region_.next() == RunRegion::kNever) {
    return most;
  }
  if (region_.is_boundary_next() && sum_of(&CoreDriver::num_accesses) >= region_.next()) {
    slot.core.drain();
  }
  if (num_retired() >= region_.next()) {
    region_.reach({num_retired(), take_snapshot()}, hooks_.interval);
    if (region_.is_complete()) {
      stop(RunEnd::kMeasured, "measure_accesses were made");
    }
  }
  // What the other cores have in hand counts as made; each core gets its share of the rest.
  const std::uint64_t given = sum_of(&CoreDriver::num_accesses);
  const std::uint64_t left = region_.next() > given ? region_.next() - given : 0;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(left / drivers_.size(), 1, most));
}

void Run::stop(RunEnd end, std::string message) {
  if (result_.end == RunEnd::kFinished) {
    result_.end = end;
    result_.message = std::move(message);
  }
}

void Run::register_statistics(StatGroup& root) {
  StatGroup& run = root.group("run");
  run.computed(
      "cycles", [this] { return num_cycles(); }, "cycles", "Simulated time of the run.");
  run.computed(
      "accesses", [this] { return num_retired(); }, "count", "Accesses of all workloads.");
  run.computed(
      "segfaults", [this] { return num_segfaults(); }, "count",
      "Accesses outside what their process has mapped.");
  run.computed(
      "vm_switches", [this] { return sum_of(&CoreDriver::num_vm_switches); }, "count",
      "Times a core went from one virtual CPU to another at the end of a time slice.");
  for (const std::unique_ptr<Machine>& guest : machines_) {
    const std::string prefix = fmt::format("vm{}", guest->index);
    const Mode mode_of_vm = mode_of(params_, params_.vms[guest->index].vm);
    const std::string mode(kModeNames[static_cast<unsigned>(mode_of_vm)]);
    guest->kernel->register_stats(root.group(prefix + ".guest"));
    // Numbered as in the ledger: 0 is the kernel before its first process, then the processes.
    guest->kernel_stats.register_stats(root.group(fmt::format("{}.process0.{}", prefix, mode)));
    for (std::size_t t = 0; t < guest->tasks.size(); ++t) {
      guest->tasks[t].stats.register_stats(
          root.group(fmt::format("{}.process{}.{}", prefix, t + 1, mode)));
    }
  }
  if (hypervisor_) {
    hypervisor_->register_stats(root.group("hypervisor"));
  }
  platform_.register_stats(root);
  if (probe_) {
    probe_->checker().statistics().register_stats(root.group("checker"));
  }
  ledger_.register_stats(root.group("ledger"));
}

}  // namespace nestwalk
