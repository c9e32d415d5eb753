// The hypervisor's rarer calls: content of frames, other cores, work between the guest's accesses.
#include "model/sim/vcpu.h"

namespace nestwalk {

void Vcpu::read_frame(Hpa frame, std::span<std::byte> to) {
  platform_.memory().read_bytes(frame, to);
}

void Vcpu::write_frame(Hpa frame, std::span<const std::byte> from) {
  platform_.memory().write_bytes(frame, from);
}

void Vcpu::invalidate(const Invalidation& invalidation, unsigned core) {
  if (core == slot_->index) {
    spend(Cause::kInvalidation, cost_of(invalidation.op));
    invalidate_here(invalidation);
    return;
  }
  Fence done;
  for (const std::unique_ptr<Vcpu>& other : *place_.siblings) {
    if (other->is_running_ && other->slot_->index == core) {
      interrupt(*other, invalidation, done);
      return;
    }
  }
  // None of the VM's virtual CPUs is there. A hypervisor drops what they left when the next one
  // comes; until then nobody can tell when it was.
  slot_->core.pass_time();
  platform_.invalidate(core, invalidation, &done);
  wait_for(done, Cause::kInvalidation);
}

void Vcpu::interrupt(Vcpu& other, const Invalidation& invalidation, Fence& done) {
  spend(Cause::kShootdown, platform_.params().instructions.ipi_send_cycles);
  slot_->core.pass_time();
  done.hold();
  CoreSlot& where = *other.slot_;
  where.core.interrupt([&other, &where, &done, invalidation] {
    other.receive(where, {}, {invalidation});
    done.release();
  });
  wait_for(done, Cause::kShootdown);
}

void Vcpu::wait_for(Fence& fence, Cause cause) {
  if (!fence.is_acknowledged()) {
    slot_->book.charge(cause, slot_->core.wait_until(fence.acknowledged(),
                                                     [&fence] { return fence.is_acknowledged(); }));
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
  transition();
  const SoftwareGuard guard(*place_.hypervisor_lock, *slot_);
  work(place_.hypervisor->host_context(*this, place_.vm_id), flush_targets());
  place_.hypervisor->enter(*this, place_.vm_id);
}

}  // namespace nestwalk
