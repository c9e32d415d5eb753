// What the events of a stream do to the guest.
#include <fmt/format.h>

#include "model/sim/run.h"
#include "model/sim/run_machine.h"

namespace nestwalk {

namespace {

GuestRegion guest_region(const Region& region) {
  GuestRegion result;
  result.start = region.start;
  result.length_bytes = region.length_bytes;
  result.rights = {region.rights.read, region.rights.write, region.rights.execute};
  result.name = region.name;
  return result;
}

}  // namespace

void Run::apply_event(Machine& guest, Vcpu& vcpu, const Task& task, const TraceEvent& event) {
  const ProcessSlot& process = guest.processes[task.process];
  const std::string_view name = name_of(event.kind);
  switch (event.kind) {
    case TraceEventKind::kMap: {
      const MapOutcome outcome =
          guest.kernel->map_region(vcpu, process.id, guest_region(event.region));
      // Threads of one process all find their data in the same region.
      const bool is_there = outcome == MapOutcome::kOverlap && process.num_threads > 1;
      if (outcome != MapOutcome::kMapped && !is_there) {
        throw VmStopped(fmt::format("process '{}': the region {:#x} to {:#x} '{}' {}", task.name,
                                    event.region.start.value(),
                                    event.region.start.value() + event.region.length_bytes,
                                    event.region.name,
                                    outcome == MapOutcome::kOverlap
                                        ? "overlaps another one"
                                        : "is not made of whole pages in the guest's user space"));
      }
      return;
    }
    case TraceEventKind::kUnmap:
      (void)guest.kernel->unmap(vcpu, process.id, event.region.start, event.region.length_bytes);
      return;
    case TraceEventKind::kExit:
      guest.kernel->exit_process(vcpu, process.id);
      return;
    default:
      throw VmStopped(
          fmt::format("process '{}': the guest kernel model does not know the event "
                      "'{}' of this trace yet",
                      task.name, name));
  }
}

}  // namespace nestwalk
