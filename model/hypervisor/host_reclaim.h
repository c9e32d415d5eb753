// Takes frames from a VM that has too many: a clock chooses pages by their A bits and swaps them
// out.
//
//   HostReclaim reclaim({port, machine, frames, vm}, targets);
//   reclaim.swap_out(32);      // pages of 4 KiB
//
// The hand goes round guest memory. A page with A loses it and is spared until the hand comes by
// again; one without is swapped out. Without A bits (EPT without A and D) that is first in, first
// out by address. Large pages without A are split; their pieces go one by one.
// Entries are cleared first, one flush follows for all of them, for every A that was cleared and
// for every split, and only then is content read and are frames freed (SDM vol. 3, "Guidelines for
// use of the INVEPT instruction"). A fault brings a page back: NestedPager.
#pragma once

#include <cstdint>
#include <vector>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

class HostReclaim {
 public:
  HostReclaim(const HostContext& context, const FlushTargets& targets)
      : stage_(context, Cause::kReclaim), targets_(targets) {}

  // Returns how many pages of 4 KiB it swapped out: fewer if the VM has no more, or used them
  // while the hand came round.
  std::uint64_t swap_out(std::uint64_t num_pages);

 private:
  struct Victim {
    Gpa page;
    Hpa frame;
  };
  // Lets the hand go from start to end, or until there are enough victims.
  void turn(Gpa start, Gpa end, std::uint64_t num_pages);
  void judge(HostEntry& leaf, std::uint64_t num_pages);

  HostStage stage_;
  const FlushTargets& targets_;
  std::vector<Victim> victims_;
  bool must_flush_ = false;
};

}  // namespace nestwalk
