// The guest kernel's rarer calls: copying memory, tags and costs of invalidations, other CPUs of
// its VM.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "model/arch/check.h"
#include "model/guest/guest_layout.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

void Vcpu::copy(const BlockCopy& block) {
  const std::uint64_t size = bit(block.bits);
  log_.frame(*slot_, LogKind::kFrameCopied, direct_map_gpa(block.to).value(), size);
  for (std::uint64_t done = 0; done < size;) {
    const Translation from =
        access_block(block.from + done, AccessType::kRead, Cause::kGuestFrameCopy);
    const Translation to =
        access_block(block.to + done, AccessType::kWrite, Cause::kGuestFrameCopy);
    // Both are inside one page of 4 KiB at least.
    if (const std::byte* content = platform_.memory().page_if_present(from.hpa)) {
      std::array<std::byte, SparseMemory::kPageBytes> page;
      std::copy_n(content, page.size(), page.begin());
      platform_.memory().write_bytes(to.hpa, page);
    } else {
      platform_.memory().zero_bytes(to.hpa, SparseMemory::kPageBytes);
    }
    done += SparseMemory::kPageBytes;
  }
}

// Where a word of the kernel's direct map is; all that it stores lies there.
Gpa Vcpu::direct_map_gpa(Gva address) const {
  return Gpa(address.value() - guest_layout(control_.format).direct_map_base);
}

// ---- Invalidations ----

std::uint32_t Vcpu::cost_of(InvalidateOp op) const {
  const InstructionCosts& costs = platform_.params().instructions;
  switch (op) {
    case InvalidateOp::kInvlpg:
    case InvalidateOp::kInvlpga:
      return costs.invlpg_cycles;
    case InvalidateOp::kInvpcidAddress:
    case InvalidateOp::kInvpcidSingle:
    case InvalidateOp::kInvpcidAllWithGlobals:
    case InvalidateOp::kInvpcidAll:
      return costs.invpcid_cycles;
    case InvalidateOp::kMovCr3:
    case InvalidateOp::kMovCr3NoFlush:
      return costs.cr3_load_cycles;
    case InvalidateOp::kMovCr4:
      return costs.control_write_cycles;
    case InvalidateOp::kInvvpidAddress:
    case InvalidateOp::kInvvpidSingle:
    case InvalidateOp::kInvvpidAll:
    case InvalidateOp::kInvvpidSingleKeepGlobal:
      return costs.invvpid_cycles;
    case InvalidateOp::kInveptSingle:
    case InvalidateOp::kInveptAll:
      return costs.invept_cycles;
    case InvalidateOp::kVmTransition:
    case InvalidateOp::kEptViolation:
    case InvalidateOp::kNestedPageFault:
    case InvalidateOp::kPageFault:
    case InvalidateOp::kTlbControlAll:
    case InvalidateOp::kTlbControlAsid:
    case InvalidateOp::kTlbControlAsidNonGlobal:
      return 0;  // part of an event that has its own cost
  }
  return 0;
}

Invalidation Vcpu::complete(const Invalidation& invalidation) const {
  Invalidation whole = invalidation;
  whole.rules = block_.rules;
  whole.tags = make_context().tags;
  if (whole.op == InvalidateOp::kInvpcidAddress || whole.op == InvalidateOp::kInvpcidSingle) {
    whole.tags.pcid = invalidation.tags.pcid;
  }
  return whole;
}

std::vector<Invalidation> Vcpu::complete(const std::vector<Invalidation>& list) const {
  std::vector<Invalidation> whole;
  whole.reserve(list.size());
  for (const Invalidation& invalidation : list) {
    whole.push_back(complete(invalidation));
  }
  return whole;
}

// ---- Other CPUs ----

// Tells those that run, each by an interrupt on its core, and waits until all have carried it out.
// One that does not run drops everything when it comes to a core again.
void Vcpu::tell(CpuSet targets, const Order& order) {
  slot_->core.pass_time();
  Fence told;
  bool is_sent = false;
  targets.for_each([&](unsigned cpu) {
    Vcpu& other = *place_.siblings->at(cpu);
    fatal_unless(&other != this, "a CPU does not interrupt itself");
    if (!other.is_running_) {
      other.receive_idle(order);
      return;
    }
    if (!is_sent) {
      is_sent = true;
      spend(Cause::kShootdown, platform_.params().instructions.ipi_send_cycles);
      slot_->core.pass_time();
    }
    told.hold();
    CoreSlot& where = *other.slot_;
    std::vector<Invalidation> drops = other.complete(order.operations);
    where.core.interrupt(
        [&other, &where, &told, order, drops] { other.receive(where, order, drops, told); });
  });
  if (!told.is_acknowledged()) {
    slot_->book.charge(Cause::kShootdown, slot_->core.wait_until(told.acknowledged(), [&told] {
      return told.is_acknowledged();
    }));
  }
}

void Vcpu::receive_idle(const Order& order) {
  must_flush_ = true;
  if (order.cr3) {
    cr3_ = *order.cr3;
    pdptes_.loaded = false;
  }
}

// One that the hypervisor has takes what would be an exit when it is entered again.
void Vcpu::receive(CoreSlot& where, const Order& order, const std::vector<Invalidation>& drops,
                   Fence& told) {
  const std::uint32_t entry_cycles = platform_.params().instructions.ipi_receive_cycles;
  where.core.spend(entry_cycles);
  where.book.charge(Cause::kShootdown, entry_cycles);
  if (block_.intercepts.invalidations && is_running_ && slot_ == &where && is_outside_) {
    deferred_.emplace_back([this, &where, order, &told] {
      carry_out(where, order, complete(order.operations));
      told.release();
    });
    where.core.pass_time();
    return;
  }
  carry_out(where, order, drops);
  told.release();
}

void Vcpu::carry_out(CoreSlot& where, const Order& order, const std::vector<Invalidation>& drops) {
  const bool is_here = is_running_ && slot_ == &where;
  if (block_.intercepts.invalidations && !is_here) {
    receive_idle(order);  // it left its core meanwhile, and catches up when it comes to one again
    where.core.pass_time();
    return;
  }
  for (const Invalidation& drop : drops) {
    if (block_.intercepts.invalidations) {
      invalidate(drop);
    } else {
      invalidate_on(where, drop, Cause::kShootdown);
    }
  }
  if (order.cr3) {
    if (is_running_ && slot_ == &where) {
      write_cr3(*order.cr3);
    } else {
      receive_idle(order);  // it left its core meanwhile
    }
  }
  where.core.pass_time();
}

void Vcpu::invalidate_on(CoreSlot& where, const Invalidation& drop, Cause cause) {
  where.core.spend(cost_of(drop.op));
  where.book.charge(cause, cost_of(drop.op));
  where.core.pass_time();
  Fence fence;
  log_.invalidation(where, drop, platform_.invalidate(where.index, drop, &fence));
  if (!fence.is_acknowledged()) {
    where.book.charge(cause, where.core.wait_until(fence.acknowledged(),
                                                   [&fence] { return fence.is_acknowledged(); }));
  }
  platform_.acknowledge(where.index, drop);
}

void Vcpu::invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) {
  tell(targets, {{operations.begin(), operations.end()}, std::nullopt});
}

void Vcpu::write_cr3_remote(const Cr3Value& value, CpuSet targets) {
  tell(targets, {{}, value});
}

}  // namespace nestwalk
