// The guest kernel: processes with regions, demand paging, copy-on-write, swap, large pages made
// and split, context switches, and what programs ask of it (mmap, munmap, mprotect, brk, fork,
// exec, exit). It decides what the guest's page tables hold and reaches them only through a
// CpuPort.
//
//   GuestKernel kernel(machine, FrameAllocator<Gpa>(Gpa{0}, machine.memory_bytes));
//   if (!kernel.boot(memory)) ...                 // the CPU then starts with kernel.boot_cr3()
//   const ProcessId process = *kernel.create_process(port);
//   kernel.map_region(port, process, {.start = Gva(0x400000), .length_bytes = 0x10000});
//   kernel.switch_to(port, process);
//   kernel.handle_page_fault(port, process, {gva, AccessType::kWrite, fault.code});
//
// A value: copies are independent machines. Mistakes of programs (a fault outside all regions, no
// memory left) are results; what a correct machine cannot do to it (an entry with reserved bits) is
// a fatal check. One CPU at a time may be inside; keeping several in line is the caller's business.
// All memory is private to its process: what a program maps as shared is copied on write as well.
// Not for: what runs when (the workload's and the scheduler's).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/guest/boot_tables.h"
#include "model/guest/cpu_port.h"
#include "model/guest/cpu_set.h"
#include "model/guest/guest_machine.h"
#include "model/guest/guest_statistics.h"
#include "model/guest/process.h"
#include "model/guest/table_editor.h"
#include "model/memory/frame_allocator.h"

namespace nestwalk {

class Unmapper;

// A page fault as the CPU reports it to the kernel.
struct GuestFault {
  Gva address;
  AccessType type = AccessType::kRead;
  std::uint64_t error_code = 0;
};

enum class FaultOutcome : std::uint8_t {
  kMapped,       // a page was mapped, copied or made writable; the access can be repeated
  kSpurious,     // the entry already permits the access; what was cached of it has been dropped
  kSegfault,     // no region, or one without this right
  kOutOfMemory,  // no frame left for the page or its tables, nor one that could be reclaimed
};

enum class MapOutcome : std::uint8_t {
  kMapped,
  kOverlap,      // with a region that is there already
  kBadRange,     // not whole 4 KiB pages, empty, or outside user space
  kOutOfMemory,  // as UnmapOutcome has it, of what it was to replace
};

enum class UnmapOutcome : std::uint8_t {
  kUnmapped,  // also if nothing was there, as munmap has it
  kBadRange,
  kOutOfMemory,  // no frame for the table that splits a large page; nothing was unmapped
};

enum class ProtectOutcome : std::uint8_t {
  kProtected,
  kGap,  // some of the range is in no region; what is in one was changed
  kBadRange,
  kOutOfMemory,  // no frame for the table that splits a large page; nothing was changed
};

enum class BreakOutcome : std::uint8_t {
  kMoved,
  kNoDataSegment,  // no region lies below, so nobody knows where the segment begins
  kOverlap,        // with another region
  kBadRange,       // below the segment's start or outside user space
  kOutOfMemory,    // as UnmapOutcome has it
};

struct ProtectRequest {
  Gva start;
  std::uint64_t length_bytes = 0;
  GuestRegionRights rights;
};

class GuestKernel {
 public:
  // The machine must be without a problem; the frames are those of its memory that are free.
  GuestKernel(const GuestMachine& machine, FrameAllocator<Gpa> frames);

  // Builds the direct map. False if the frames do not suffice. Everything else needs it done.
  [[nodiscard]] bool boot(BootMemory& memory);
  // What the CPU holds after boot.
  [[nodiscard]] PagingControl paging_control() const;
  [[nodiscard]] Cr3Value boot_cr3() const;

  // Nothing when out of frames or PCIDs.
  [[nodiscard]] std::optional<ProcessId> create_process(CpuPort& port);
  // A new region. The second form puts it in place of whatever lies there (MAP_FIXED).
  [[nodiscard]] MapOutcome map_region(CpuPort& port, ProcessId id, GuestRegion region);
  [[nodiscard]] MapOutcome map_region_fixed(CpuPort& port, ProcessId id, GuestRegion region);
  [[nodiscard]] UnmapOutcome unmap(CpuPort& port, ProcessId id, Gva start,
                                   std::uint64_t length_bytes);
  // Other rights for what is mapped and will be mapped in a range.
  [[nodiscard]] ProtectOutcome protect(CpuPort& port, ProcessId id, const ProtectRequest& request);
  // Moves the end of the data segment, which is the region [heap] or begins behind the region below
  // the first end that is asked for.
  [[nodiscard]] BreakOutcome set_break(CpuPort& port, ProcessId id, Gva end);

