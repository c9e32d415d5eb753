// What a transaction does to memory, without time. Data lives in one place; caches keep tags and
// time only, and use this on a hit.
#pragma once

#include <tlm>

#include "model/memory/sparse_memory.h"

namespace nestwalk {

// Performs the payload's command on the memory and sets its response status: address error beyond
// the memory's end, byte-enable error for byte enables, burst error for a streaming width below the
// length; a TableExtension with is_update makes a write a compare and swap.
void perform_access(SparseMemory& memory, tlm::tlm_generic_payload& payload);

}  // namespace nestwalk
