#include "model/hypervisor/paging_switch.h"

#include "model/hypervisor/dirty_logger.h"

namespace nestwalk {

SwitchOutcome PagingSwitch::to(Paging paging, std::span<const VcpuRegisters> vcpus) {
  Vm& vm = context_.vm;
  if (vm.paging == paging) {
    return SwitchOutcome::kUnchanged;
  }
  context_.port.spend(Cause::kSwitchFlip,
                      vcpus.size() * context_.machine.params.switching.flip_cycles);
  if (paging == Paging::kNested) {
    to_nested();
    ++vm.statistics.switches_to_nested;
  } else if (to_shadow(vcpus)) {
    ++vm.statistics.switches_to_shadow;
  } else {
    ++vm.statistics.switches_refused;
    return SwitchOutcome::kRefused;
  }
  flush(paging);
  return SwitchOutcome::kSwitched;
}

bool PagingSwitch::to_shadow(std::span<const VcpuRegisters> vcpus) {
  Vm& vm = context_.vm;
  keep_dirty_log();
  vm.paging = Paging::kShadow;
  ShadowPager pager(context_.port, context_.machine, context_.frames, vm);
  pager.compare();
  if (pager.start_all(vcpus)) {
    return true;
  }
  pager.destroy();
  vm.paging = Paging::kNested;
  return false;
}

void PagingSwitch::to_nested() {
  Vm& vm = context_.vm;
  ShadowPager pager(context_.port, context_.machine, context_.frames, vm);
  if (vm.params.switching.inactive == InactiveShadow::kDestroyed) {
    pager.destroy();
  } else {
    pager.keep();
  }
  vm.paging = Paging::kNested;
}

// Under shadow paging the MMU sets no D in the host stage.
void PagingSwitch::keep_dirty_log() {
  if (context_.vm.dirty_log && context_.vm.dirty_log->method == DirtyLogMethod::kDirtyBits) {
    DirtyLogger(context_, targets_).protect_instead();
  }
}

// While EPT is off the MMU makes and uses linear translations alone, while it is on guest-physical
// and combined ones alone; neither drops the other's (SDM vol. 3, "Information that may be cached"
// and "Operations that invalidate cached mappings"). AMD has one tag space: a change of nested
// paging needs a flush in any case (APM vol. 2, "TLB control").
void PagingSwitch::flush(Paging entered) {
  Vm& vm = context_.vm;
  const SwitchFlush how = vm.params.switching.flush;
  const bool is_host_changed = vm.shadow.has_host_changed;
  if (entered == Paging::kNested) {
    vm.shadow.has_host_changed = false;
  }
  if (how == SwitchFlush::kNone) {
    return;
  }
  if (how == SwitchFlush::kNewVpid) {
    change_tag();
    return;
  }
  Invalidation drop;
  drop.tags = vm.tags();
  drop.rules = vm.rules();
  drop.vpid_enabled = vm.params.vpid;
  const bool is_amd = vm.rules() == TagRules::kAmd;
  if (is_amd) {
    drop.op = InvalidateOp::kTlbControlAsid;
  } else if (entered == Paging::kShadow && how != SwitchFlush::kInvept) {
    if (!vm.params.vpid) {
      return;  // the exits and entries of the switch have dropped everything
    }
    drop.op = InvalidateOp::kInvvpidSingle;
  } else if (entered == Paging::kNested && how != SwitchFlush::kInvvpid && is_host_changed) {
    drop.op = InvalidateOp::kInveptSingle;
  } else {
    return;
  }
  for (const unsigned core : targets_.cores) {
    context_.port.invalidate(drop, core);
  }
}

void PagingSwitch::change_tag() {
  Vm& vm = context_.vm;
  const bool has_tag = vm.rules() == TagRules::kAmd || vm.params.vpid;
  if (has_tag && tags_.next > num_vms_) {
    vm.tag_number = tags_.next--;
  } else if (has_tag) {  // none left: the one it has is emptied instead
    Invalidation drop;
    drop.tags = vm.tags();
    drop.rules = vm.rules();
    drop.vpid_enabled = vm.params.vpid;
    drop.op =
        vm.rules() == TagRules::kAmd ? InvalidateOp::kTlbControlAsid : InvalidateOp::kInvvpidSingle;
    for (const unsigned core : targets_.cores) {
      context_.port.invalidate(drop, core);
    }
  }
}

}  // namespace nestwalk
