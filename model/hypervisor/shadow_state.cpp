#include "model/hypervisor/shadow_state.h"

namespace nestwalk {

void ShadowStatistics::register_stats(StatGroup& group) const {
  group.counter("page_faults", &page_faults, "count",
                "Exits for a page fault of the guest; each ends in one of the next five ways.");
  group.counter("reflected", &reflected, "count",
                "Page faults that the guest's own tables raise, handed to its kernel.");
  group.counter("filled", &filled, "count", "Page faults that ended with an entry of the shadow.");
  group.counter("emulated", &emulated, "count",
                "Page faults on a write to a protected guest table, which was made for the guest.");
  group.counter("retried", &retried, "count",
                "Page faults repeated because the guest's tables had changed meanwhile.");
  group.counter("failed", &failed, "count", "Page faults that ended the VM.");
  group.counter("unsync_faults", &unsync_faults, "count",
                "Of those filled: the write let a last-level table out of sync.");
  group.counter("cr3_exits", &cr3_exits, "count", "Exits for a load of CR3.");
  group.counter("control_exits", &control_exits, "count",
                "Exits for a change of CR0, CR4 or EFER.");
  group.counter("invlpg_exits", &invlpg_exits, "count", "Exits for INVLPG and INVPCID.");
  group.counter("tables_made", &tables_made, "tables", "Shadow tables allocated.");
  group.counter("tables_freed", &tables_freed, "tables", "Shadow tables given back.");
  group.computed(
      "tables_live", [this] { return tables_made - tables_freed; }, "tables",
      "Shadow tables at the end.");
  group.counter("tables_peak", &tables_peak, "tables", "Most shadow tables at a time.");
  group.counter("tables_zapped", &tables_zapped, "tables",
                "Shadow tables dropped, for whatever reason.");
  group.counter("zapped_for_flooding", &zapped_for_flooding, "tables",
                "Of those: the guest wrote the table again and again.");
  group.counter("zapped_for_reuse", &zapped_for_reuse, "tables",
                "Of those: a program, or a store of many words, wrote the frame.");
  group.counter("zapped_for_room", &zapped_for_room, "tables", "Of those: to make room.");
  group.counter("zapped_for_drop", &zapped_for_drop, "tables",
                "Of those: the frame of the guest's table was taken away.");
  group.counter("tables_synced", &tables_synced, "tables",
                "Times a table that was out of sync was compared with the guest's.");
  group.counter("entries_synced", &entries_synced, "count", "Entries compared.");
  group.counter("entries_dropped", &entries_dropped, "count",
                "Of those: dropped, because the guest had changed its own.");
  group.counter("protected_leaves", &protected_leaves, "count",
                "Entries that lost write access because a frame became a table.");
  group.counter("split_pages", &split_pages, "count",
                "Large entries dropped because a frame in them became a table.");
  group.counter("flushes", &flushes, "count",
                "Flushes of the VM's translations on all cores that it ran on.");
}

}  // namespace nestwalk
