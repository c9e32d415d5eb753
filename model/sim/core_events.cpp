// What the events of a stream do: calls of the guest kernel. An event that cannot be carried out as
// it was recorded stops the run with a message, because all that follows would be another
// program's.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "model/sim/core_driver.h"
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
  result.rights = guest_rights(region.rights);
  result.name = region.name;
  return result;
}

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
void CoreDriver::follow_process(Task& task, std::uint32_t number) {
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
  slot_.book.select({machine().index, static_cast<std::uint32_t>(*process)});
  machine().kernel->switch_to(vcpu(), *process);
}

void CoreDriver::apply_event(Task& task, const TraceRecord& record) {
  const TraceEvent& event = *record.event;
  if (event.kind == TraceEventKind::kSwitchProcess) {
    follow_process(task, event.target_process);  // whoever was current may have exited
    return;
  }
  follow_process(task, record.process);
  const Run::Machine& guest = machine();
  GuestKernel& kernel = *machine().kernel;
  Vcpu& cpu = vcpu();
  const auto stop_at = [&](std::string_view what, std::string_view problem) {
    throw VmStopped(fmt::format("process '{}': {} {}", task.name, what, problem));
  };
  const auto stop_without_memory = [&] {
    throw VmStopped(fmt::format(
        "guest '{}' has no memory left for the event '{}' of process '{}' (vms.{}.memory_bytes)",
        guest.name, name_of(event.kind), task.name, guest.index));
  };
  switch (event.kind) {
    case TraceEventKind::kMap: {
      // Threads of one process all find their data in the same region; others replace what is
      // there, as mmap does at a fixed address.
      const bool is_shared = guest.processes[task.process_slot].num_threads > 1;
      const GuestRegion region = guest_region(event.region);
      switch (is_shared ? kernel.map_region(cpu, task.process, region)
                        : kernel.map_region_fixed(cpu, task.process, region)) {
        case MapOutcome::kMapped:
        case MapOutcome::kOverlap:
          return;
        case MapOutcome::kBadRange:
          stop_at("the region " + range_text(event.region), kBadRange);
          return;
        case MapOutcome::kOutOfMemory:
          stop_without_memory();
      }
      return;
    }
    case TraceEventKind::kUnmap:
      switch (kernel.unmap(cpu, task.process, event.region.start, event.region.length_bytes)) {
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
          cpu, task.process,
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
      const BreakOutcome outcome = kernel.set_break(cpu, task.process, event.region.start);
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
      const std::optional<ProcessId> child = kernel.fork(cpu, task.process);
      if (!child) {
        stop_without_memory();
      }
      task.family.add(event.target_process, *child);
      return;
    }
    case TraceEventKind::kExec:
      if (!kernel.exec(cpu, task.process)) {
        stop_without_memory();
      }
      return;
    case TraceEventKind::kExit:
      kernel.exit_process(cpu, task.process);
      task.family.remove_current();
      return;
    case TraceEventKind::kSwitchProcess:
      return;
  }
}

}  // namespace nestwalk
