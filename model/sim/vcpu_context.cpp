// What a virtual CPU's core walks by: the guest's registers, the host stage or the shadow.
#include <optional>

#include "model/arch/check.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

WalkContext Vcpu::make_context() const {
  WalkContext context = guest_context();
  if (block_.has_shadow) {
    shadow_context(context);
    return context;
  }
  context.pdptes = pdptes_;
  context.has_host = block_.has_host;
  context.host_root = block_.host_root.value();
  return context;
}

// By the guest's own registers; without a host stage.
WalkContext Vcpu::guest_context() const {
  const MachineParams& machine = platform_.params();
  WalkContext context;
  context.tags.vpid = block_.vpid;
  context.tags.ep4ta = block_.ep4ta;
  context.tags.asid = block_.asid;
  context.tags.pcid = control_.pcid ? cr3_.pcid : Pcid{};
  context.control = control_.control;
  context.control.page_1g = machine.page_1g;
  context.control.maxphyaddr = machine.maxphyaddr;
  context.control.accessed_dirty = block_.accessed_dirty;
  context.has_guest = control_.paging;
  context.guest_format = control_.format;
  context.guest_root = cr3_.root.value();
  context.host_format = block_.host_format;
  return context;
}

// What hardware would walk by if the VM were under nested paging.
WalkContext Vcpu::unshadowed_context() const {
  const Vm& vm = hypervisor().vm(place_.vm_id);
  WalkContext context = guest_context();
  context.has_host = true;
  context.host_root = vm.root.value();
  context.tags.ep4ta = vm.tags().ep4ta;
  if (place_.cpu < vm.shadow.vcpus.size()) {
    context.pdptes = vm.shadow.vcpus[place_.cpu].pdptes;
  }
  return context;
}

void Vcpu::tell_guest_invalidation(const Invalidation& operation) const {
  if (!block_.has_shadow || platform_.observer() == nullptr) {
    return;
  }
  Invalidation whole = operation;
  whole.rules = block_.rules;
  const Tags guest = unshadowed_context().tags;
  whole.tags = guest;
  if (operation.op == InvalidateOp::kInvpcidAddress ||
      operation.op == InvalidateOp::kInvpcidSingle) {
    whole.tags.pcid = operation.tags.pcid;
  }
  platform_.observer()->on_guest_acknowledged(slot_->index, whole);
}

// The MMU walks the hypervisor's table as if it were a native guest's: with WP and NXE on, without
// PCIDs and protection keys, and with physical addresses of the machine's width. SMEP, SMAP and AC
// are the guest's, while it has paging on; a guest without paging makes no difference between user
// and kernel.
void Vcpu::shadow_context(WalkContext& context) const {
  context.tags.pcid = Pcid{};
  context.has_guest = true;
  context.guest_format = block_.shadow_format;
  context.guest_root = block_.shadow_root.value();
  Control& control = context.control;
  control.wp = true;
  control.nxe = true;
  control.pke = false;
  control.smep = control.smep && control_.paging;
  control.smap = control.smap && control_.paging;
  control.guest_maxphyaddr = control.maxphyaddr;
}

GuestRegisters Vcpu::guest_registers() const {
  GuestRegisters registers{control_.paging, control_.format, cr3_.root, control_.control, {}};
  const Vm& vm = hypervisor().vm(place_.vm_id);
  if (!block_.has_shadow) {
    registers.pdptes = pdptes_;
  } else if (place_.cpu < vm.shadow.vcpus.size()) {
    registers.pdptes = vm.shadow.vcpus[place_.cpu].pdptes;
  }
  return registers;
}

void Vcpu::update_context() {
  platform_.mmu(slot_->index).set_context(make_context());
  if (TranslationObserver* observer = platform_.observer()) {
    if (place_.hypervisor != nullptr) {
      observer->on_vm(slot_->index, static_cast<std::uint32_t>(place_.vm_id));
    }
    observer->on_guest_context(
        slot_->index, block_.has_shadow ? std::optional(unshadowed_context()) : std::nullopt);
  }
}

void Vcpu::load_pdptes() {
  while (make_context().uses_pdpte_registers()) {  // a switch of the paging may come in between
    pdptes_.loaded = false;
    const PdpteLoad load = slot_->book.run_software(
        Cause::kCr3Load, [&] { return slot_->core.load_pdptes(make_context()); });
    if (load.ok) {
      pdptes_ = load.registers;
      break;
    }
    fatal_unless(!is_guest_fault(load.fault.kind), "the guest kernel writes valid PDPTEs");
    serve_host_fault(load.fault);
  }
  update_context();
}

}  // namespace nestwalk
