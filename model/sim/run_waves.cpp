#include "model/sim/run_waves.h"

#include <algorithm>
#include <span>
#include <string>

#include "model/sim/vcpu.h"

namespace nestwalk {

namespace {

constexpr unsigned kCountBits = 32;
constexpr unsigned kAddressBits = 64;
constexpr std::size_t kNumPagings = 3;  // the first modes, which a VM can be in
// How far cores may be apart in what they tell, for timing lt: a quantum, and a handler that is not
// interrupted at its end.
constexpr std::uint64_t kQuantaApart = 8;

bool is_fault(std::string_view exit_cause) {
  return exit_cause == name_of(FaultKind::kEptViolation) ||
         exit_cause == name_of(FaultKind::kNestedPageFault) || exit_cause == "page_fault";
}

}  // namespace

WaveFileParams wave_params(const RunParams& params, const std::filesystem::path& path,
                           WaveFormat format, const WaveWindow& window) {
  WaveFileParams result;
  result.path = path;
  result.format = format;
  result.window = window;
  const MachineParams& machine = params.machine;
  if (machine.timing == Timing::kLt && machine.cores > 1) {
    result.horizon_cycles = kQuantaApart * machine.core.quantum_cycles;
  }
  return result;
}

// The walker of one core on its way to its drawing.
class RunWaves::CoreSink : public EventSink {
 public:
  CoreSink(RunWaves& waves, unsigned core, unsigned slots)
      : waves_(waves), core_(core), wave_(waves.file_, waves.numbers_, {.slots = slots}) {}

  void set_next(EventSink* next) { next_ = next; }
  void record(const Event& event) override {
    if (!waves_.file_.is_over()) {
      draw(event);
    }
    if (next_ != nullptr) {
      next_->record(event);
    }
  }

 private:
  void draw(const Event& event) {
    Event in_time = event;
    // Timing lt: an invalidation is told by the time of the simulator, which its core is ahead of.
    in_time.cycle = waves_.advance(core_, event.kind == EventKind::kInvalidate
                                              ? waves_.slots_[core_]->core.now_cycles()
                                              : event.cycle);
    waves_.sample(core_, in_time.cycle);
    if (event.kind == EventKind::kAccept) {
      waves_.count_miss(core_, in_time.cycle);
    }
    wave_.record(in_time);
  }

