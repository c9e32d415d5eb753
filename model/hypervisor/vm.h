// A virtual machine as the hypervisor knows it. Plain records; Hypervisor keeps their invariants.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/tags.h"
#include "model/hypervisor/dirty_log.h"
#include "model/hypervisor/page_set.h"
#include "model/hypervisor/pager_statistics.h"
#include "model/hypervisor/shadow_state.h"
#include "model/hypervisor/swap_store.h"
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
  std::uint64_t switches_to_shadow = 0;
  std::uint64_t switches_to_nested = 0;
  std::uint64_t switches_refused = 0;
  PagerStatistics pager;

  void register_stats(StatGroup& group) const;
};

struct Vm {
  VmId id{};
  bool exists = true;  // false: destroyed, and its number is free
  VmParams params;
  Paging paging = Paging::kNested;  // now; params has what it began with
  std::uint32_t tag_number = 0;     // VPID on Intel and ASID on AMD; 0 is the host's
  Hpa root;
  VmStatistics statistics;
  ShadowState shadow;  // under nested paging empty, or what is kept of it

  std::optional<DirtyLog> dirty_log;  // while one is on
  PageSet ballooned;                  // given back by the guest, and not used since
  SwapStore swap;                     // pages without a frame that have content
  Gpa clock_hand;                     // where reclaim goes on
  std::uint64_t resident_bytes = 0;   // of frames that back guest memory

  [[nodiscard]] const PagingFormat& format() const { return format_of(format_id(params.format)); }
  [[nodiscard]] std::uint32_t tag() const { return tag_number; }
  // The MMU keeps A and D in the entries of this host stage. Under shadow paging it does not walk
  // them.
  [[nodiscard]] bool has_accessed_dirty() const {
    return !is_shadowed() && (format().rules == RuleSet::kX86 || params.accessed_dirty);
  }
  [[nodiscard]] bool may_switch() const {
    return params.switching.policy != SwitchPolicyKind::kFixed;
  }
  // A write to guest memory that no table entry tells of: the hypervisor's own.
  void log_write(Gpa address, unsigned bits = kSmallPageBits) {
    if (dirty_log) {
      dirty_log->mark(address, bits);
    }
  }
  [[nodiscard]] bool is_shadowed() const { return paging == Paging::kShadow; }
  // Tables that map what the host stage maps exist, so that they must follow its changes.
  [[nodiscard]] bool has_shadow() const { return is_shadowed() || shadow.is_kept; }
  [[nodiscard]] TagRules rules() const {
    return format().rules == RuleSet::kEpt ? TagRules::kIntel : TagRules::kAmd;
  }
  // VPID and EP4TA, or ASID; the PCID is the guest's affair.
  [[nodiscard]] Tags tags() const;
};

}  // namespace nestwalk
