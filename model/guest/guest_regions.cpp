// What programs ask of their address space: mmap, munmap, mprotect, brk.
#include <algorithm>
#include <iterator>
#include <utility>

#include "model/guest/guest_kernel.h"
#include "model/guest/page_split.h"
#include "model/guest/protector.h"
#include "model/guest/unmapper.h"

namespace nestwalk {
namespace {

constexpr std::string_view kHeapName = "[heap]";

// The heap that a loader or an earlier part of a trace has mapped; else nothing yet, right behind
// the region below, where a loader puts it.
std::optional<DataSegment> find_data_segment(const GuestRegionMap& regions, Gva end) {
  std::optional<DataSegment> heap;
  std::optional<Gva> below;
  for (const GuestRegion& region : regions.list()) {
    if (region.name == kHeapName) {
      heap = {heap ? heap->start : region.start, region.end()};
    }
    if (region.start < end) {
      below = region.end();
    }
  }
  if (!heap && below) {
    heap = {*below, *below};
  }
  return heap;
}

}  // namespace

MapOutcome GuestKernel::map_region(CpuPort& port, ProcessId id, GuestRegion region) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  if (!is_user_range(region.start, region.length_bytes)) {
    return MapOutcome::kBadRange;
  }
  return find(id).regions.insert(std::move(region)) ? MapOutcome::kMapped : MapOutcome::kOverlap;
}

MapOutcome GuestKernel::map_region_fixed(CpuPort& port, ProcessId id, GuestRegion region) {
  if (is_user_range(region.start, region.length_bytes) &&
      !unmap_range(port, find(id), region.start, region.end())) {
    return MapOutcome::kOutOfMemory;
  }
  return map_region(port, id, std::move(region));
}

UnmapOutcome GuestKernel::unmap(CpuPort& port, ProcessId id, Gva start,
                                std::uint64_t length_bytes) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  if (!is_user_range(start, length_bytes)) {
    return UnmapOutcome::kBadRange;
  }
  Process& process = find(id);
  ++statistics_.unmaps;
  statistics_.unmaps_of_nothing += process.regions.overlaps(start, start + length_bytes) ? 0 : 1;
  return unmap_range(port, process, start, start + length_bytes) ? UnmapOutcome::kUnmapped
                                                                 : UnmapOutcome::kOutOfMemory;
}

// False, and nothing unmapped, if no frame is left for the table that splits a large page.
bool GuestKernel::unmap_range(CpuPort& port, Process& process, Gva start, Gva end) {
  if (!process.regions.overlaps(start, end)) {
    return true;
  }
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  if (!with_room(port, [&] {
        return make_page_boundary(tables, process.root, start) &&
               make_page_boundary(tables, process.root, end);
      })) {
    return false;
  }
  Unmapper unmapper(tables, process);
  for (const GuestRegion& cut : process.regions.pieces(start, end)) {
    for_each_batch(cut.start, cut.end(), [&](Gva first, Gva last) {
      process.regions.remove(first, last);
      unmapper.clear(first, last);
      drop_unmapped(port, process, unmapper, first);
      unmapper.release();
    });
  }
  return true;
}

ProtectOutcome GuestKernel::protect(CpuPort& port, ProcessId id, const ProtectRequest& request) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  if (!is_user_range(request.start, request.length_bytes)) {
    return ProtectOutcome::kBadRange;
  }
  ++statistics_.protects;
  Process& process = find(id);
  const Gva end = request.start + request.length_bytes;
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  std::uint64_t covered = 0;
  std::vector<GuestRegion> changed;
  for (GuestRegion& piece : process.regions.pieces(request.start, end)) {
    covered += piece.length_bytes;
    if (piece.rights == request.rights) {
      continue;
    }
    if (!with_room(port, [&] {
          return make_page_boundary(tables, process.root, piece.start) &&
                 make_page_boundary(tables, process.root, piece.end());
        })) {
      return ProtectOutcome::kOutOfMemory;
    }
    changed.push_back(std::move(piece));
  }
  process.regions.set_rights(request.start, end, request.rights);
  Protector protector(tables, process.root);
  for (const GuestRegion& piece : changed) {
    protector.apply(piece.start, piece.end(), request.rights);
  }
  drop_pages(port, process, protector.narrowed());
  return covered == request.length_bytes ? ProtectOutcome::kProtected : ProtectOutcome::kGap;
}

BreakOutcome GuestKernel::set_break(CpuPort& port, ProcessId id, Gva end) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  ++statistics_.breaks;
  Process& process = find(id);
  const Gva new_end = (end + (bit(kSmallPageBits) - 1)).page(kSmallPageBits);
  if (!process.data_segment) {
    process.data_segment = find_data_segment(process.regions, new_end);
  }
  if (!process.data_segment) {
    return BreakOutcome::kNoDataSegment;
  }
  DataSegment& segment = *process.data_segment;
  if (new_end < segment.start) {
    return BreakOutcome::kBadRange;
  }
  if (new_end > segment.end) {
    const std::uint64_t more = new_end.value() - segment.end.value();
    if (!is_user_range(segment.end, more)) {
      return BreakOutcome::kBadRange;
    }
    GuestRegion grown{segment.end, more, {true, true, false}, std::string(kHeapName)};
    if (!process.regions.insert_joined(std::move(grown))) {
      return BreakOutcome::kOverlap;
    }
  } else if (new_end < segment.end && !unmap_range(port, process, new_end, segment.end)) {
    return BreakOutcome::kOutOfMemory;
  }
  segment.end = new_end;
  return BreakOutcome::kMoved;
}

}  // namespace nestwalk
