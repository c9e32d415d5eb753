// What a transaction does to memory, without time. Data lives in one place; caches keep tags and
// time only, and use this on a hit.
#pragma once

#include <tlm>

#include "model/memory/sparse_memory.h"

namespace nestwalk {

// What the base protocol lets a target refuse, and we do: byte enables (byte-enable error) and a
// streaming width below the length (burst error). TLM_OK_RESPONSE: nothing of that.
[[nodiscard]] inline tlm::tlm_response_status check_protocol(
    const tlm::tlm_generic_payload& payload) {
  if (payload.get_byte_enable_ptr() != nullptr) {
    return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  }
  return payload.get_streaming_width() < payload.get_data_length() ? tlm::TLM_BURST_ERROR_RESPONSE
                                                                   : tlm::TLM_OK_RESPONSE;
}

// The same for a target of physical addresses, where no bytes at all are a burst error too.
[[nodiscard]] tlm::tlm_response_status check_transfer(const tlm::tlm_generic_payload& payload);

// Performs the payload's command on the memory and sets its response status: as check_transfer()
// says, or address error beyond the memory's end. A TableExtension with is_update makes a write a
// compare and swap.
void perform_access(SparseMemory& memory, tlm::tlm_generic_payload& payload);

}  // namespace nestwalk
