// Puts a VM under the other kind of paging while it exists: HAP to SP and back. All its virtual
// CPUs have exited; each gets its control block, with roots, intercepts and EPT enable in one
// piece, when it enters again.
//
//   PagingSwitch change({port, machine, frames, vm}, targets, tags);
//   change.to(Paging::kShadow, vcpus);   // kSwitched, kUnchanged, or kRefused: no room for roots
//
// The host stage exists under both, so that going to nested paging needs nothing but the control
// block; what is cached of the paging that is left survives there and is usable again after the
// next switch (docs/reference/switching.md). Not for: deciding (SwitchPolicy), stopping virtual
// CPUs.
#pragma once

#include <cstdint>
#include <span>

#include "model/hypervisor/flush_targets.h"
#include "model/hypervisor/host_stage.h"
#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {

enum class SwitchOutcome : std::uint8_t { kSwitched, kUnchanged, kRefused };

// Tags that no VM has had yet, from the top; those from 1 on are the VMs' first ones.
struct FreshTags {
  std::uint32_t next = 0xffff;
};

class PagingSwitch {
 public:
  PagingSwitch(const HostContext& context, const FlushTargets& targets, FreshTags& tags,
               std::uint32_t num_vms)
      : context_(context), targets_(targets), tags_(tags), num_vms_(num_vms) {}

  [[nodiscard]] SwitchOutcome to(Paging paging, std::span<const VcpuRegisters> vcpus);

 private:
  [[nodiscard]] bool to_shadow(std::span<const VcpuRegisters> vcpus);
  void to_nested();
  void keep_dirty_log();
  void flush(Paging entered);
  void change_tag();

  HostContext context_;
  const FlushTargets& targets_;
  FreshTags& tags_;
  std::uint32_t num_vms_;
};

}  // namespace nestwalk
