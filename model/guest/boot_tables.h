// The kernel half of a guest's address space, built before paging is on: the direct map of guest
// memory with the largest pages that fit, so that a terabyte costs about a thousand entries; and
// for a 32-bit kernel with more memory than it can map directly, the table of the window to the
// rest.
//
//   const std::optional<KernelHalf> half = build_direct_map(boot, frames, memory, request);
//
// Every process root later gets a copy of the root entries; they never change after boot.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/guest/cpu_port.h"
#include "model/guest/guest_entry.h"
#include "model/guest/guest_frames.h"
#include "model/guest/guest_layout.h"

namespace nestwalk {

struct RootEntry {
  Gva address;  // the first address that it serves
  std::uint64_t entry = 0;
};

struct KernelHalf {
  Gpa root;  // with nothing but the kernel half: the CPU's root at boot and between processes
  std::vector<RootEntry> entries;
  std::uint64_t num_tables = 0;  // the root included
  Gpa window_table;              // of level 1; without a window, nothing
};

struct DirectMapRequest {
  FormatId format = FormatId::kX86FourLevel;
  Control control;
  bool global_pages = true;
  std::uint64_t memory_bytes = 0;
};

// Nothing if the frames do not suffice. The frames must hold zeros, as memory does at power-on.
[[nodiscard]] std::optional<KernelHalf> build_direct_map(BootMemory& memory, GuestFrames& frames,
                                                         const DirectMapRequest& request);

}  // namespace nestwalk
