#include "model/hypervisor/pager_statistics.h"

namespace nestwalk {
namespace {

void register_by_level(StatGroup& group, const std::array<std::uint64_t, 2>& pages,
                       const char* what) {
  group.counter("level2", &pages[0], "pages", what);
  group.counter("level3", &pages[1], "pages", what);
}

}  // namespace

void PagerStatistics::register_stats(StatGroup& group) const {
  group.counter("host_events", &host_events, "count",
                "Exits for what the hypervisor did to the VM's memory by itself (host_events).");
  group.counter("flushes", &flushes, "count",
                "Times the hypervisor dropped the VM's translations on all its cores.");
  group.counter("tables_freed", &tables_freed, "tables", "Tables of the host stage given back.");

  StatGroup& log = group.group("dirty_log");
  log.counter("started", &logs_started, "count", "Dirty logs begun.");
  log.counter("harvested", &logs_harvested, "count", "Times a dirty log was read and cleared.");
  log.counter("pages_protected", &log_pages_protected, "pages",
              "Host pages made read-only for a log.");
  log.counter("dirty_bits_cleared", &log_dirty_bits_cleared, "pages",
              "Host pages whose D was cleared for a log.");
  log.counter("write_faults", &log_write_faults, "count", "Faults that told a log of a write.");
  log.counter("pages_harvested", &log_pages_harvested, "pages",
              "Pages of 4 KiB that harvests found written.");

  StatGroup& balloon = group.group("balloon");
  balloon.counter("pages_taken", &balloon_pages_taken, "pages",
                  "Pages of 4 KiB that the guest gave back and whose frames were freed.");
  balloon.counter("pages_absent", &balloon_pages_absent, "pages",
                  "Pages of 4 KiB that the guest gave back and that had no frame.");
  balloon.counter("pages_refused", &balloon_pages_refused, "pages",
                  "Pages of 4 KiB that stayed: no table was to be had to split their host page.");
  balloon.counter("pages_returned", &balloon_pages_returned, "pages",
                  "Pages of 4 KiB that left the balloon: used again, or taken back.");

  StatGroup& split = group.group("split");
  register_by_level(split, pages_split, "Host pages of this level split into the next smaller.");
  split.counter("refused", &splits_refused, "count", "Splits for whose table there was no frame.");
  StatGroup& merge = group.group("merge");
  register_by_level(merge, pages_merged, "Host pages of this level made of smaller ones in place.");
  merge.counter("refused", &merges_refused, "count",
                "Blocks whose pages did not make one: incomplete, unlike rights, or no frame.");
  register_by_level(group.group("collapse"), pages_collapsed,
                    "Host pages of this level made of smaller ones by copying.");

  StatGroup& reclaim = group.group("reclaim");
  reclaim.counter("pages_scanned", &reclaim_scanned, "pages", "Host pages that the clock passed.");
  reclaim.counter("accessed_cleared", &reclaim_accessed_cleared, "pages",
                  "Host pages spared once because their A was set.");
  reclaim.counter("pages_swapped_out", &pages_swapped_out, "pages", "Pages of 4 KiB swapped out.");
  reclaim.counter("pages_swapped_in", &pages_swapped_in, "pages",
                  "Pages of 4 KiB brought back by a fault.");

  StatGroup& migration = group.group("migration");
  migration.counter("pages", &pages_migrated, "pages", "Host pages moved to another frame.");
  migration.counter("refused", &migrations_refused, "count",
                    "Host pages that stayed for want of a frame.");
}

}  // namespace nestwalk
