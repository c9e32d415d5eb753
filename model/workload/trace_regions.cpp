#include "model/workload/trace_regions.h"

#include <algorithm>

namespace nestwalk {
namespace {

constexpr const char* kHeap = "[heap]";

// The data segment lies below the new end. What lies above it goes only if it was the segment's.
void move_break(RegionMap& regions, const Region& segment) {
  const PageRange pages =
      whole_pages(segment.start.value() - segment.length_bytes, segment.length_bytes);
  for (const Region& region : regions.regions()) {
    const PageRange range{.start = region.start.value(), .length_bytes = region.length_bytes};
    if (region.name == kHeap && range.end() > pages.end()) {
      const std::uint64_t start = std::max(range.start, pages.end());
      regions.unmap({.start = start, .length_bytes = range.end() - start});
    }
  }
  std::uint64_t at = pages.start;
  for (const Region& region : regions.within(pages)) {
    at = std::max(at, region.start.value() + region.length_bytes);
  }
  if (at < pages.end()) {
    regions.map({.start = Gva(at),
                 .length_bytes = pages.end() - at,
                 .rights = {.read = true, .write = true},
                 .name = kHeap});
  }
}

}  // namespace

void TraceRegions::apply(const TraceRecord& record) {
  const TraceEvent& event = *record.event;
  TracedProcess& process = processes_[record.process];
  const PageRange range = whole_pages(event.region.start.value(), event.region.length_bytes);
  switch (event.kind) {
    case TraceEventKind::kMap:
      process.regions.map(event.region);
      return;
    case TraceEventKind::kUnmap:
      process.regions.unmap(range);
      return;
    case TraceEventKind::kProtect:
      process.regions.protect(range, event.region.rights);
      return;
    case TraceEventKind::kBreak:
      move_break(process.regions, event.region);
      return;
    case TraceEventKind::kFork:
      processes_[event.target_process] = process;
      return;
    case TraceEventKind::kExec:
      process = {.program = event.region.name, .regions = {}};
      return;
    case TraceEventKind::kExit:
      processes_.erase(record.process);
      return;
    case TraceEventKind::kSwitchProcess:
      return;
  }
}

}  // namespace nestwalk
