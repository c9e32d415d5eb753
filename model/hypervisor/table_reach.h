// Whether a walk may still get to a frame as a table of one level for one address: by what the
// entries on the way say, or by a value of the past that is kept because some core may use it.
//
//   may_reach(memory, history, contexts, frame, use);
#pragma once

#include "model/hypervisor/table_history.h"

namespace nestwalk {

// True also where it would take too long to find out.
[[nodiscard]] bool may_reach(const SparseMemory& memory, const TableHistory& history,
                             const CheckedContexts& contexts, Hpa frame, const TableUse& use);

}  // namespace nestwalk
