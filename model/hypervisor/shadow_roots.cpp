// Which shadow table a virtual CPU uses as its root: one for each root of the guest and each mode.
#include <algorithm>

#include "model/arch/check.h"
#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {
namespace {

ShadowMode mode_of(const GuestRegisters& registers) {
  ShadowMode mode;
  mode.paging = registers.paging;
  if (!registers.paging) {
    return mode;  // SMEP, SMAP and the like are about pages of tables
  }
  const PagingFormat& format = format_of(registers.format);
  const Control& control = registers.control;
  mode.guest_format = registers.format;
  mode.no_execute = !format.has_no_execute || control.nxe;
  mode.large_2level = format.entry_bytes == 8 || control.pse;
  mode.wp = control.wp;
  mode.smep = !control.wp && control.smep;
  mode.smap = !control.wp && control.smap;
  return mode;
}

bool has_own_top(const ShadowMode& mode) {
  return mode.paging && format_of(mode.guest_format).input_bits == 32;
}

ShadowKey root_key(const ShadowVcpu& vcpu) {
  ShadowKey key;
  key.role.mode = vcpu.mode;
  key.role.level = format_of(shadow_format(vcpu.mode)).levels;
  if (vcpu.mode.paging) {
    key.frame = Gpa(vcpu.registers.root.value() & format_of(vcpu.mode.guest_format).root_mask);
  } else {
    key.role.direct = true;
  }
  return key;
}

}  // namespace

ShadowOutcome ShadowPager::start(unsigned vcpu, const GuestRegisters& registers) {
  state_.cores.insert(port_.core());
  if (state_.vcpus.size() <= vcpu) {
    state_.vcpus.resize(vcpu + 1);
  }
  ShadowVcpu& started = state_.vcpus[vcpu];
  const bool is_new = started.root == kNoShadow || started.registers.root != registers.root;
  const ShadowOutcome outcome = is_new                 ? load_and_flush(vcpu, registers)
                                : choose_root(started) ? ShadowOutcome::kResumed
                                                       : ShadowOutcome::kOutOfMemory;
  finish();
  return outcome;
}

ShadowOutcome ShadowPager::write_cr3(unsigned vcpu, const GuestRegisters& registers) {
  ++statistics_.cr3_exits;
  spend(Cause::kShadowRoot, costs_.root_cycles);
  return load_and_flush(vcpu, registers);
}

ShadowOutcome ShadowPager::write_control(unsigned vcpu, const GuestRegisters& registers) {
  ++statistics_.control_exits;
  spend(Cause::kShadowRoot, costs_.root_cycles);
  return load_and_flush(vcpu, registers);
}

// All roots share the VM's tag, and PCID 0: a change of root drops everything on this core.
ShadowOutcome ShadowPager::load_and_flush(unsigned vcpu, const GuestRegisters& registers) {
  const ShadowOutcome outcome = load(vcpu, registers);
  if (outcome == ShadowOutcome::kResumed) {
    finish();
    flush_here();
  }
  return outcome;
}

// Roots of before stay in the cache, in sync.
ShadowOutcome ShadowPager::load(unsigned vcpu, const GuestRegisters& registers,
                                PdpteSource source) {
  sync_all();
  ShadowVcpu& loading = state_.vcpus.at(vcpu);
  loading.registers = registers;
  loading.mode = mode_of(registers);
  loading.pdptes = source == PdpteSource::kProcessor ? registers.pdptes : PdpteRegisters{};
  const WalkContext context = guest_context(registers, loading.pdptes);
  if (!context.uses_pdpte_registers()) {
    loading.pdptes = {};
  } else if (!loading.pdptes.loaded) {
    const GuestPdptes pdptes = load_guest_pdptes(memory_, port_, context);
    if (pdptes.reach != Reach::kReached) {
      return pdptes.reach == Reach::kBeyondMemory ? ShadowOutcome::kBeyondMemory
                                                  : ShadowOutcome::kOutOfMemory;
    }
    fatal_unless(pdptes.registers.loaded, "the guest kernel writes valid PDPTEs");
    loading.pdptes = pdptes.registers;
  }
  if (has_own_top(loading.mode) && loading.top != kNoShadow) {
    for (unsigned index = 0; index < 4; ++index) {  // links by the PDPTEs, or the CR3, of before
      drop_entry({loading.top, static_cast<std::uint16_t>(index)});
    }
  }
  return choose_root(loading) ? ShadowOutcome::kResumed : ShadowOutcome::kOutOfMemory;
}

// A root that was dropped is nobody's table any more, and one for other registers is another one's.
bool ShadowPager::is_current(const ShadowVcpu& vcpu) const {
  if (vcpu.root == kNoShadow) {
    return false;
  }
  const ShadowTable& root = state_.cache.table(vcpu.root);
  if (has_own_top(vcpu.mode)) {
    return vcpu.top != kNoShadow && root.key.role.mode == vcpu.mode;
  }
  return root.is_listed && root.key == root_key(vcpu);
}

// The old root is left after the new one exists: without room for one, nothing has changed.
bool ShadowPager::choose_root(ShadowVcpu& vcpu) {
  if (is_current(vcpu)) {
    state_.cache.touch(vcpu.root);
    return true;
  }
  make_room();
  const ShadowId old_root = vcpu.root;
  const ShadowId old_top = vcpu.top;
  if (has_own_top(vcpu.mode)) {
    if (!make_top(vcpu)) {
      return false;
    }
  } else {
    bool is_fresh = false;
    const ShadowId root = get(root_key(vcpu), is_fresh);
    if (root == kNoShadow) {
      return false;
    }
    vcpu.root = root;
    vcpu.top = kNoShadow;
    ++state_.cache.table(root).num_roots;
  }
  leave_root(old_root);
  leave_root(old_top);
  return true;
}

// The levels 4 and 3 above the tables of a 32-bit guest: they mirror no table but registers of this
// virtual CPU, and belong to it alone.
bool ShadowPager::make_top(ShadowVcpu& vcpu) {
  const std::optional<Hpa> root_frame = allocate_table();
  const std::optional<Hpa> top_frame = allocate_table();
  if (!root_frame || !top_frame) {
    for (const std::optional<Hpa>& frame : {root_frame, top_frame}) {
      if (frame) {
        tables_to_free_.push_back(*frame);
        must_flush_ = true;
      }
    }
    return false;
  }
  ShadowKey key = root_key(vcpu);
  vcpu.root = state_.cache.add(key, *root_frame, false);
  key.role.level = 3;
  vcpu.top = state_.cache.add(key, *top_frame, false);
  state_.cache.table(vcpu.root).num_roots = 1;
  state_.cache.table(vcpu.top).num_roots = 1;
  statistics_.tables_peak = std::max(statistics_.tables_peak, state_.cache.num_tables());
  link({vcpu.root, 0}, vcpu.top);
  return true;
}

void ShadowPager::leave_root(ShadowId root) {
  if (root == kNoShadow) {
    return;
  }
  ShadowTable& left = state_.cache.table(root);
  --left.num_roots;
  if (left.num_roots == 0 && !left.is_listed) {
    empty(root);
    release(root);
  }
}

}  // namespace nestwalk
