// Moves pages of a guest to other frames of the same size; content, rights, A and D stay.
//
//   FrameMigration migration({port, machine, frames, vm}, targets);
//   migration.move_range(start, end);
//
// Not present: the entry is cleared, flushed, the content copied, the new entry stored (which needs
// no flush): the guest waits at its first access. Write-protected: the guest may read meanwhile.
// The right to write goes, flush; copy; the entry names the new frame, still read-only, flush; the
// right comes back. While two frames are in use both are read-only, so no core reads what another
// has already overwritten. Either way the old frame is free only after the last flush (SDM vol. 3,
// "Guidelines for use of the INVEPT instruction").
#pragma once

#include <cstdint>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

struct MigrationCount {
  std::uint64_t num_moved = 0;    // host pages
  std::uint64_t num_refused = 0;  // no frame of their size
};

class FrameMigration {
 public:
  FrameMigration(const HostContext& context, const FlushTargets& targets)
      : stage_(context, Cause::kMigration), targets_(targets) {}

  // Every page that overlaps [start, end), each by itself.
  MigrationCount move_range(Gpa start, Gpa end);

 private:
  [[nodiscard]] bool move(HostEntry& leaf);
  void move_not_present(HostEntry& leaf, Hpa to);
  void move_write_protected(HostEntry& leaf, Hpa to);

  HostStage stage_;
  const FlushTargets& targets_;
};

}  // namespace nestwalk
