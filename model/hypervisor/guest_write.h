// The hypervisor's own writes to guest memory: emulated instructions, A and D bits that it sets in
// guest tables, devices.
//
//   if (!write_guest({port, machine, frames, vm}, cause, gpa, 8, word)) { ... the host is out of
//   memory ... }
//
// They find the page as the guest would (it comes back from swap, or gets a frame) and end up in a
// dirty log like the guest's own.
#pragma once

#include <cstdint>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

// 1, 2, 4 or 8 bytes, naturally aligned, inside guest memory. The time is booked to `cause`. False:
// the page had no frame, and there is none.
[[nodiscard]] bool write_guest(const HostContext& context, Cause cause, Gpa address,
                               unsigned num_bytes, std::uint64_t value);

}  // namespace nestwalk
