// What the guest kernel counts.
#pragma once

#include <array>
#include <cstdint>

#include "model/observe/statistics.h"

namespace nestwalk {

struct GuestStatistics {
  std::uint64_t faults = 0;  // all of the following kinds, and those that mapped or copied a page
  std::uint64_t faults_spurious = 0;
  std::uint64_t segfaults_no_region = 0;
  std::uint64_t segfaults_rights = 0;
  std::uint64_t out_of_memory = 0;
  std::array<std::uint64_t, 3> pages_mapped{};  // by level of the leaf, from 1
  std::array<std::uint64_t, 3> pages_unmapped{};
  std::uint64_t cow_faults = 0;
  std::uint64_t cow_copies = 0;
  std::uint64_t page_size_fallbacks = 0;
  std::uint64_t pages_split = 0;
  std::uint64_t collapse_scans = 0;
  std::uint64_t collapses = 0;
  std::uint64_t collapses_without_frame = 0;
  std::uint64_t reclaims = 0;
  std::uint64_t reclaim_scans = 0;
  std::uint64_t reclaim_flushes = 0;
  std::uint64_t pages_reclaimed = 0;
  std::uint64_t swap_writes = 0;
  std::uint64_t swap_reads = 0;
  std::uint64_t swap_full = 0;
  std::uint64_t temporary_mappings = 0;
  std::uint64_t boot_tables = 0;
  std::uint64_t tables_allocated = 0;
  std::uint64_t tables_freed = 0;
  std::uint64_t table_reads = 0;
  std::uint64_t table_writes = 0;
  std::uint64_t single_invalidations = 0;
  std::uint64_t full_flushes = 0;
  std::uint64_t remote_flushes = 0;
  std::uint64_t remote_cpus = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t lazy_returns = 0;
  std::uint64_t unmaps = 0;
  std::uint64_t unmaps_of_nothing = 0;
  std::uint64_t protects = 0;
  std::uint64_t breaks = 0;
  std::uint64_t processes_created = 0;
  std::uint64_t forks = 0;
  std::uint64_t execs = 0;
  std::uint64_t processes_ended = 0;
  std::uint64_t threads_ended = 0;

  void register_stats(StatGroup& group) const;
};

}  // namespace nestwalk
