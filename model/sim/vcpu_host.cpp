// The hypervisor's rarer calls: content of frames, other cores, work between the guest's accesses.
#include "model/sim/vcpu.h"

namespace nestwalk {

void Vcpu::read_frame(Hpa frame, std::span<std::byte> to) {
  platform_.memory().read_bytes(frame, to);
}

void Vcpu::write_frame(Hpa frame, std::span<const std::byte> from) {
  platform_.memory().write_bytes(frame, from);
}

// On another core by an interrupt, which comes when no access of that core is under way; where no
// virtual CPU runs there is nobody to interrupt.
void Vcpu::invalidate(const Invalidation& invalidation, unsigned core) {
  if (core == slot_->index || place_.slots == nullptr) {
    spend(Cause::kInvalidation, cost_of(invalidation.op));
    invalidate_here(invalidation);
    return;
  }
  CoreSlot& where = *place_.slots->at(core);
  slot_->core.pass_time();
  Fence fence;
  if (where.running == nullptr) {
    log_.invalidation(where, invalidation, platform_.invalidate(core, invalidation, &fence));
  } else {
    spend(Cause::kShootdown, platform_.params().instructions.ipi_send_cycles);
    slot_->core.pass_time();
    fence.hold();
    where.core.interrupt([this, &where, &fence, invalidation] {
      const std::uint32_t entry_cycles = platform_.params().instructions.ipi_receive_cycles;
      where.core.spend(entry_cycles);
      where.book.charge(Cause::kShootdown, entry_cycles);
      invalidate_on(where, invalidation, Cause::kShootdown);
      where.core.pass_time();
      fence.release();
    });
  }
  if (!fence.is_acknowledged()) {
    slot_->book.charge(Cause::kShootdown, slot_->core.wait_until(fence.acknowledged(), [&fence] {
      return fence.is_acknowledged();
    }));
  }
}

FlushTargets Vcpu::flush_targets() const {
  FlushTargets targets;
  for (unsigned core = 0; core < platform_.num_cores(); ++core) {
    targets.cores.push_back(core);
  }
  return targets;
}

void Vcpu::run_hypervisor(
    const std::function<void(const HostContext&, const FlushTargets&)>& work) {
  leave_for("host_event", 0, [&] {
    work(hypervisor().host_context(*this, place_.vm_id), flush_targets());
    check_resumed(hypervisor().enter(*this, place_.vm_id), {});
  });
}

}  // namespace nestwalk
