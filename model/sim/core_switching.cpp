// What a VM's monitor decides at the end of an interval, on the core and the time of the virtual
// CPU that runs then.
#include "model/sim/core_driver.h"
#include "model/sim/run_machine.h"

namespace nestwalk {

void CoreDriver::serve_monitor() {
  Run::Machine& guest = machine();
  if (!guest.monitor.is_due()) {
    return;
  }
  slot_.core.drain();
  vcpu().spend(Cause::kSwitchSample, run_.params_.hypervisor.switching.sample_cycles);
  PagingMonitor::Verdict verdict = guest.monitor.decide(run_.counts_of(guest));
  verdict.decision.time_cycles = slot_.core.now_cycles();
  verdict.decision.vm = guest.index;
  run_.decisions_.append(std::move(verdict.decision));
  if (verdict.paging != run_.hypervisor_->vm(guest.vm).paging) {
    static_cast<void>(vcpu().switch_paging(verdict.paging));  // one that is refused is counted
  }
}

IntervalSample Run::counts_of(const Machine& guest) {
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    drivers_[i]->settle();
    slots_[i]->book.settle();
  }
  ProcessStats all = guest.kernel_stats;
  for (const Task& task : guest.tasks) {
    all += task.stats;
  }
  const Vm& vm = hypervisor_->vm(guest.vm);
  const GuestStatistics& kernel = guest.kernel->statistics();
  IntervalSample now;
  now.paging = vm.paging;
  now.instructions = all.instructions;
  now.tlb_misses = all.walks;
  now.walk_cycles = all.walk_cycles;
  now.guest_page_faults = kernel.faults;
  now.cr3_loads = kernel.context_switches;
  now.guest_table_writes = kernel.table_writes;
  now.exits = vm.statistics.exits;
  now.cycles = ledger_.total_of_vm(guest.index);
  return now;
}

}  // namespace nestwalk