  RunWaves& waves_;
  unsigned core_;
  WalkerWave wave_;
  EventSink* next_ = nullptr;
};

RunWaves::RunWaves(WaveFile& file, const RunParams& params, const CoreSlots& slots,
                   SoftwareLog* next)
    : file_(file), slots_(slots), next_(next), has_vms_(params.mode != Mode::kNative) {
  file.push_scope("tlm");
  for (unsigned i = 0; i < slots.size(); ++i) {
    file.push_scope("core" + std::to_string(i));
    add_core();
    sinks_.push_back(std::make_unique<CoreSink>(*this, i, params.machine.walker.slots));
    file.pop_scope();
  }
  for (std::size_t i = 0; i < params.vms.size(); ++i) {
    add_vm(i);
  }
  file.pop_scope();
  for (std::size_t i = 0; i < vms_.size(); ++i) {
    // A VM whose paging is switched begins nested.
    const Mode mode = std::min(mode_of(params, params.vms[i].vm), Mode::kDsp);
    file_.set(0, vms_[i].mode,
              static_cast<std::uint64_t>(mode == Mode::kDsp ? Mode::kNested : mode));
  }
}

RunWaves::~RunWaves() {
  for (const std::unique_ptr<CoreSlot>& slot : slots_) {
    slot->platform.walker(slot->index).connect_events(nullptr);
  }
}

void RunWaves::connect_walker(unsigned core, EventSink* next) {
  sinks_[core]->set_next(next);
  slots_[core]->platform.walker(core).connect_events(sinks_[core].get());
}

void RunWaves::add_core() {
  CoreSignals core;
  core.runs = file_.add_enum("runs", "core_actor", kCoreActorNames);
  core.exit = file_.add_text("exit");
  core.vm = file_.add_count("vm", kCountBits);
  core.process = file_.add_count("process", kCountBits);
  file_.push_scope("tlb");
  core.tlb_hits = file_.add_count("hits", kCountBits);
  core.tlb_second_level_hits = file_.add_count("second_level_hits", kCountBits);
  core.tlb_misses = file_.add_count("misses", kCountBits);
  file_.pop_scope();
  cores_.push_back(core);
}

void RunWaves::add_vm(std::size_t index) {
  VmSignals vm;
  file_.push_scope("vm" + std::to_string(index));
  vm.mode = file_.add_enum("mode", "vm_mode", std::span(kModeNames).first(kNumPagings));
  vm.exit = file_.add_text("exit");
  vm.exit_address = file_.add_bits("exit_address", kAddressBits);
  vm.exits = file_.add_count("exits", kCountBits);
  vm.page_fault = file_.add_bits("page_fault", 1);
  vm.flush = file_.add_bits("flush", 1);
  vm.flush_operation = file_.add_text("flush_operation");
  vm.flush_dropped = file_.add_count("flush_dropped", kCountBits);
  vm.table_writes = file_.add_count("table_writes", kCountBits);
  file_.push_scope("policy_inputs");
  vm.misses = file_.add_count("misses", kCountBits);
  vm.faults = file_.add_count("faults", kCountBits);
  vm.interval_misses = file_.add_count("interval_misses", kCountBits);
  vm.interval_faults = file_.add_count("interval_faults", kCountBits);
  file_.pop_scope();
  file_.pop_scope();
  vms_.push_back(vm);
}

void RunWaves::fail() {
  std::uint64_t latest = 0;
  for (const CoreSignals& core : cores_) {
    latest = std::max(latest, core.cycle);
  }
  file_.fail(latest);
}

// The time of a core does not go back.
std::uint64_t RunWaves::advance(unsigned core, std::uint64_t cycle) {
  CoreSignals& signals = cores_[core];
  signals.cycle = std::max(signals.cycle, cycle);
  if (has_failed_ && has_failed_()) {
    file_.fail(signals.cycle);
    has_failed_ = nullptr;
  }
  return signals.cycle;
}

void RunWaves::sample(unsigned core, std::uint64_t cycle) {
  const CoreSlot& slot = *slots_[core];
  const TlbHierarchy& tlbs = slot.platform.mmu(core).tlbs();
  const TlbHierarchy::LevelSums first = tlbs.first_level();
  const TlbHierarchy::LevelSums second = tlbs.second_level();
  const CoreSignals& signals = cores_[core];
  file_.set(cycle, signals.tlb_hits, first.lookups - first.misses);
  file_.set(cycle, signals.tlb_second_level_hits, second.lookups - second.misses);
  file_.set(cycle, signals.tlb_misses, second.misses);
}

void RunWaves::count_miss(unsigned core, std::uint64_t cycle) {
  VmSignals& vm = vms_.at(slots_[core]->book.key().vm);
  end_intervals(vm, cycle);
  file_.set(cycle, vm.misses, ++vm.num_misses);
}

void RunWaves::count_fault(VmSignals& vm, std::uint64_t cycle) {
  end_intervals(vm, cycle);
  file_.set(cycle, vm.faults, ++vm.num_faults);
}

void RunWaves::end_intervals(VmSignals& vm, std::uint64_t cycle) {
  while (cycle >= vm.interval_end) {
    file_.set(vm.interval_end, vm.interval_misses, vm.num_misses - vm.misses_before);
    file_.set(vm.interval_end, vm.interval_faults, vm.num_faults - vm.faults_before);
    vm.misses_before = vm.num_misses;
    vm.faults_before = vm.num_faults;
    vm.interval_end += kWaveIntervalCycles;
  }
}

void RunWaves::show_actor(CoreSignals& core, std::uint64_t cycle, CoreActor actor) {
  file_.set(cycle, core.runs, static_cast<std::uint64_t>(actor));
}

void RunWaves::show_exit(const LogRecord& record, std::uint64_t cycle) {
  CoreSignals& core = cores_[record.core];
  VmSignals& vm = vms_.at(record.vm);
  show_actor(core, cycle, CoreActor::kHypervisor);
  file_.set(cycle, core.exit, record.cause);
  file_.set(cycle, vm.exit, record.cause);
  file_.set(cycle, vm.exit_address, record.address);
  file_.set(cycle, vm.exits, ++vm.num_exits);
  if (is_fault(record.cause)) {
    count_fault(vm, cycle);
  }
}

// The mode that the VM is entered in: by what leaves it.
void RunWaves::show_entry(const LogRecord& record, std::uint64_t cycle) {
  CoreSignals& core = cores_[record.core];
  show_actor(core, cycle, core.is_in_kernel ? CoreActor::kGuestKernel : CoreActor::kUser);
  file_.set(cycle, core.exit, "-");
  if (const Vcpu* vcpu = slots_[record.core]->running; vcpu != nullptr && has_vms_) {
    VmSignals& vm = vms_.at(record.vm);
    vm.is_shadow = vcpu->intercepts_page_faults();
    const Mode mode = vm.is_shadow ? Mode::kShadow : Mode::kNested;
    file_.set(cycle, vm.mode, static_cast<std::uint64_t>(mode));
  }
}

void RunWaves::record(const LogRecord& record) {
  if (!file_.is_over()) {
    draw(record);
  }
  if (next_ != nullptr) {
    next_->record(record);
  }
}

void RunWaves::draw(const LogRecord& record) {
  CoreSignals& core = cores_[record.core];
  VmSignals& vm = vms_.at(record.vm);
  const std::uint64_t cycle = record.kind == LogKind::kAccessedDirty
                                  ? core.cycle  // drawn by the walker itself
                                  : advance(record.core, record.cycle);
  sample(record.core, cycle);
  file_.set(cycle, core.vm, record.vm);
  file_.set(cycle, core.process, record.process);
  switch (record.kind) {
    case LogKind::kPageFault:
      file_.pulse(cycle, vm.page_fault);
      if (!vm.is_shadow) {  // there its exit was counted
        count_fault(vm, cycle);
      }
      [[fallthrough]];
    case LogKind::kSystemCall:
    case LogKind::kSwitch:
      core.is_in_kernel = true;
      show_actor(core, cycle, CoreActor::kGuestKernel);
      break;
    case LogKind::kHandlerEnd:
      core.is_in_kernel = false;
      show_actor(core, cycle, CoreActor::kUser);
      break;
    case LogKind::kVmExit:
      show_exit(record, cycle);
      break;
    case LogKind::kVmEntry:
      show_entry(record, cycle);
      break;
    case LogKind::kTableWrite:
      file_.set(cycle, vm.table_writes, ++vm.num_table_writes);
      break;
    case LogKind::kInvalidation:
      file_.pulse(cycle, vm.flush);
      file_.set(cycle, vm.flush_operation, record.cause);
      file_.set(cycle, vm.flush_dropped, record.count);
      break;
    case LogKind::kAccessedDirty:
    case LogKind::kFrameZeroed:
    case LogKind::kFrameCopied:
      break;
  }
}

}  // namespace nestwalk
