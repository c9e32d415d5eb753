#include "tests/support/shadow_bench.h"

#include <algorithm>
#include <array>

#include "model/arch/check.h"
#include "model/hypervisor/host_actions.h"
#include "model/lookup/invalidate.h"
#include "model/walk/functional_driver.h"
#include "model/walk/pdpte.h"

namespace nestwalk {
namespace {

struct PlainMemory {
  SparseMemory& memory;
  [[nodiscard]] MemoryAnswer read(const Step& step) const {
    return {true, memory.read(step.hpa, step.bytes)};
  }
  [[nodiscard]] UpdateAnswer update(const Step& step) const {
    return memory.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }
};

bool names_a_pcid(InvalidateOp op) {
  return op == InvalidateOp::kInvpcidAddress || op == InvalidateOp::kInvpcidSingle;
}

Control cpu_control(const BenchOptions& options) {
  Control control;
  control.page_1g = options.page_1g;
  return control;
}

}  // namespace

// ---- The machine ----

ShadowBench::ShadowBench(const BenchOptions& options)
    : options_(options),
      memory_(options.host ? std::shared_ptr<SparseMemory>(options.host, &options.host->memory)
                           : std::make_shared<SparseMemory>(options.host_bytes)) {
  if (options.mode != BenchMode::kNative) {
    VmParams vm = options.vm;
    vm.paging = options.mode == BenchMode::kShadow ? Paging::kShadow : Paging::kNested;
    vm.vcpus = options.num_cpus;
    hypervisor_ =
        options.host
            ? std::shared_ptr<Hypervisor>(options.host, &options.host->hypervisor)
            : std::make_shared<Hypervisor>(HostMachine{options.hypervisor, cpu_control(options)},
                                           FrameAllocator<Hpa>(Hpa{0}, options.host_bytes));
    BenchCpu boot(*this, 0);
    vm_ = hypervisor_->create_vm(boot, vm).value();
  }
  for (unsigned i = 0; i < options.num_cpus; ++i) {
    cpus_.push_back(std::make_unique<BenchCpu>(*this, i));
    cpus_.back()->start();
  }
}

void ShadowBench::write_physical(Gpa address, unsigned bytes, std::uint64_t value) {
  if (!hypervisor_) {
    memory_->write(identity(address), bytes, value);
    return;
  }
  BenchCpu boot(*this, 0);
  const bool is_backed =
      hypervisor_->populate(boot, vm_, address.page(kSmallPageBits), bit(kSmallPageBits));
  fatal_unless(is_backed, "the bench has memory for its guest");
  memory_->write(*hypervisor_->translate(*memory_, vm_, address), bytes, value);
}

std::uint64_t ShadowBench::read_physical(Gpa address, unsigned bytes) const {
  if (!hypervisor_) {
    return memory_->read(identity(address), bytes);
  }
  const std::optional<Hpa> hpa = hypervisor_->translate(*memory_, vm_, address);
  return hpa ? memory_->read(*hpa, bytes) : 0;
}

std::optional<Hpa> ShadowBench::where(Gpa address) const {
  return hypervisor_ ? hypervisor_->translate(*memory_, vm_, address) : identity(address);
}

void ShadowBench::read_page(Gpa page, std::span<std::byte> content) const {
  if (const std::optional<Hpa> hpa = where(page)) {
    memory_->read_bytes(*hpa, content);
  }
}

void ShadowBench::run(HostAction action, const GuestRange& range) {
  FlushTargets targets;
  for (const auto& cpu : cpus_) {
    targets.cores.push_back(cpu->number_);
  }
  HostActions(hypervisor_->host_context(cpu(), vm_), targets).run(action, std::array{range});
  fatal_unless(hypervisor_->enter(cpu(), vm_) == ExitOutcome::kResumed, "the VM goes on");
}

SwitchOutcome ShadowBench::switch_paging(Paging to, bool is_alone) {
  std::vector<VcpuRegisters> registers;
  FlushTargets targets;
  const std::span stopped = std::span(cpus_).first(is_alone ? 1 : cpus_.size());
  for (const auto& cpu : stopped) {
    cpu->pass_transition();
    registers.push_back({cpu->number_, cpu->guest_registers()});
    targets.cores.push_back(cpu->number_);
  }
  const SwitchOutcome outcome =
      hypervisor_->switch_paging(*cpus_.front(), vm_, to, registers, targets);
  for (const auto& cpu : stopped) {
    fatal_unless(hypervisor_->enter(*cpu, vm_) == ExitOutcome::kResumed,
                 "a switch makes all roots, so that an entry needs no memory");
    cpu->pass_transition();
  }
  return outcome;
}

std::string ShadowBench::audit() const {
  std::string all;
  if (hypervisor_) {
    for (const std::string& difference : hypervisor_->audit(*memory_, vm_)) {
      all += difference + "\n";
    }
  }
  return all;
}

// ---- A processor ----

void BenchCpu::start() {
  registers_.format = bench_.options_.format;
  registers_.control = cpu_control(bench_.options_);
  registers_.paging = false;
  if (bench_.hypervisor_) {
    (void)bench_.hypervisor_->enter(*this, bench_.vm_);
  }
}

GuestRegisters BenchCpu::guest_registers() const {
  GuestRegisters registers = registers_;
  if (context().uses_pdpte_registers()) {
    registers.pdptes = pdptes_;
  }
  return registers;
}

void BenchCpu::enter(const ControlBlock& block) {
  const bool leaves_shadow = block_.has_shadow && !block.has_shadow;
  block_ = block;
  if (leaves_shadow && context().uses_pdpte_registers()) {
    pdptes_ = bench_.vm().shadow.vcpus.at(number_).pdptes;
  }
}

void BenchCpu::pass_transition() {
  Invalidation drop;
  drop.op = InvalidateOp::kVmTransition;
  drop.rules = block_.rules;
  drop.tags = context().tags;
  drop.vpid_enabled = block_.vpid_enabled;
  std::erase_if(tlb_, [&](const Cached& c) { return drops(drop, c.key); });
}

WalkContext BenchCpu::context() const {
  WalkContext c;
  c.control = registers_.control;
  c.tags.vpid = block_.vpid;
  c.tags.asid = block_.asid;
  c.tags.ep4ta = block_.ep4ta;
  c.has_host = bench_.has_hypervisor() && block_.has_host;
  c.host_format = block_.host_format;
  c.host_root = block_.host_root.value();
  c.control.accessed_dirty = block_.accessed_dirty;
  c.has_guest = registers_.paging;
  c.guest_format = registers_.format;
  c.guest_root = registers_.root.value();
  c.pdptes = pdptes_;
  c.tags.pcid = pcid_;
  if (block_.has_shadow) {
    c.tags.pcid = Pcid{};
    c.has_guest = true;
    c.guest_format = block_.shadow_format;
    c.guest_root = block_.shadow_root.value();
    c.control.wp = true;
    c.control.nxe = true;
    c.control.smep = c.control.smep && registers_.paging;
    c.control.smap = c.control.smap && registers_.paging;
    c.control.guest_maxphyaddr = c.control.maxphyaddr;
  }
  return c;
}

void BenchCpu::load_pdptes() {
  for (;;) {
    const WalkContext c = context();
    if (!c.uses_pdpte_registers()) {
      return;
    }
    const PdpteLoad load = nestwalk::load_pdptes(c, PlainMemory{*bench_.memory_});
    if (load.ok) {
      pdptes_ = load.registers;
      return;
    }
    fatal_unless(!is_guest_fault(load.fault.kind), "the test writes valid PDPTEs");
    (void)bench_.hypervisor_->handle_fault(*this, bench_.vm_, load.fault);
  }
}

void BenchCpu::drop_native(const Invalidation& invalidation) {
  Invalidation whole = invalidation;
  whole.rules = block_.rules;
  whole.tags = context().tags;
  if (names_a_pcid(invalidation.op)) {
    whole.tags.pcid = invalidation.tags.pcid;
  }
  std::erase_if(tlb_, [&](const Cached& c) { return drops(whole, c.key); });
}

void BenchCpu::load_cr3(Gpa root, Pcid pcid, bool keep) {
  registers_.root = root;
  pcid_ = pcid;
  if (block_.intercepts.cr3_writes) {
    leave();
    (void)bench_.hypervisor_->handle_cr3_write(*this, bench_.vm_);
    load_pdptes();  // if the VM has left shadow paging meanwhile
    return;
  }
  Invalidation drop;
  drop.op = keep ? InvalidateOp::kMovCr3NoFlush : InvalidateOp::kMovCr3;
  drop_native(drop);
  load_pdptes();
}

void BenchCpu::write_control(const GuestRegisters& registers) {
  registers_ = registers;
  if (block_.intercepts.control_writes) {
    leave();
    (void)bench_.hypervisor_->handle_control_write(*this, bench_.vm_);
    load_pdptes();
    return;
  }
  Invalidation drop;
  drop.op = InvalidateOp::kMovCr4;
  drop_native(drop);
  load_pdptes();
}

void BenchCpu::invlpg(Gva address) {
  Invalidation drop;
  drop.op = InvalidateOp::kInvlpg;
  drop.address = address;
  invalidate(drop);
}

void BenchCpu::invalidate(const Invalidation& operation) {
  if (block_.intercepts.invalidations) {
    leave();
    bench_.hypervisor_->handle_invalidation(*this, bench_.vm_, operation);
    return;
  }
  drop_native(operation);
}

std::optional<Translation> BenchCpu::cached(Gva address) const {
  const WalkContext c = context();
  const MappingKind kind = c.has_host ? MappingKind::kCombined : MappingKind::kLinear;
  for (const Cached& each : tlb_) {
    if (matches(each.key, kind, tags_for(kind, c.tags)) &&
        address.page(each.key.span_bits).value() == each.key.address) {
      return each.translation;
    }
  }
  return std::nullopt;
}

std::optional<Translation> BenchCpu::translate(const Request& request, BenchResult& result) {
  const Access& access = request.access;
  for (;;) {
    const WalkContext c = context();
    if (const auto hit = cached(access.address);
        hit && cached_translation_serves(c, access, *hit)) {
      Translation t = *hit;
      const unsigned bits = t.page_bits();
      t.hpa = t.hpa.page(bits) + access.address.offset(bits);
      t.gpa = t.gpa.page(bits) + access.address.offset(bits);
      return t;
    }
    const WalkOutcome outcome = walk(c, access, PlainMemory{*bench_.memory_}, NoCache{});
    Invalidation drop;  // by the fault, or because the new entry takes the place of the old one
    drop.op = InvalidateOp::kPageFault;
    drop.address = access.address;
    drop_native(drop);
    if (outcome.is_translation) {
      const MappingKind kind = c.has_host ? MappingKind::kCombined : MappingKind::kLinear;
      if (tlb_.size() == bench_.options_.max_cached && !tlb_.empty()) {
        tlb_.erase(tlb_.begin());
      }
      tlb_.push_back({entry_key(access.address, outcome.translation, kind, c.tags,
                                outcome.translation.page_bits()),
                      outcome.translation});
      return outcome.translation;
    }
    Fault fault = outcome.fault;
    if (!is_guest_fault(fault.kind)) {
      leave();
      const ExitOutcome exit = bench_.hypervisor_->handle_fault(*this, bench_.vm_, fault);
      if (exit == ExitOutcome::kResumed) {
        continue;
      }
      result.is_stopped = true;
      return std::nullopt;
    }
    if (fault.kind == FaultKind::kGuestPageFault && block_.intercepts.page_faults) {
      leave();
      const ShadowFault served =
          bench_.hypervisor_->handle_guest_fault(*this, bench_.vm_, access, request.store);
      switch (served.outcome) {
        case ShadowOutcome::kResumed:
          continue;
        case ShadowOutcome::kEmulated: {
          result.value = served.is_stored ? 1 : 0;
          result.gpa = served.gpa;
          result.emulated = served.page.hpa;
          return std::nullopt;
        }
        case ShadowOutcome::kReflected:
          fault = served.fault;
          break;
        case ShadowOutcome::kBeyondMemory:
        case ShadowOutcome::kOutOfMemory:
          result.is_stopped = true;
          return std::nullopt;
      }
    }
    result.is_fault = true;
    result.code = fault.code;
    return std::nullopt;
  }
}

BenchResult BenchCpu::load(Gva address, unsigned bytes, Privilege privilege) {
  BenchResult result;
  if (const auto t = translate({{address, AccessType::kRead, privilege}, {}}, result)) {
    result.value = bench_.memory_->read(t->hpa, bytes);
    result.gpa = t->gpa;
  }
  return result;
}

BenchResult BenchCpu::fetch(Gva address, Privilege privilege) {
  BenchResult result;
  if (const auto t = translate({{address, AccessType::kFetch, privilege}, {}}, result)) {
    result.gpa = t->gpa;
  }
  return result;
}

BenchResult BenchCpu::store(Gva address, unsigned bytes, std::uint64_t value, Privilege privilege) {
  return store_bytes(address, std::as_bytes(std::span(&value, 1)).first(bytes), privilege);
}

BenchResult BenchCpu::store_bytes(Gva address, std::span<const std::byte> data,
                                  Privilege privilege) {
  BenchResult result;
  GuestStore store;
  store.data = data;
  if (const auto t = translate({{address, AccessType::kWrite, privilege}, store}, result)) {
    bench_.memory_->write_bytes(t->hpa, data);
    result.gpa = t->gpa;
  }
  result.value = 0;
  return result;
}

BenchResult BenchCpu::swap(Gva address, const Swap& swap) {
  BenchResult result;
  GuestStore store;
  store.swap = swap;
  if (const auto t =
          translate({{address, AccessType::kWrite, Privilege::kSupervisor}, store}, result)) {
    result.value =
        bench_.memory_->compare_and_swap(t->hpa, swap.bytes, swap.expected, swap.desired) ? 1 : 0;
    result.gpa = t->gpa;
  }
  return result;
}

BenchResult BenchCpu::store_page(Gva address, const std::byte* content) {
  BenchResult result;
  GuestStore store;
  store.is_block = true;
  const auto t = translate({{address, AccessType::kWrite, Privilege::kSupervisor}, store}, result);
  if (t) {
    result.gpa = t->gpa;
  }
  if (t || result.emulated) {
    const Hpa frame = (t ? t->hpa : *result.emulated).page(kSmallPageBits);
    if (content == nullptr) {
      bench_.memory_->zero_bytes(frame, bit(kSmallPageBits));
    } else {
      bench_.memory_->write_bytes(frame, {content, SparseMemory::kPageBytes});
    }
  }
  result.value = 0;
  return result;
}

BenchResult BenchCpu::clear_page(Gva address) {
  return store_page(address, nullptr);
}

BenchResult BenchCpu::copy_page(Gva to, Gva from) {
  BenchResult read;
  const auto t = translate({{from, AccessType::kRead, Privilege::kSupervisor}, {}}, read);
  if (!t) {
    return read;
  }
  const std::byte* there = bench_.memory_->page_if_present(t->hpa.page(kSmallPageBits));
  if (there == nullptr) {
    return store_page(to, nullptr);
  }
  std::array<std::byte, SparseMemory::kPageBytes> content;
  std::copy_n(there, content.size(), content.begin());
  return store_page(to, content.data());
}

BenchResult BenchCpu::touch(Gva address, Privilege privilege) {
  BenchResult result;
  if (const auto t = translate({{address, AccessType::kWrite, privilege}, {}}, result)) {
    result.gpa = t->gpa;
  }
  result.value = 0;
  return result;
}

// ---- The hypervisor's way ----

std::uint64_t BenchCpu::load(Hpa address, unsigned bytes) {
  if (before_load) {
    before_load(address);
  }
  return bench_.memory_->read(address, bytes);
}

void BenchCpu::store(Hpa address, unsigned bytes, std::uint64_t value) {
  if (before_store) {
    before_store(address);
  }
  bench_.memory_->write(address, bytes, value);
}

bool BenchCpu::compare_and_swap(Hpa address, const Swap& swap) {
  return bench_.memory_->compare_and_swap(address, swap.bytes, swap.expected, swap.desired);
}

void BenchCpu::read_frame(Hpa frame, std::span<std::byte> to) {
  bench_.memory_->read_bytes(frame, to);
}

void BenchCpu::write_frame(Hpa frame, std::span<const std::byte> from) {
  bench_.memory_->write_bytes(frame, from);
}

void BenchCpu::clear(Hpa address, unsigned bits) {
  bench_.memory_->zero_bytes(address, bit(bits));
}

void BenchCpu::invalidate(const Invalidation& invalidation, unsigned core) {
  invalidations.emplace_back(invalidation, core);
  std::erase_if(bench_.cpu(core).tlb_, [&](const Cached& c) { return drops(invalidation, c.key); });
}

}  // namespace nestwalk
