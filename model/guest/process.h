// A process as the guest kernel knows it. A plain record; GuestKernel keeps its invariants.
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/tags.h"
#include "model/guest/cpu_set.h"
#include "model/guest/guest_region.h"

namespace nestwalk {

enum class ProcessId : std::uint32_t {};

// What brk() moves the end of; whole pages.
struct DataSegment {
  Gva start;
  Gva end;
};

struct Process {
  ProcessId id{};
  Gpa root;
  Pcid pcid{};
  std::uint32_t num_threads = 1;
  // CPUs on which translations of this PCID may be stale: of its former owner, or because entries
  // changed while another process ran there. Their next switch to it drops them.
  CpuSet flush_on_switch = CpuSet::all();
  GuestRegionMap regions;
  std::optional<DataSegment> data_segment;  // known from the first brk() on
};

}  // namespace nestwalk
