// What the events of a stream do: calls of the guest kernel. An event that cannot be carried out as
// it was recorded stops the run with a message, because all that follows would be another
// program's.
#include <fmt/format.h>

#include <array>
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

// In the order of AccessType.
constexpr std::array<std::string_view, 3> kAccessNames = {"read", "write", "fetch"};
constexpr std::string_view kBadRange = "is not made of whole pages in the guest's user space";
constexpr std::string_view kNoMemory = "no memory left";

// What one event does to the current process: nothing to say, kNoMemory, or what is wrong.
class EventCalls {
 public:
  EventCalls(GuestKernel& kernel, CpuPort& port, Task& task)
      : kernel_(kernel), port_(port), task_(task), process_(task.process) {}

  // Threads of one process all find their data in the same region; others replace what is there, as
  // mmap does at a fixed address.
  [[nodiscard]] std::string map(const Region& region, bool has_threads) {
    switch (has_threads ? kernel_.map_region(port_, process_, guest_region(region))
                        : kernel_.map_region_fixed(port_, process_, guest_region(region))) {
      case MapOutcome::kMapped:
      case MapOutcome::kOverlap:
        return {};
      case MapOutcome::kBadRange:
        return fmt::format("the region {} {}", range_text(region), kBadRange);
      case MapOutcome::kOutOfMemory:
        break;
    }
    return std::string(kNoMemory);
  }

  [[nodiscard]] std::string unmap(const Region& region) {
    switch (kernel_.unmap(port_, process_, region.start, region.length_bytes)) {
      case UnmapOutcome::kUnmapped:
        return {};
      case UnmapOutcome::kBadRange:
        return fmt::format("the unmapped range {} {}", range_text(region), kBadRange);
      case UnmapOutcome::kOutOfMemory:
        break;
    }
    return std::string(kNoMemory);
  }

  [[nodiscard]] std::string protect(const Region& region) {
    switch (kernel_.protect(port_, process_,
                            {region.start, region.length_bytes, guest_rights(region.rights)})) {
      case ProtectOutcome::kProtected:
      case ProtectOutcome::kGap:  // a recorder need not have seen what is never touched
        return {};
      case ProtectOutcome::kBadRange:
        return fmt::format("the protected range {} {}", range_text(region), kBadRange);
      case ProtectOutcome::kOutOfMemory:
        break;
    }
    return std::string(kNoMemory);
  }

  [[nodiscard]] std::string set_break(Gva end) {
    std::string_view problem;
    switch (kernel_.set_break(port_, process_, end)) {
      case BreakOutcome::kMoved:
        return {};
      case BreakOutcome::kOutOfMemory:
        return std::string(kNoMemory);
      case BreakOutcome::kNoDataSegment:
        problem = "no region lies below it to say where the data segment begins";
        break;
      case BreakOutcome::kOverlap:
        problem = "the data segment would overlap another region";
        break;
      case BreakOutcome::kBadRange:
        problem = "that is not between the start of the data segment and the end of user space";
        break;
    }
    return fmt::format("the break cannot be at {:#x}: {}", end.value(), problem);
  }

  [[nodiscard]] std::string fork(const TraceRecord& record) {
    const std::uint32_t number = record.event->target_process;
    if (task_.family.find(number)) {
      return fmt::format("process {} of the trace forks process {}, which exists already",
                         record.process, number);
    }
    const std::optional<ProcessId> child = kernel_.fork(port_, process_);
    if (!child) {
      return std::string(kNoMemory);
    }
    task_.family.add(number, *child);
    return {};
  }

 private:
  GuestKernel& kernel_;
  CpuPort& port_;
  Task& task_;
  ProcessId process_;
};

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
  vcpu().log().begin(slot_, LogKind::kSwitch, "trace");
  machine().kernel->switch_to(vcpu(), *process);
  vcpu().log().end(slot_, "switched");
}

// What the configuration says about an access that nothing permits.
void CoreDriver::serve_segfault(const CoreAccess& access, const Fault& fault) {
  ++num_segfaults_;
  switch (machine().kernel->params().on_segfault) {
    case SegfaultAction::kSkip:
      return;
    case SegfaultAction::kKill:
      kill(task());
      return;
    case SegfaultAction::kStop:
      throw VmStopped(fmt::format(
          "process '{}': segmentation fault: a {} at {:#x}, which is not mapped or not with that "
          "right (vms.{}.guest.on_segfault)",
          task().name, kAccessNames.at(static_cast<unsigned>(access.type)), fault.address.value(),
          machine().index));
  }
}

// Ends the processes that a stream speaks of, with all threads that run in them.
void CoreDriver::kill(const Task& task) {
  GuestKernel& kernel = *machine().kernel;
  task.family.for_each([&](ProcessId process) { kernel.exit_process(vcpu(), process); });
  for (Task& other : machine().tasks) {
    other.is_finished = other.is_finished || !kernel.has_process(other.process);
  }
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
  EventCalls calls(kernel, vcpu(), task);
  std::string problem;
  vcpu().log().begin(slot_, LogKind::kSystemCall, name_of(event.kind), event.region.start.value());
  switch (event.kind) {
    case TraceEventKind::kMap:
      problem = calls.map(event.region, guest.processes[task.process_slot].num_threads > 1);
      break;
    case TraceEventKind::kUnmap:
      problem = calls.unmap(event.region);
      break;
    case TraceEventKind::kProtect:
      problem = calls.protect(event.region);
      break;
    case TraceEventKind::kBreak:
      problem = calls.set_break(event.region.start);
      break;
    case TraceEventKind::kFork:
      problem = calls.fork(record);
      break;
    case TraceEventKind::kExec:
      problem = kernel.exec(vcpu(), task.process) ? "" : kNoMemory;
      break;
    case TraceEventKind::kExit:
      kernel.exit_thread(vcpu(), task.process);
      task.family.remove_current();
      break;
    case TraceEventKind::kSwitchProcess:
      break;
  }
  vcpu().log().end(slot_, problem.empty() ? "done" : "failed");
  if (problem == kNoMemory) {
    throw VmStopped(
        fmt::format("guest '{}' has {} for the event '{}' of process '{}' (vms.{}.memory_bytes)",
                    guest.name, kernel.shortage(), name_of(event.kind), task.name, guest.index));
  }
  if (!problem.empty()) {
    throw VmStopped(fmt::format("process '{}': {}", task.name, problem));
  }
}

}  // namespace nestwalk
