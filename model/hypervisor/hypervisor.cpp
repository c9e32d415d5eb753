#include "model/hypervisor/hypervisor.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"
#include "model/hypervisor/host_reclaim.h"
#include "model/hypervisor/shadow_audit.h"
#include "model/hypervisor/vm_teardown.h"
#include "model/memory/table_builder.h"

namespace nestwalk {
namespace {

// Lets a TableBuilder read the tables of a VM.
struct TableReader {
  const SparseMemory& memory;
  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned num_bytes) const {
    return memory.read(Hpa(address), num_bytes);
  }
};

Cause cause_of(const Vm& vm) {
  return vm.format().rules == RuleSet::kEpt ? Cause::kEptViolation : Cause::kNestedPageFault;
}

// Of the host stage: every access to a guest table may be one as well.
bool is_write(const Fault& fault) {
  static_assert(ept::qualification::kWrite == x86::error_code::kWrite);
  return (fault.code & bit(ept::qualification::kWrite)) != 0;
}

}  // namespace

ExitOutcome exit_outcome(ShadowOutcome outcome) {
  switch (outcome) {
    case ShadowOutcome::kBeyondMemory:
      return ExitOutcome::kBeyondMemory;
    case ShadowOutcome::kOutOfMemory:
      return ExitOutcome::kOutOfMemory;
    case ShadowOutcome::kResumed:
    case ShadowOutcome::kEmulated:
    case ShadowOutcome::kReflected:
      break;
  }
  return ExitOutcome::kResumed;
}

std::optional<std::string> find_problem(const HostMachine& machine, const VmParams& params) {
  const PagingFormat& format = format_of(format_id(params.format));
  if (params.memory_bytes == 0 || params.memory_bytes % bit(kSmallPageBits) != 0) {
    return "guest memory of " + std::to_string(params.memory_bytes) +
           " bytes is not a positive multiple of 4 KiB";
  }
  // x86 formats sign-extend linear addresses, but a GPA is not one: NPT takes all input bits.
  const unsigned bits = std::min<unsigned>(format.input_bits, machine.control.maxphyaddr);
  if (params.memory_bytes > bit(bits)) {
    return "guest memory of " + std::to_string(params.memory_bytes) + " bytes is more than the " +
           std::to_string(bit(bits)) + " bytes that " +
           std::string(kHostFormatNames[static_cast<unsigned>(params.format)]) +
           " tables reach on this machine";
  }
  return std::nullopt;
}

Hypervisor::Hypervisor(const HostMachine& machine, FrameAllocator<Hpa> frames)
    : machine_(machine), frames_{std::move(frames), {}} {}

std::optional<VmId> Hypervisor::create_vm(HypervisorPort& port, const VmParams& params) {
  fatal_unless(!find_problem(machine_, params), "a VM is created without problems");
  const auto place =
      std::find_if(vms_.begin(), vms_.end(), [](const Vm& vm) { return !vm.exists; });
  if (place == vms_.end() && vms_.size() + 1 > tags_.next) {
    return std::nullopt;
  }
  Vm vm;
  vm.id = VmId{static_cast<std::uint32_t>(place - vms_.begin())};
  vm.params = params;
  vm.paging = params.paging;
  vm.tag_number = static_cast<std::uint32_t>(vm.id) + 1;
  NestedPager pager({port, machine_, frames_, vm}, cause_of(vm));
  const std::optional<Hpa> root = pager.allocate_table();
  if (!root) {
    return std::nullopt;
  }
  vm.root = *root;
  if (place == vms_.end()) {
    vms_.push_back(vm);
  } else {
    *place = vm;
  }
  return vm.id;
}

void Hypervisor::destroy_vm(HypervisorPort& port, VmId id, const FlushTargets& targets) {
  fatal_unless(vm(id).exists, "a VM is destroyed once");
  destroy(host_context(port, id), targets);
}

HostContext Hypervisor::host_context(HypervisorPort& port, VmId id) {
  return {port, machine_, frames_, vms_.at(static_cast<std::size_t>(id))};
}

void Hypervisor::make_room(HypervisorPort& port, VmId id, const Fault& fault,
                           const FlushTargets& targets) {
  if (vm(id).params.resident_limit_bytes != 0 && fault.gpa.value() < vm(id).params.memory_bytes &&
      !NestedPager(host_context(port, id), Cause::kReclaim).is_backed(fault.gpa)) {
    make_room(port, id, targets);
  }
}

