// A VM changes its paging: all its virtual CPUs stop, each where no access of it is under way, and
// enter again under the new control block.
#include <memory>
#include <vector>

#include "model/sim/vcpu.h"

namespace nestwalk {

// One switch as those it stops see it.
struct Vcpu::Stop {
  Fence stopped;  // held until all have left their guest
  Fence over;     // held until the VM is under the other paging
  std::vector<Vcpu*> waiting;
};

SwitchOutcome Vcpu::switch_paging(Paging to) {
  const bool is_alone = hypervisor().vm(place_.vm_id).params.switching.omit.other_cores;
  const auto stop = std::make_shared<Stop>();
  SwitchOutcome outcome = SwitchOutcome::kUnchanged;
  stop->over.hold();
  leave_for("switch", 0, [&] {
    FlushTargets targets = flush_targets();
    if (is_alone) {
      targets.cores = {slot_->index};
    } else {
      stop_others(stop);
    }
    outcome =
        hypervisor().switch_paging(*this, place_.vm_id, to, registers_of_all(is_alone), targets);
    check_resumed(hypervisor().enter(*this, place_.vm_id), cr3_.root);
  });
  stop->over.release();
  for (Vcpu* other : stop->waiting) {  // timing lt: they do not wait on a thread of their own
    other->enter_after_switch(*other->slot_);
  }
  return outcome;
}

std::vector<VcpuRegisters> Vcpu::registers_of_all(bool is_alone) const {
  std::vector<VcpuRegisters> all;
  for (const std::unique_ptr<Vcpu>& each : *place_.siblings) {
    if (!is_alone || each.get() == this) {
      all.push_back({each->place_.cpu, each->guest_registers()});
    }
  }
  return all;
}

void Vcpu::stop_others(const std::shared_ptr<Stop>& stop) {
  slot_->core.pass_time();
  for (const std::unique_ptr<Vcpu>& each : *place_.siblings) {
    Vcpu& other = *each;
    if (&other == this || !other.is_running_) {
      continue;
    }
    CoreSlot& where = *other.slot_;
    spend(Cause::kShootdown, platform_.params().instructions.ipi_send_cycles);
    slot_->core.pass_time();
    stop->stopped.hold();
    where.core.interrupt([&other, &where, stop] { other.stop_for_switch(where, *stop); });
  }
  if (!stop->stopped.is_acknowledged()) {
    slot_->book.charge(Cause::kSwitchWait,
                       slot_->core.wait_until(stop->stopped.acknowledged(),
                                              [&stop] { return stop->stopped.is_acknowledged(); }));
  }
}

// On the core of this virtual CPU. One that has left its guest already waits for the hypervisor and
// enters by itself.
void Vcpu::stop_for_switch(CoreSlot& where, Stop& stop) {
  const auto charge = [&where](Cause cause, std::uint64_t cycles) {
    where.core.spend(cycles);
    where.book.charge(cause, cycles);
  };
  charge(Cause::kShootdown, platform_.params().instructions.ipi_receive_cycles);
  const bool is_inside = is_running_ && slot_ == &where && !is_outside_;
  if (is_inside) {
    log_.exit(where, "switch");
    is_outside_ = true;
    transition();
    charge(Cause::kVmExit, hypervisor().machine().params.exit_cycles);
  }
  where.core.pass_time();
  stop.stopped.release();
  if (!is_inside) {
    return;
  }
  if (!where.core.is_non_blocking()) {
    stop.waiting.push_back(this);
    return;
  }
  where.book.charge(Cause::kSwitchWait, where.core.wait_until(stop.over.acknowledged(), [&stop] {
    return stop.over.is_acknowledged();
  }));
  enter_after_switch(where);
}

void Vcpu::enter_after_switch(CoreSlot& where) {
  {
    const SoftwareGuard guard(*place_.hypervisor_lock, where);
    check_resumed(hypervisor().enter(*this, place_.vm_id), cr3_.root);
  }
  take_deferred();
}

// The interrupts that came while the hypervisor had this virtual CPU.
void Vcpu::take_deferred() {
  while (!deferred_.empty() && !is_outside_) {
    const std::function<void()> order = std::move(deferred_.front());
    deferred_.pop_front();
    order();
  }
}

}  // namespace nestwalk
