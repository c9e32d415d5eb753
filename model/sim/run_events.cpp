// What the events of a stream do to the guest.
#include <fmt/format.h>

// What the events of a stream do: calls of the guest kernel. An event that cannot be carried out as
// it was recorded stops the run with a message, because all that follows would be another
// program's.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "model/sim/run.h"
#include "model/sim/run_machine.h"

namespace nestwalk {

namespace {

GuestRegionRights guest_rights(const RegionRights& rights) {
  return {rights.read, rights.write, rights.execute};
}

GuestRegion guest_region(const Region& region) {
  GuestRegion result;
  result.start = region.start;
  result.length_bytes = region.length_bytes;
  result.rights = {region.rights.read, region.rights.write, region.rights.execute};
  result.rights = guest_rights(region.rights);
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
std::string range_text(const Region& region) {
  return fmt::format("{:#x} to {:#x}{}", region.start.value(),
                     region.start.value() + region.length_bytes,
                     region.name.empty() ? "" : " '" + region.name + "'");
}

constexpr std::string_view kBadRange = "is not made of whole pages in the guest's user space";

std::string_view problem_of(BreakOutcome outcome) {
  switch (outcome) {
    case BreakOutcome::kNoDataSegment:
      return "no region lies below it to say where the data segment begins";
    case BreakOutcome::kOverlap:
      return "the data segment would overlap another region";
    case BreakOutcome::kBadRange:
      return "that is not between the start of the data segment and the end of user space";
    case BreakOutcome::kMoved:
    case BreakOutcome::kOutOfMemory:
      break;
  }
  return "";
}

}  // namespace

// The process of the trace whose records follow is the one that runs.
void Run::follow_process(Machine& guest, Task& task, std::uint32_t number) {
  ProcessFamily& family = task.family;
  if (family.is_current(number)) {
    return;
  }
  if (!family.has_begun()) {
    family.add(number, task.process);
    family.make_current(number);
    return;  // switched to when the task was chosen
  }
  const std::optional<ProcessId> process = family.find(number);
  if (!process) {
    throw VmStopped(
        fmt::format("process '{}': the trace goes on with its process {}, which no fork "
                    "event has made or which has exited",
                    task.name, number));
  }
  family.make_current(number);
  task.process = *process;
  book_.select({guest.index, static_cast<std::uint32_t>(*process)});
  guest.kernel->switch_to(*guest.vcpu, *process);
}

void Run::apply_event(Machine& guest, Task& task, const TraceRecord& record) {
  const TraceEvent& event = *record.event;
  if (event.kind == TraceEventKind::kSwitchProcess) {
    follow_process(guest, task, event.target_process);  // whoever was current may have exited
    return;
  }
  follow_process(guest, task, record.process);
  GuestKernel& kernel = *guest.kernel;
  Vcpu& vcpu = *guest.vcpu;
  const auto stop_at = [&](std::string_view what, std::string_view problem) {
    throw VmStopped(fmt::format("process '{}': {} {}", task.name, what, problem));
  };
  const auto stop_without_memory = [&] {
    throw VmStopped(fmt::format(
        "guest '{}' has no memory left for the event '{}' of process '{}' (vms.{}.memory_bytes)",
        guest.name, name_of(event.kind), task.name, guest.index));
  };
  switch (event.kind) {
    case TraceEventKind::kMap:
      switch (kernel.map_region_fixed(vcpu, task.process, guest_region(event.region))) {
        case MapOutcome::kMapped:
        case MapOutcome::kOverlap:  // replaced
          return;
        case MapOutcome::kBadRange:
          stop_at("the region " + range_text(event.region), kBadRange);
          return;
        case MapOutcome::kOutOfMemory:
          stop_without_memory();
      }
      return;
    case TraceEventKind::kUnmap:
      switch (kernel.unmap(vcpu, task.process, event.region.start, event.region.length_bytes)) {
        case UnmapOutcome::kUnmapped:
          return;
        case UnmapOutcome::kBadRange:
          stop_at("the unmapped range " + range_text(event.region), kBadRange);
          return;
        case UnmapOutcome::kOutOfMemory:
          stop_without_memory();
      }
      return;
    case TraceEventKind::kProtect:
      switch (kernel.protect(
          vcpu, task.process,
          {event.region.start, event.region.length_bytes, guest_rights(event.region.rights)})) {
        case ProtectOutcome::kProtected:
        case ProtectOutcome::kGap:  // a recorder need not have seen what is never touched
          return;
        case ProtectOutcome::kBadRange:
          stop_at("the protected range " + range_text(event.region), kBadRange);
          return;
        case ProtectOutcome::kOutOfMemory:
          stop_without_memory();
      }
      return;
    case TraceEventKind::kBreak: {
      const BreakOutcome outcome = kernel.set_break(vcpu, task.process, event.region.start);
      if (outcome == BreakOutcome::kOutOfMemory) {
        stop_without_memory();
      }
      if (outcome != BreakOutcome::kMoved) {
        stop_at(fmt::format("the break cannot be at {:#x}:", event.region.start.value()),
                problem_of(outcome));
      }
      return;
    }
    case TraceEventKind::kFork: {
      if (task.family.find(event.target_process)) {
        stop_at(fmt::format("process {} of the trace forks process {},", record.process,
                            event.target_process),
                "which exists already");
      }
      const std::optional<ProcessId> child = kernel.fork(vcpu, task.process);
      if (!child) {
        stop_without_memory();
      }
      task.family.add(event.target_process, *child);
      return;
    }
    case TraceEventKind::kExec:
      if (!kernel.exec(vcpu, task.process)) {
        stop_without_memory();
      }
      return;
    case TraceEventKind::kExit:
      kernel.exit_process(vcpu, task.process);
      task.family.remove_current();
      return;
    case TraceEventKind::kSwitchProcess:
      return;
  }
}

}  // namespace nestwalk
