#include "model/params/guest.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxCycles = 10'000'000;

}  // namespace

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
}

}  // namespace nestwalk
