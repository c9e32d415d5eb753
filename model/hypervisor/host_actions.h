// The host events of a configuration, carried out. Each is an exit of its own; the caller enters
// the guest again.
//
//   HostActions actions(hypervisor.host_context(port, vm), targets);
//   actions.run(HostAction::kDirtyLogStart, std::array{GuestRange{start, end}});
//
// The ranges of a balloon are what the guest gives or takes; reclaim is asked for as many bytes as
// they have.
#pragma once

#include <span>

#include "model/hypervisor/balloon.h"
#include "model/hypervisor/host_stage.h"

namespace nestwalk {

class HostActions {
 public:
  HostActions(const HostContext& context, const FlushTargets& targets)
      : context_(context), targets_(targets) {}

  // Ranges are cut at the end of guest memory.
  void run(HostAction action, std::span<const GuestRange> ranges);

 private:
  void run(HostAction action, Gpa start, Gpa end);
  void split(Gpa start, Gpa end);
  void merge(Gpa start, Gpa end, bool may_copy);

  HostContext context_;
  const FlushTargets& targets_;
};

}  // namespace nestwalk