  // A process with a copy of everything that `parent` has; each page is copied when either writes
  // it. Nothing when out of frames or PCIDs.
  [[nodiscard]] std::optional<ProcessId> fork(CpuPort& port, ProcessId parent);
  // Drops every region; the process goes on with an empty address space. False, and nothing
  // changed, when out of frames.
  [[nodiscard]] bool exec(CpuPort& port, ProcessId id);
  // One thread more that runs in the process; it has one from the start. Takes no time.
  void add_thread(ProcessId id);
  // The last thread of a process ends it. Returns whether it has.
  bool exit_thread(CpuPort& port, ProcessId id);
  // Ends all its threads and frees all it has. CPUs that hold its tables go to the kernel's own
  // root first.
  void exit_process(CpuPort& port, ProcessId id);
  // From here on the CPU uses the process's tables.
  void switch_to(CpuPort& port, ProcessId id);
  // A balloon (guest_balloon.cpp): takes free frames of 4 KiB out of use for the host to have, at
  // most so many, and takes them into use again, the last first. Returns which.
  [[nodiscard]] std::vector<Gpa> inflate_balloon(CpuPort& port, std::uint64_t num_frames);
  [[nodiscard]] std::vector<Gpa> deflate_balloon(CpuPort& port, std::uint64_t num_frames);
  // From here on the CPU runs no process, and keeps the tables of the last one. Until its next
  // switch_to() it is not interrupted for a flush, unless tables are freed (Linux: lazy TLB mode).
  void go_idle(CpuPort& port);
  FaultOutcome handle_page_fault(CpuPort& port, ProcessId id, const GuestFault& fault);

  // What the last kOutOfMemory was about, to go on behind "the guest has".
  [[nodiscard]] std::string shortage() const;
  [[nodiscard]] bool has_process(ProcessId id) const { return processes_.contains(id); }
  // The process whose tables a CPU uses; none after boot and after an exit.
  [[nodiscard]] std::optional<ProcessId> current(unsigned cpu) const;
  [[nodiscard]] CpuSet cpus_of(ProcessId id) const;  // those whose current process it is
  [[nodiscard]] const Process& process(ProcessId id) const;
  [[nodiscard]] std::size_t num_processes() const { return processes_.size(); }
  [[nodiscard]] const GuestParams& params() const { return machine_.params; }
  [[nodiscard]] const GuestFrames& frames() const { return memory_.frames; }
  [[nodiscard]] const SwapSpace& swap() const { return memory_.swap; }
  [[nodiscard]] const GuestStatistics& statistics() const { return statistics_; }
  void register_stats(StatGroup& group) const { statistics_.register_stats(group); }

 private:
  // Where a scan of all pages goes on.
  struct Hand {
    ProcessId process{};
    Gva address;
  };
  enum class TablesAre : std::uint8_t { kKept, kFreed };

  Process& find(ProcessId id);
  [[nodiscard]] TableEditor editor(CpuPort& port, Cause cause);
  [[nodiscard]] bool uses_pcid() const;
  [[nodiscard]] bool is_user_range(Gva start, std::uint64_t length_bytes) const;

  // Processes (guest_processes.cpp).
  [[nodiscard]] std::optional<Process> new_process(TableEditor& tables);
  [[nodiscard]] std::optional<Gpa> allocate_root(TableEditor& tables);
  ProcessId add_process(Process process);
  void leave_tables(CpuPort& port, ProcessId id, CpuSet cpus);
  void free_pcid(const Process& process);
  void free_space(TableEditor& tables, Process& process);
  [[nodiscard]] bool has_free_pcid() const;
  [[nodiscard]] std::optional<ProcessId> try_fork(CpuPort& port, Process& parent);

  // Regions (guest_regions.cpp).
  [[nodiscard]] bool unmap_range(CpuPort& port, Process& process, Gva start, Gva end);

