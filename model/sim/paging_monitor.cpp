#include "model/sim/paging_monitor.h"

namespace nestwalk {

PagingMonitor::Verdict PagingMonitor::decide(const IntervalSample& now) {
  IntervalSample interval;
  interval.paging = now.paging;
  for (const auto count :
       {&IntervalSample::instructions, &IntervalSample::tlb_misses, &IntervalSample::walk_cycles,
        &IntervalSample::guest_page_faults, &IntervalSample::cr3_loads,
        &IntervalSample::guest_table_writes, &IntervalSample::exits}) {
    interval.*count = now.*count - last_.*count;
  }
  interval.cycles = now.cycles.since(last_.cycles);
  last_ = now;
  left_ = interval_;
  const SwitchAdvice advice = policy_->advise(interval);
  return {advice.paging, decision_of(interval, advice)};
}

}  // namespace nestwalk