void Hypervisor::make_room(HypervisorPort& port, VmId id, const FlushTargets& targets) {
  const HostContext context = host_context(port, id);
  const VmParams& params = context.vm.params;
  const std::uint64_t wanted = context.vm.resident_bytes + bit(kSmallPageBits);
  if (params.resident_limit_bytes == 0 || wanted <= params.resident_limit_bytes) {
    return;
  }
  const std::uint64_t excess = wanted - params.resident_limit_bytes;
  HostReclaim(context, targets)
      .swap_out(std::max<std::uint64_t>(params.reclaim_batch_pages, excess >> kSmallPageBits));
}

bool Hypervisor::populate(HypervisorPort& port, VmId id, Gpa start, std::uint64_t length_bytes) {
  Vm& vm = find(id);
  fatal_unless(length_bytes <= vm.params.memory_bytes &&
                   start.value() <= vm.params.memory_bytes - length_bytes,
               "only memory of the guest is populated");
  NestedPager pager({port, machine_, frames_, vm}, cause_of(vm));
  const Gpa end = start + length_bytes;
  for (Gpa at = start.page(kSmallPageBits); at < end; at = at + bit(kSmallPageBits)) {
    if (!pager.is_backed(at) && pager.back(at) == BackOutcome::kOutOfMemory) {
      return false;
    }
  }
  return true;
}

ControlBlock Hypervisor::control_block(VmId id, unsigned vcpu) const {
  const Vm& machine = vm(id);
  const bool is_ept = machine.rules() == TagRules::kIntel;
  ControlBlock block;
  block.vm = static_cast<std::uint32_t>(id);
  block.rules = machine.rules();
  const Tags tags = machine.tags();
  block.vpid_enabled = is_ept && machine.params.vpid;
  block.vpid = tags.vpid;
  block.asid = tags.asid;
  block.host_format = machine.format().id;
  block.has_host = !machine.is_shadowed();
  if (block.has_host) {
    block.host_root = machine.root;
    block.accessed_dirty = is_ept ? machine.params.accessed_dirty : true;
    block.ep4ta = tags.ep4ta;
    return block;
  }
  block.has_shadow = true;
  block.intercepts = {true, true, true, true};
  if (vcpu < machine.shadow.vcpus.size() && machine.shadow.vcpus[vcpu].root != kNoShadow) {
    const ShadowVcpu& running = machine.shadow.vcpus[vcpu];
    block.shadow_format = shadow_format(running.mode);
    block.shadow_root = machine.shadow.cache.table(running.root).frame;
  }
  return block;
}

ExitOutcome Hypervisor::enter(HypervisorPort& port, VmId id) {
  if (vm(id).is_shadowed()) {
    const ExitOutcome outcome =
        exit_outcome(shadow_pager(port, id).start(port.vcpu(), port.guest_registers()));
    if (outcome != ExitOutcome::kResumed) {
      return outcome;
    }
  }
  enter_as_it_is(port, id);
  return ExitOutcome::kResumed;
}

void Hypervisor::enter_as_it_is(HypervisorPort& port, VmId id) const {
  port.enter(control_block(id, port.vcpu()));
}

Vm& Hypervisor::begin_exit(HypervisorPort& port, VmId id) {
  Vm& vm = find(id);
  ++vm.statistics.exits;
  port.spend(Cause::kVmExit, machine_.params.exit_cycles);
  return vm;
}

ShadowPager Hypervisor::shadow_pager(HypervisorPort& port, VmId id) {
  fatal_unless(vm(id).is_shadowed(), "the VM is under shadow paging");
  return {port, machine_, frames_, find(id)};
}

ShadowFault Hypervisor::handle_guest_fault(HypervisorPort& port, VmId id, const Access& access,
                                           const GuestStore& store) {
  begin_exit(port, id);
  if (!vm(id).is_shadowed()) {
    enter_as_it_is(port, id);
    return {};  // the access is repeated, and faults again if the guest's tables say so
  }
  const ShadowFault result = shadow_pager(port, id).fault(port.vcpu(), access, store);
  if (exit_outcome(result.outcome) == ExitOutcome::kResumed) {
    enter_as_it_is(port, id);
  }
  return result;
}

void Hypervisor::flush_instead(HypervisorPort& port, VmId id) {
  const Vm& machine = vm(id);
  Invalidation drop;
  drop.tags = machine.tags();
  drop.rules = machine.rules();
  drop.vpid_enabled = machine.params.vpid;
  drop.op = machine.rules() == TagRules::kAmd ? InvalidateOp::kTlbControlAsid
            : machine.params.vpid             ? InvalidateOp::kInvvpidSingle
                                              : InvalidateOp::kVmTransition;
  port.invalidate(drop, port.core());
  enter_as_it_is(port, id);
}

