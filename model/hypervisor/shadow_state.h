// What the hypervisor keeps of a VM under shadow paging. Plain records; ShadowPager keeps their
// invariants.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "model/hypervisor/guest_registers.h"
#include "model/hypervisor/shadow_cache.h"
#include "model/hypervisor/shadow_reverse_map.h"
#include "model/observe/statistics.h"
#include "model/walk/context.h"

namespace nestwalk {

struct ShadowStatistics {
  std::uint64_t page_faults = 0;  // intercepted: each ends as one of the next
  std::uint64_t reflected = 0;
  std::uint64_t filled = 0;
  std::uint64_t emulated = 0;
  std::uint64_t unsync_faults = 0;  // of those filled: a table went out of sync
  std::uint64_t retried = 0;        // the guest had changed an entry meanwhile
  std::uint64_t failed = 0;
  std::uint64_t cr3_exits = 0;
  std::uint64_t control_exits = 0;
  std::uint64_t invlpg_exits = 0;
  std::uint64_t tables_made = 0;
  std::uint64_t tables_freed = 0;
  std::uint64_t tables_zapped = 0;
  std::uint64_t zapped_for_flooding = 0;
  std::uint64_t zapped_for_reuse = 0;
  std::uint64_t zapped_for_room = 0;
  std::uint64_t zapped_for_drop = 0;
  std::uint64_t tables_peak = 0;
  std::uint64_t tables_synced = 0;
  std::uint64_t entries_synced = 0;
  std::uint64_t entries_dropped = 0;
  std::uint64_t protected_leaves = 0;
  std::uint64_t split_pages = 0;
  std::uint64_t flushes = 0;

  void register_stats(StatGroup& group) const;
};

struct ShadowVcpu {
  GuestRegisters registers;  // as the guest loaded them last
  PdpteRegisters pdptes;     // of a PAE guest
  ShadowMode mode;
  ShadowId root = kNoShadow;
  ShadowId top = kNoShadow;  // level 3 of a 32-bit guest, below its root
};

// Guest memory whose entry of the host stage was changed: what the shadow has of it is old.
struct ChangedBlock {
  Gpa start;
  unsigned bits = 0;
  bool is_gone = true;  // false: only the right to write was taken away
};

struct ShadowState {
  ShadowCache cache;
  ShadowReverseMap reverse_map;
  std::vector<ShadowVcpu> vcpus;
  std::set<unsigned> cores;           // where the VM has run and may have left translations
  std::vector<ChangedBlock> changed;  // since the shadow last followed the host stage
  bool is_kept = false;               // not used now, and to be compared before it is again
  // The host stage has lost something while the MMU did not walk it.
  bool has_host_changed = false;
  ShadowStatistics statistics;
};

}  // namespace nestwalk
