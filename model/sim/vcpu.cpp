#include "model/sim/vcpu.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "model/arch/check.h"

namespace nestwalk {

namespace {

std::span<std::byte> bytes_of(std::uint64_t& word, unsigned num_bytes) {
  return std::as_writable_bytes(std::span(&word, 1)).first(num_bytes);
}

}  // namespace

Vcpu::Vcpu(Platform& platform, const Place& place)
    : platform_(platform), place_(place), log_(platform, place.vm, place.hypervisor, place.vm_id) {
  block_.has_host = false;
  block_.rules = platform.params().tag_rules;
  if (place_.hypervisor != nullptr) {
    block_ = place_.hypervisor->control_block(place_.vm_id);
  }
}

void Vcpu::reset(const PagingControl& control, const Cr3Value& cr3) {
  control_ = control;
  cr3_ = cr3;
}

void Vcpu::resume(CoreSlot& slot) {
  const bool moved = slot_ != nullptr && slot_ != &slot;
  slot_ = &slot;
  slot.running = this;
  is_running_ = true;
  if (place_.hypervisor != nullptr) {
    is_outside_ = true;
    const SoftwareGuard guard(*place_.hypervisor_lock, slot);
    if (must_flush_) {
      hypervisor().catch_up(*this, place_.vm_id);
    }
    check_resumed(hypervisor().enter(*this, place_.vm_id), cr3_.root);
  }
  update_context();
  if (must_flush_) {
    Invalidation all;
    all.op = block_.rules == TagRules::kAmd ? InvalidateOp::kTlbControlAsid
                                            : InvalidateOp::kInvvpidSingle;
    tell_guest_invalidation(all);
  }
  const Vcpu*& last = slot.last_vcpu[place_.vm];
  if ((last != nullptr && (last != this || moved)) || must_flush_) {
    must_flush_ = false;
    flush_leftovers();
  }
  last = this;
  if (!pdptes_.loaded) {
    load_pdptes();
  }
  take_deferred();
}

// As hypervisors do when a virtual CPU comes to a core: its guest may have invalidated elsewhere,
// and virtual CPUs of one VM share its tag but not its address space.
void Vcpu::flush_leftovers() {
  Invalidation drop;
  drop.rules = block_.rules;
  drop.op =
      block_.rules == TagRules::kAmd ? InvalidateOp::kTlbControlAsid : InvalidateOp::kInvvpidSingle;
  drop.tags = make_context().tags;
  spend(Cause::kInvalidation, cost_of(drop.op));
  invalidate_here(drop);
}

void Vcpu::end() {
  is_running_ = false;
  slot_->running = nullptr;
}

void Vcpu::pause() {
  log_.exit(*slot_, "time_slice");
  end();
  if (block_.has_host) {
    transition();
  }
}

// ---- Faults, entries and exits ----

void Vcpu::transition() {
  Invalidation drop;
  drop.op = InvalidateOp::kVmTransition;
  drop.rules = block_.rules;
  drop.tags = make_context().tags;
  drop.vpid_enabled = block_.vpid_enabled;
  invalidate_here(drop);
}

void Vcpu::invalidate_here(const Invalidation& invalidation) {
  slot_->core.pass_time();
  Fence fence;
  log_.invalidation(*slot_, invalidation, platform_.invalidate(slot_->index, invalidation, &fence));
  if (!fence.is_acknowledged()) {
    slot_->book.charge(Cause::kInvalidation, slot_->core.wait_until(fence.acknowledged(), [&fence] {
      return fence.is_acknowledged();
    }));
  }
  platform_.acknowledge(slot_->index, invalidation);
}

void Vcpu::serve_host_fault(const Fault& fault) {
  if (place_.hypervisor == nullptr) {
    throw VmStopped(
        fmt::format("the memory refused an access for address {:#x}: the machine has {} "
                    "bytes (machine.memory_bytes)",
                    fault.address.value(), platform_.params().memory_bytes));
  }
  if (fault.kind == FaultKind::kMemoryError) {
    throw VmStopped(fmt::format("VM {}: host memory refused a table access on the way to {:#x}",
                                place_.vm, fault.address.value()));
  }
  leave_for(name_of(fault.kind), fault.gpa.value(), [&] {
    hypervisor().make_room(*this, place_.vm_id, fault, flush_targets());
    check_resumed(hypervisor().handle_fault(*this, place_.vm_id, fault), fault.gpa);
  });
}

void Vcpu::check_resumed(ExitOutcome outcome, Gpa gpa) const {
  switch (outcome) {
    case ExitOutcome::kResumed:
      return;
    case ExitOutcome::kBeyondMemory:
      throw VmStopped(
          fmt::format("VM {}: the guest used guest-physical address {:#x}, beyond its "
                      "memory (vms.{}.memory_bytes)",
                      place_.vm, gpa.value(), place_.vm));
    case ExitOutcome::kMisconfigured:
      throw VmStopped(
          fmt::format("VM {}: a malformed entry of the host stage for guest-physical "
                      "address {:#x}",
                      place_.vm, gpa.value()));
    case ExitOutcome::kOutOfMemory:
      throw VmStopped(
          fmt::format("VM {}: the host has no frame left for guest-physical address "
                      "{:#x} (machine.memory_bytes is {})",
                      place_.vm, gpa.value(), platform_.params().memory_bytes));
  }
}

ShadowFault Vcpu::serve_intercepted_fault(const Access& access, const GuestStore& store) {
  ShadowFault result;
  leave_for("page_fault", access.address.value(), [&] {
    hypervisor().make_room(*this, place_.vm_id, flush_targets());
    result = hypervisor().handle_guest_fault(*this, place_.vm_id, access, store);
    check_resumed(exit_outcome(result.outcome), result.gpa);
  });
  return result;
}

// The PDPTEs are registers of the guest, which the hypervisor keeps for it under shadow paging.
void Vcpu::enter(const ControlBlock& block) {
  const bool leaves_shadow = block_.has_shadow && !block.has_shadow;
  const PdpteRegisters kept = leaves_shadow ? guest_registers().pdptes : PdpteRegisters{};
  block_ = block;
  if (leaves_shadow) {
    pdptes_ = make_context().uses_pdpte_registers() ? kept : PdpteRegisters{};
  }
  is_outside_ = false;
  transition();
  update_context();
  log_.entry(*slot_);
}

// ---- The guest kernel's way ----

Vcpu::Made Vcpu::access(Gva address, AccessType type, std::span<std::byte> data, Cause cause,
                        const GuestStore& store) {
  Access access;
  access.address = address;
  access.type = type;
  access.privilege = Privilege::kSupervisor;
  for (;;) {
    const SoftwareAccess result =
        slot_->book.run_software(cause, [&] { return slot_->core.access(access, data); });
    if (result.ok) {
      return {result.translation, false, true};
    }
    Fault fault = result.fault;
    if (!is_guest_fault(fault.kind)) {
      ++num_direct_map_faults_;
      serve_host_fault(fault);
      continue;
    }
    if (fault.kind == FaultKind::kGuestPageFault && intercepts_page_faults()) {
      const ShadowFault served = serve_intercepted_fault(access, store);
      if (served.outcome == ShadowOutcome::kResumed) {
        continue;
      }
      if (served.outcome == ShadowOutcome::kEmulated) {
        Made made{{}, true, served.is_stored};
        made.translation.gpa = served.gpa;
        made.translation.hpa = served.page.hpa;
        return made;
      }
      fault = served.fault;
    }
    fatal(fmt::format("guest page fault of the kernel itself at {:#x}, code {:#x}",
                      fault.address.value(), fault.code));
  }
}

std::uint64_t Vcpu::load(Gva address, unsigned bytes) {
  std::uint64_t word = 0;
  access(address, AccessType::kRead, bytes_of(word, bytes), Cause::kGuestTableWrite);
  return word;
}

void Vcpu::store(Gva address, unsigned bytes, std::uint64_t value) {
  const std::span<std::byte> data = bytes_of(value, bytes);
  GuestStore store;
  store.data = data;
  VcpuLog::Write write{log_.take_note(), direct_map_gpa(address).value(), 0, value};
  write.old_value = log_.word(Gpa(write.address), bytes);
  if (!access(address, AccessType::kWrite, data, Cause::kGuestTableWrite, store).is_emulated) {
    log_.write(*slot_, write);
  }
}

bool Vcpu::compare_and_swap(Gva address, const Swap& swap) {
  // One access, like a locked instruction: no walker sets A or D in between.
  GuestStore store;
  store.swap = swap;
  const TableNote note = log_.take_note();
  const Made made = access(address, AccessType::kWrite, {}, Cause::kGuestTableWrite, store);
  if (made.is_emulated) {
    return made.is_stored;
  }
  const bool is_stored = platform_.memory().compare_and_swap(made.translation.hpa, swap.bytes,
                                                             swap.expected, swap.desired);
  if (is_stored) {
    log_.write(*slot_, {note, direct_map_gpa(address).value(), swap.expected, swap.desired});
  }
  return is_stored;
}

Translation Vcpu::access_block(Gva address, AccessType type, Cause cause) {
  std::uint64_t zero = 0;
  GuestStore store;
  store.is_block = true;
  return access(address, type, bytes_of(zero, 8), cause, store).translation;
}

void Vcpu::clear(Gva address, unsigned bits) {
  const std::uint64_t size = bit(bits);
  log_.frame(*slot_, LogKind::kFrameZeroed, direct_map_gpa(address).value(), size);
  for (std::uint64_t done = 0; done < size;) {
    const Translation page =
        access_block(address + done, AccessType::kWrite, Cause::kGuestFrameZeroing);
    const std::uint64_t in_page = bit(page.page_bits()) - page.hpa.offset(page.page_bits());
    const std::uint64_t length = std::min(in_page, size - done);
    platform_.memory().zero_bytes(page.hpa, length);
    done += length;
  }
}

void Vcpu::invalidate(const Invalidation& invalidation) {
  if (block_.intercepts.invalidations) {
    leave_for(name_of(invalidation.op), invalidation.address.value(),
              [&] { hypervisor().handle_invalidation(*this, place_.vm_id, invalidation); });
    tell_guest_invalidation(invalidation);
    return;
  }
  const Invalidation drop = complete(invalidation);
  spend(Cause::kInvalidation, cost_of(drop.op));
  invalidate_here(drop);
}

void Vcpu::write_cr3(const Cr3Value& value) {
  cr3_ = value;
  pdptes_.loaded = false;
  Invalidation drop;
  drop.op = value.no_flush && control_.pcid ? InvalidateOp::kMovCr3NoFlush : InvalidateOp::kMovCr3;
  if (block_.intercepts.cr3_writes) {
    leave_for("cr3_write", value.root.value(), [&] {
      check_resumed(hypervisor().handle_cr3_write(*this, place_.vm_id), value.root);
    });
    tell_guest_invalidation(drop);
    load_pdptes();  // if the VM has left shadow paging meanwhile
    return;
  }
  drop.rules = block_.rules;
  drop.tags = make_context().tags;
  spend(Cause::kCr3Load, cost_of(drop.op));
  invalidate_here(drop);
  update_context();
  load_pdptes();
}

void Vcpu::write_control(const PagingControl& control) {
  control_ = control;
  Invalidation drop;
  drop.op = InvalidateOp::kMovCr4;
  if (block_.intercepts.control_writes) {
    leave_for("control_write", 0, [&] {
      check_resumed(hypervisor().handle_control_write(*this, place_.vm_id), cr3_.root);
    });
    tell_guest_invalidation(drop);
    load_pdptes();
    return;
  }
  drop.rules = block_.rules;
  drop.tags = make_context().tags;
  spend(Cause::kInvalidation, cost_of(drop.op));
  invalidate_here(drop);
  update_context();
  load_pdptes();
}

// ---- The hypervisor's way ----

void Vcpu::check_physical(bool ok, Hpa address) const {
  if (!ok) {
    fatal(fmt::format("the hypervisor used host-physical address {:#x}, beyond memory",
                      address.value()));
  }
}

std::uint64_t Vcpu::load(Hpa address, unsigned bytes) {
  std::uint64_t word = 0;
  check_physical(slot_->book.run_software(Cause::kHostTableWrite,
                                          [&] {
                                            return slot_->core.access_physical(
                                                address, AccessType::kRead, bytes_of(word, bytes));
                                          }),
                 address);
  return word;
}

void Vcpu::store(Hpa address, unsigned bytes, std::uint64_t value) {
  const VcpuLog::Write write{log_.take_note(), address.value(), log_.word(address, bytes), value};
  check_physical(slot_->book.run_software(Cause::kHostTableWrite,
                                          [&] {
                                            return slot_->core.access_physical(
                                                address, AccessType::kWrite,
                                                bytes_of(value, bytes));
                                          }),
                 address);
  log_.write(*slot_, write);
}

bool Vcpu::compare_and_swap(Hpa address, const Swap& swap) {
  const TableNote note = log_.take_note();
  const bool is_stored = slot_->book.run_software(
      Cause::kHostTableWrite, [&] { return slot_->core.swap_physical(address, swap); });
  if (is_stored) {
    log_.write(*slot_, {note, address.value(), swap.expected, swap.desired});
  }
  return is_stored;
}

void Vcpu::clear(Hpa address, unsigned bits) {
  log_.frame(*slot_, LogKind::kFrameZeroed, address.value(), bit(bits));
  platform_.memory().zero_bytes(address, bit(bits));
}

CoreCounters Vcpu::counters() const {
  return {slot_->core.now_cycles(), slot_->core.stats().instructions,
          platform_.mmu(slot_->index).stats().walks};
}

void Vcpu::spend(Cause cause, std::uint64_t cycles) {
  slot_->core.spend(cycles);
  slot_->book.charge(cause, cycles);
}

}  // namespace nestwalk
