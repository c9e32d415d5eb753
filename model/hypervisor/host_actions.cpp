#include "model/hypervisor/host_actions.h"

#include <algorithm>

#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/frame_migration.h"
#include "model/hypervisor/host_reclaim.h"
#include "model/hypervisor/stage_merge.h"
#include "model/hypervisor/stage_split.h"

namespace nestwalk {

void HostActions::run(HostAction action, std::span<const GuestRange> ranges) {
  VmStatistics& statistics = context_.vm.statistics;
  ++statistics.exits;
  ++statistics.pager.host_events;
  context_.port.spend(Cause::kVmExit, context_.machine.params.exit_cycles);
  if (action == HostAction::kBalloonInflate) {
    Balloon(context_, targets_).inflate(ranges);
    return;
  }
  for (const GuestRange& range : ranges) {
    run(action, range.start, range.end);
  }
}

void HostActions::run(HostAction action, Gpa start, Gpa end) {
  const Gpa memory_end(context_.vm.params.memory_bytes);
  start = std::min(start, memory_end);
  end = std::min(end, memory_end);
  switch (action) {
    case HostAction::kDirtyLogStart:
      DirtyLogger(context_, targets_).start(start, end);
      return;
    case HostAction::kDirtyLogHarvest:
      static_cast<void>(DirtyLogger(context_, targets_).harvest());  // counted; nobody copies
      return;
    case HostAction::kDirtyLogStop:
      DirtyLogger(context_, targets_).stop();
      return;
    case HostAction::kBalloonInflate:
      return;  // all ranges at once
    case HostAction::kBalloonDeflate:
      Balloon(context_, targets_).deflate(start, end);
      return;
    case HostAction::kSplit:
      split(start, end);
      return;
    case HostAction::kMerge:
      merge(start, end, false);
      return;
    case HostAction::kCollapse:
      merge(start, end, true);
      return;
    case HostAction::kReclaim:
      HostReclaim(context_, targets_).swap_out((end.value() - start.value()) >> kSmallPageBits);
      return;
    case HostAction::kMigrate:
      FrameMigration(context_, targets_).move_range(start, end);
      return;
  }
}

void HostActions::split(Gpa start, Gpa end) {
  HostStage stage(context_, Cause::kHostSplitMerge);
  if (split_range(stage, start, end).num_split != 0) {
    stage.flush(targets_);
  }
}

// To 2M pages, and from there to 1G pages if the VM prefers them.
void HostActions::merge(Gpa start, Gpa end, bool may_copy) {
  HostStage stage(context_, Cause::kHostSplitMerge);
  StageMerger merger(stage, targets_);
  merger.merge_range(start, end, {.level = 2, .may_copy = may_copy});
  if (leaf_level(context_.vm.params.backing) == 3 && stage.format().level[3].can_be_leaf) {
    merger.merge_range(start, end, {.level = 3, .may_copy = may_copy});
  }
}

}  // namespace nestwalk
