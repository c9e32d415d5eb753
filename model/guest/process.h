// A process as the guest kernel knows it. A plain record; GuestKernel keeps its invariants.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/tags.h"
#include "model/guest/guest_region.h"

namespace nestwalk {

enum class ProcessId : std::uint32_t {};

struct Process {
  ProcessId id{};
  Gpa root;
  Pcid pcid{};
  // Translations of this PCID may be stale: of its former owner, or because pages were unmapped
  // while another process ran. The next switch to it drops them.
  bool flush_on_switch = true;
  GuestRegionMap regions;
};

}  // namespace nestwalk
