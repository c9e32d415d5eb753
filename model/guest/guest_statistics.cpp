#include "model/guest/guest_statistics.h"

namespace nestwalk {

void GuestStatistics::register_stats(StatGroup& group) const {
  group.counter("faults", &faults, "count", "Page faults handled by the guest kernel.");
  group.counter("faults_spurious", &faults_spurious, "count",
                "Faults on an entry that permitted the access by then.");
  group.counter("segfaults_no_region", &segfaults_no_region, "count",
                "Faults outside all regions, delivered to the process.");
  group.counter("segfaults_rights", &segfaults_rights, "count",
                "Faults in a region without that right, delivered to the process.");
  group.counter("out_of_memory", &out_of_memory, "count",
                "Faults that found no frame for a page or its tables.");
  group.group("pages_mapped")
      .counter("level1", &pages_mapped[0], "pages", "4K pages mapped on fault.");
  group.group("pages_mapped")
      .counter("level2", &pages_mapped[1], "pages",
               "2M pages (2-level format: 4M) mapped on fault.");
  group.group("pages_mapped")
      .counter("level3", &pages_mapped[2], "pages", "1G pages mapped on fault.");
  group.group("pages_unmapped")
      .counter("level1", &pages_unmapped[0], "pages", "4K pages unmapped.");
  group.group("pages_unmapped")
      .counter("level2", &pages_unmapped[1], "pages", "2M pages (2-level format: 4M) unmapped.");
  group.group("pages_unmapped")
      .counter("level3", &pages_unmapped[2], "pages", "1G pages unmapped.");
  group.counter("cow_faults", &cow_faults, "count",
                "Writes to a page that a fork had made read-only.");
  group.counter("cow_copies", &cow_copies, "pages",
                "4K pages copied on such a write; the others had no other holder left.");
  group.counter("page_size_fallbacks", &page_size_fallbacks, "pages",
                "Pages mapped smaller than preferred: region, tables or frames did not allow it.");
  group.counter(
      "pages_split", &pages_split, "pages",
      "Large pages split because a part was unmapped, protected or written after a fork.");
  group.counter("collapse_scans", &collapse_scans, "blocks",
                "Blocks of the size of a large page that were looked at for collapsing.");
  group.counter("collapses", &collapses, "pages", "Large pages made of small ones in use.");
  group.counter("collapses_without_frame", &collapses_without_frame, "pages",
                "Large pages not made because no frame of that size was free.");
  group.counter("reclaims", &reclaims, "count", "Times that too few frames were free.");
  group.counter("reclaim_scans", &reclaim_scans, "pages",
                "Pages looked at then: their A bit was cleared, or they went.");
  group.counter("reclaim_flushes", &reclaim_flushes, "count",
                "Flushes for pages that went, one for a whole batch.");
  group.counter("pages_reclaimed", &pages_reclaimed, "pages", "4K pages unmapped to free frames.");
  group.counter("swap_writes", &swap_writes, "pages",
                "Pages of these written to swap; the others were there already.");
  group.counter("swap_reads", &swap_reads, "pages", "Pages brought back by a fault.");
  group.counter("swap_full", &swap_full, "count", "Pages kept because swap was full.");
  group.counter("temporary_mappings", &temporary_mappings, "count",
                "Pages outside low memory mapped for the time of a copy.");
  group.counter("boot_tables", &boot_tables, "tables", "Tables built at boot.");
  group.counter("tables_allocated", &tables_allocated, "tables", "Tables allocated after boot.");
  group.counter("tables_freed", &tables_freed, "tables", "Tables freed.");
  group.counter("table_reads", &table_reads, "count", "Table entries loaded by the kernel.");
  group.counter("table_writes", &table_writes, "count", "Table entries stored by the kernel.");
  group.counter("single_invalidations", &single_invalidations, "count", "INVLPG executed.");
  group.counter("full_flushes", &full_flushes, "count",
                "Reloads of CR3 that took the place of more INVLPG.");
  group.counter("remote_flushes", &remote_flushes, "count",
                "Interrupts that made other CPUs drop translations, one for all CPUs and pages.");
  group.counter("remote_cpus", &remote_cpus, "count", "CPUs so interrupted.");
  group.counter("context_switches", &context_switches, "count",
                "Switches to another process's tables.");
  group.counter("lazy_returns", &lazy_returns, "count",
                "Returns of an idle CPU to the process that it had run last.");
  group.counter("unmaps", &unmaps, "count", "Calls that unmapped a range.");
  group.counter("unmaps_of_nothing", &unmaps_of_nothing, "count",
                "Of these, calls for a range in which no region was.");
  group.counter("protects", &protects, "count", "Calls that changed the rights of a range.");
  group.counter("breaks", &breaks, "count", "Calls that moved the end of the data segment.");
  group.counter("processes_created", &processes_created, "count", "Processes created.");
  group.counter("forks", &forks, "count", "Processes of them that are the copy of another one.");
  group.counter("execs", &execs, "count", "Address spaces dropped for another program.");
  group.counter("processes_ended", &processes_ended, "count", "Processes ended.");
  group.counter("threads_ended", &threads_ended, "count",
                "Threads ended while others of their process went on.");
}

}  // namespace nestwalk
