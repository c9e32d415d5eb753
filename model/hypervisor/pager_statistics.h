// What the hypervisor did to the host stage of one VM besides serving faults.
#pragma once

#include <array>
#include <cstdint>

#include "model/observe/statistics.h"

namespace nestwalk {

struct PagerStatistics {
  std::uint64_t host_events = 0;
  std::uint64_t flushes = 0;  // however many cores each of them reaches
  std::uint64_t tables_freed = 0;

  std::uint64_t logs_started = 0;
  std::uint64_t logs_harvested = 0;
  std::uint64_t log_pages_protected = 0;
  std::uint64_t log_dirty_bits_cleared = 0;
  std::uint64_t log_write_faults = 0;
  std::uint64_t log_pages_harvested = 0;

  std::uint64_t balloon_pages_taken = 0;
  std::uint64_t balloon_pages_absent = 0;
  std::uint64_t balloon_pages_refused = 0;
  std::uint64_t balloon_pages_returned = 0;

  std::array<std::uint64_t, 2> pages_split{};  // by level of the leaf, from 2
  std::uint64_t splits_refused = 0;
  std::array<std::uint64_t, 2> pages_merged{};  // by level of the new leaf, from 2
  std::array<std::uint64_t, 2> pages_collapsed{};
  std::uint64_t merges_refused = 0;

  std::uint64_t reclaim_scanned = 0;
  std::uint64_t reclaim_accessed_cleared = 0;
  std::uint64_t pages_swapped_out = 0;
  std::uint64_t pages_swapped_in = 0;

  std::uint64_t pages_migrated = 0;
  std::uint64_t migrations_refused = 0;

  void register_stats(StatGroup& group) const;
};

}  // namespace nestwalk