  // Reclaim and collapse (guest_reclaim.cpp).
  void keep_watermarks(CpuPort& port);
  // After an allocation that failed: frees up to so many frames of what it was short of. False:
  // there are none.
  [[nodiscard]] bool reclaim_more(CpuPort& port, std::uint64_t num_pages);
  void reclaim(CpuPort& port, FrameZone zone, std::uint64_t wanted_free);
  bool reclaim_round(CpuPort& port, FrameZone zone, std::uint64_t wanted_free);
  void collapse_if_due(CpuPort& port);
  void collapse(CpuPort& port, Process& process, GuestRegionRights rights, Gva block);
  // Attempts again what fails for want of a frame, as long as reclaim finds more of them. An
  // attempt that fails leaves nothing half done.
  template <class Attempt>
  [[nodiscard]] bool with_room(CpuPort& port, Attempt&& attempt) {
    bool is_done = attempt();
    for (std::uint64_t n = machine_.params.reclaim.batch_pages; !is_done && reclaim_more(port, n);
         n *= 2) {
      is_done = attempt();
    }
    return is_done;
  }
  // Calls visit(Process&, const GuestRegion&) for all regions, by process and address, from the
  // hand on and round to it again, until it returns false.
  template <class Visit>
  void for_each_piece(Hand hand, Visit&& visit);

  // Faults (guest_faults.cpp). map_page: false if no frame of the level's size is left.
  [[nodiscard]] bool map_page(TableEditor& tables, TableRef at, const GuestRegion& region,
                              const GuestFault& fault);
  [[nodiscard]] FaultOutcome serve_fault(CpuPort& port, Process& process, const GuestRegion& region,
                                         const GuestFault& fault);
  [[nodiscard]] bool swap_in(TableEditor& tables, TableRef at, const GuestRegion& region,
                             const GuestFault& fault);
  [[nodiscard]] bool page_fits(const GuestRegion& region, Gva address, unsigned level) const;
  [[nodiscard]] FaultOutcome write_read_only(CpuPort& port, Process& process, TableRef at,
                                             const GuestFault& fault);
  [[nodiscard]] std::uint64_t preset_bits(AccessType type) const;
  [[nodiscard]] bool copy_page(CpuPort& port, Process& process, TableRef at, Gva address);

  // What is cached of a process's changed entries is dropped on every CPU that may use it
  // (guest_flush.cpp).
  void drop_pages(CpuPort& port, Process& process, std::span<const Gva> pages,
                  TablesAre tables = TablesAre::kKept);
  void drop_all(CpuPort& port, Process& process, TablesAre tables = TablesAre::kKept);
  void invalidate_page(CpuPort& port, const Process& process, Gva page);
  void drop_remote(CpuPort& port, Process& process, std::span<const Invalidation> operations,
                   TablesAre tables);
  void drop_unmapped(CpuPort& port, Process& process, const Unmapper& unmapper, Gva start);
  void set_current(unsigned cpu, std::optional<ProcessId> process);

  GuestMachine machine_;
  GuestMemory memory_;
  KernelHalf kernel_half_;
  std::map<ProcessId, Process> processes_;
  std::uint32_t next_process_ = 1;
  std::vector<Pcid> free_pcids_;                   // last freed, first reused
  std::uint16_t next_pcid_ = 1;                    // PCID 0 is the kernel's own root
  std::vector<std::optional<ProcessId>> current_;  // by CPU
  std::vector<Gpa> balloon_;                       // frames that the host has
  CpuSet idle_;  // CPUs that keep the tables of their last process
  Hand reclaim_hand_;
  Hand collapse_hand_;
  GuestStatistics statistics_;
};

template <class Visit>
void GuestKernel::for_each_piece(Hand hand, Visit&& visit) {
  const Gva user_end(guest_layout(machine_.params.format).user_end);
  bool goes_on = true;
  const auto visit_part = [&](Process& process, Gva start, Gva end) {
    for (const GuestRegion& piece : process.regions.pieces(start, end)) {
      goes_on = goes_on && visit(process, piece);
    }
  };
  const auto first = processes_.lower_bound(hand.process);
  if (first == processes_.end() || first->first != hand.process) {
    hand.address = Gva{};  // it has ended
  }
  for (auto it = first; it != processes_.end() && goes_on; ++it) {
    visit_part(it->second, it == first ? hand.address : Gva{}, user_end);
  }
  for (auto it = processes_.begin(); it != first && goes_on; ++it) {
    visit_part(it->second, Gva{}, user_end);
  }
  if (first != processes_.end() && goes_on) {
    visit_part(first->second, Gva{}, hand.address);
  }
}

}  // namespace nestwalk
