#include "model/params/guest.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxCycles = 10'000'000;
constexpr std::uint64_t kMaxPages = std::uint64_t{1} << 40;

}  // namespace

void describe(CollapseParams& p, ParameterVisitor& v) {
  v.integer({"every_faults", "faults",
             "After every so many page faults the kernel looks for small pages that it can copy "
             "into one large page, at the cost of the process that faults; 0 never.",
             0, kMaxCycles},
            p.every_faults);
  v.integer({"blocks", "blocks",
             "Blocks of the size of a large page that it looks at each time, from where it ended "
             "the last time. Linux: 8 (4096 pages).",
             1, 1U << 20},
            p.blocks);
  v.integer({"max_missing_pages", "pages",
             "Pages of a block that may never have been used; they are filled with zeros. Linux: "
             "511, which makes large pages of single small ones.",
             0, 1023},
            p.max_missing_pages);
}

void describe(ReclaimParams& p, ParameterVisitor& v) {
  v.integer({"swap_bytes", "bytes",
             "Where pages go for which no memory is left; 0: nowhere, so that the kernel reclaims "
             "nothing.",
             0, std::uint64_t{1} << 40},
            p.swap_bytes);
  v.integer({"low_pages", "pages", "A page fault that finds fewer free frames of 4 KiB reclaims.",
             0, kMaxPages},
            p.low_pages);
  v.integer({"high_pages", "pages", "It goes on until so many are free. At least low_pages.", 1,
             kMaxPages},
            p.high_pages);
  v.integer({"batch_pages", "pages",
             "Pages of one process that are unmapped before one flush of all CPUs concerned; more "
             "than one are flushed by a load of CR3. Linux: 32.",
             1, 1U << 16},
            p.batch_pages);
  v.integer({"scan_cycles", "cycles",
             "Looking at one page, without the accesses to its entry. Assumption.", 0, kMaxCycles},
            p.scan_cycles);
  v.integer({"write_cycles", "cycles",
             "Moving one page to swap, besides reading it word by word. Assumption: compressed "
             "memory.",
             0, kMaxCycles},
            p.write_cycles);
  v.integer({"read_cycles", "cycles",
             "Moving one page back, besides writing it word by word. Assumption: compressed "
             "memory.",
             0, kMaxCycles},
            p.read_cycles);
}

void describe(GuestParams& p, ParameterVisitor& v) {
  v.choice({"format", "Paging format of the guest's tables.", kGuestFormatNames}, p.format);
  v.choice({"page_size",
            "Preferred page size of anonymous memory; what does not fit takes the next smaller "
            "one. A 2-level guest reads 2m as its 4M page.",
            kPageSizeNames},
           p.page_size);
  v.boolean({"pcid",
             "Give every process a PCID, so that a context switch drops nothing (4- and 5-level "
             "formats; the others have none)."},
            p.pcid);
  v.boolean({"global_kernel_pages", "Map the kernel's direct map with global pages."},
            p.global_kernel_pages);
  v.boolean({"preset_accessed_dirty",
             "Map a page with A set, and with D set when the fault was a write, as Linux does for "
             "anonymous memory on x86; false leaves both to the MMU."},
            p.preset_accessed_dirty);
  v.boolean(
      {"clear_data_pages", "Zero a page before a process sees it; false clears page tables only."},
      p.clear_data_pages);
  v.integer({"fault_cycles", "cycles",
             "Kernel entry, region look-up and return of one page fault, without table accesses "
             "and clearing. Assumption: with those, a minor fault comes to 1000 to 2500 cycles.",
             0, kMaxCycles},
            p.fault_cycles);
  v.integer({"frame_allocation_cycles", "cycles",
             "Taking one frame, of any size, from the allocator, or giving it back. Assumption.", 0,
             kMaxCycles},
            p.frame_allocation_cycles);
  v.integer({"clear_4k_cycles", "cycles",
             "Zeroing 4 KiB by string stores. Assumption: 16 bytes a cycle.", 0, kMaxCycles},
            p.clear_4k_cycles);
  v.integer({"copy_4k_cycles", "cycles",
             "Copying 4 KiB by string moves when a process writes a page that a fork left shared. "
             "Assumption: 8 bytes a cycle.",
             0, kMaxCycles},
            p.copy_4k_cycles);
  v.integer(
      {"context_switch_cycles", "cycles",
       "Kernel part of a process switch, without the load of CR3. Assumption.", 0, kMaxCycles},
      p.context_switch_cycles);
  v.integer({"process_creation_cycles", "cycles",
             "Creating, forking or ending a process or giving it another program, without its page "
             "tables. Assumption.",
             0, kMaxCycles},
            p.process_creation_cycles);
  v.integer(
      {"region_cycles", "cycles",
       "System call that maps, unmaps or protects a region or moves the break, without its pages. "
       "Assumption.",
       0, kMaxCycles},
      p.region_cycles);
  v.integer({"unmap_page_cycles", "cycles", "Accounting for one page that is unmapped. Assumption.",
             0, kMaxCycles},
            p.unmap_page_cycles);
  v.integer({"max_single_invalidations", "pages",
             "Unmapping more pages than this, or taking a right from more, reloads CR3 instead of "
             "invalidating each. Linux: 33.",
             0, 1U << 20},
            p.max_single_invalidations);
  v.choice({"on_segfault",
            "An access outside all regions, or without the right: leave it out (skip), end the "
            "process (kill) or the run (stop).",
            kSegfaultActionNames},
           p.on_segfault);
  v.group({"collapse", "Large pages made of small ones that are in use, as khugepaged makes them."},
          p.collapse);
  v.group({"reclaim", "What happens when the guest's memory runs short."}, p.reclaim);
}

}  // namespace nestwalk
