// A virtual machine as the hypervisor knows it. Plain records; Hypervisor keeps their invariants.
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/address.h"
#include "model/observe/statistics.h"
#include "model/params/hypervisor.h"

namespace nestwalk {

enum class VmId : std::uint32_t {};

struct VmStatistics {
  std::uint64_t exits = 0;
  std::uint64_t ept_violations = 0;
  std::uint64_t nested_page_faults = 0;
  std::uint64_t ept_misconfigurations = 0;
  std::uint64_t guest_table_faults = 0;  // of the first two: on the way to a guest table entry
  std::uint64_t spurious_faults = 0;
  std::uint64_t rights_raised = 0;
  std::uint64_t beyond_memory = 0;
  std::uint64_t out_of_memory = 0;
  std::array<std::uint64_t, 3> pages_backed{};  // by level of the leaf, from 1
  std::uint64_t backing_fallbacks = 0;
  std::uint64_t tables_allocated = 0;  // the root included
  std::uint64_t table_reads = 0;
  std::uint64_t table_writes = 0;

  void register_stats(StatGroup& group) const;
};

struct Vm {
  VmId id{};
  VmParams params;
  Hpa root;
  VmStatistics statistics;

  [[nodiscard]] const PagingFormat& format() const { return format_of(format_id(params.format)); }
};

}  // namespace nestwalk
