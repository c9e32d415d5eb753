// The end of a VM: its root is cleared, what the cores have cached is dropped, and only then are
// its frames, tables and root free, for a VM that may get the same number and with it the same
// tags.
//
//   destroy({port, machine, frames, vm}, targets);
//
// The VM runs nowhere any more.
#pragma once

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

void destroy(const HostContext& context, const FlushTargets& targets);

}  // namespace nestwalk