SwitchOutcome Hypervisor::switch_paging(HypervisorPort& port, VmId id, Paging to,
                                        std::span<const VcpuRegisters> vcpus,
                                        const FlushTargets& targets) {
  return PagingSwitch(host_context(port, id), targets, tags_,
                      static_cast<std::uint32_t>(vms_.size()))
      .to(to, vcpus);
}

ExitOutcome Hypervisor::handle_cr3_write(HypervisorPort& port, VmId id) {
  begin_exit(port, id);
  if (!vm(id).is_shadowed()) {
    flush_instead(port, id);
    return ExitOutcome::kResumed;
  }
  const ShadowOutcome outcome =
      shadow_pager(port, id).write_cr3(port.vcpu(), port.guest_registers());
  enter_as_it_is(port, id);
  return exit_outcome(outcome);
}

ExitOutcome Hypervisor::handle_control_write(HypervisorPort& port, VmId id) {
  begin_exit(port, id);
  if (!vm(id).is_shadowed()) {
    flush_instead(port, id);
    return ExitOutcome::kResumed;
  }
  const ShadowOutcome outcome =
      shadow_pager(port, id).write_control(port.vcpu(), port.guest_registers());
  enter_as_it_is(port, id);
  return exit_outcome(outcome);
}

void Hypervisor::handle_invalidation(HypervisorPort& port, VmId id, const Invalidation& operation) {
  begin_exit(port, id);
  if (!vm(id).is_shadowed()) {
    flush_instead(port, id);
    return;
  }
  shadow_pager(port, id).invalidate(port.vcpu(), operation);
  enter_as_it_is(port, id);
}

void Hypervisor::catch_up(HypervisorPort& port, VmId id) {
  if (vm(id).is_shadowed()) {
    shadow_pager(port, id).catch_up();
  }
}

ExitOutcome Hypervisor::handle_fault(HypervisorPort& port, VmId id, const Fault& fault) {
  Vm& vm = begin_exit(port, id);
  VmStatistics& statistics = vm.statistics;
  port.spend(cause_of(vm), machine_.params.violation_cycles);
  switch (fault.kind) {
    case FaultKind::kEptViolation:
      ++statistics.ept_violations;
      break;
    case FaultKind::kNestedPageFault:
      ++statistics.nested_page_faults;
      break;
    case FaultKind::kEptMisconfiguration:
      ++statistics.ept_misconfigurations;
      return ExitOutcome::kMisconfigured;
    default:
      fatal("only faults of the host stage leave a guest with nested paging");
  }
  if (fault.position.g > 0) {
    ++statistics.guest_table_faults;
  }
  if (fault.gpa.value() >= vm.params.memory_bytes) {
    ++statistics.beyond_memory;
    return ExitOutcome::kBeyondMemory;
  }
  NestedPager pager({port, machine_, frames_, vm}, cause_of(vm));
  switch (pager.back(fault.gpa, is_write(fault) ? AccessType::kWrite : AccessType::kRead)) {
    case BackOutcome::kBacked:
      break;
    case BackOutcome::kRightsRaised:
      ++statistics.rights_raised;
      break;
    case BackOutcome::kUnchanged:
      ++statistics.spurious_faults;
      break;
    case BackOutcome::kOutOfMemory:
      ++statistics.out_of_memory;
      return ExitOutcome::kOutOfMemory;
  }
  return enter(port, id);
}

void Hypervisor::drop_shadow(HypervisorPort& port, VmId id) {
  shadow_pager(port, id).drop_all();
}

std::optional<Hpa> Hypervisor::translate(const SparseMemory& memory, VmId id, Gpa address) const {
  TableBuilder builder(vm(id).format(), vm(id).root.value(), TableReader{memory});
  const std::optional<FoundLeaf> leaf = builder.find_leaf(address.value());
  if (!leaf) {
    return std::nullopt;
  }
  return Hpa(leaf->output_address);
}

std::vector<std::string> Hypervisor::audit(const SparseMemory& memory, VmId id) const {
  return audit_shadow(memory, vm(id), machine_.control);
}

const Vm& Hypervisor::vm(VmId id) const {
  return vms_.at(static_cast<std::size_t>(id));
}

void Hypervisor::register_stats(StatGroup& group) const {
  for (const Vm& vm : vms_) {
    if (!vm.exists) {
      continue;
    }
    StatGroup& own = group.group("vm" + std::to_string(static_cast<std::uint32_t>(vm.id)));
    vm.statistics.register_stats(own);
    if (vm.params.paging == Paging::kShadow || vm.may_switch()) {
      vm.shadow.statistics.register_stats(own.group("shadow"));
    }
  }
}

}  // namespace nestwalk
