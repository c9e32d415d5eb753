// Holds the shadow of a VM against what it is made from: the guest's tables and the host stage's,
// as they are in memory, and its own bookkeeping. Everything is worked out anew from the tables;
// nothing of the pager's is called.
//
//   for (const std::string& difference : audit_shadow(memory, vm, control)) ...
//
// Legal and not reported: entries that are not filled yet, rights that an entry lacks, leaves of
// tables that are out of sync as far as the guest's entries go, and a dropped root that a virtual
// CPU has not left yet, if it is empty.
#pragma once

#include <string>
#include <vector>

#include "model/arch/access.h"
#include "model/hypervisor/vm.h"
#include "model/memory/sparse_memory.h"

namespace nestwalk {

// Empty: all is as it should be. `machine` is the CPU's control, as HostMachine has it.
[[nodiscard]] std::vector<std::string> audit_shadow(const SparseMemory& memory, const Vm& vm,
                                                    const Control& machine);

}  // namespace nestwalk
