// The cores on which translations of a VM may be cached: where it runs, and where it ran before and
// nothing has dropped them. Whoever schedules VMs knows; every operation that takes something away
// from a VM is given them.
//
//   FlushTargets targets{{0, 2}};
#pragma once

#include <vector>

namespace nestwalk {

struct FlushTargets {
  std::vector<unsigned> cores;  // each once
};

}  // namespace nestwalk
