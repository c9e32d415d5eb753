// The host events of a configuration, carried out: each action of HostAction on a range.
//
//   HostActions actions(hypervisor.host_context(port, vm), targets);
//   actions.run(HostAction::kDirtyLogStart, start, end);
//
// What a balloon takes and reclaim's amount are the caller's to say: the range of a balloon is what
// the guest gives, and reclaim is asked for (end - start) bytes.
#pragma once

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

class HostActions {
 public:
  HostActions(const HostContext& context, const FlushTargets& targets)
      : context_(context), targets_(targets) {}

  // The range is cut at the end of guest memory.
  void run(HostAction action, Gpa start, Gpa end);

 private:
  void split(Gpa start, Gpa end);
  void merge(Gpa start, Gpa end, bool may_copy);

  HostContext context_;
  const FlushTargets& targets_;
};

}  // namespace nestwalk
