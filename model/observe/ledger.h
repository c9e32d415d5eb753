// Where the cycles of a run went: one account per virtual machine and process, one integer per
// cause. Every cycle has a cause; there is no remainder to hide in.
//
//   Ledger ledger;
//   Account& account = ledger.account({.vm = 0, .process = 2});  // stays valid
//   account.charge(Cause::kWalk, 42);
//   ledger.total().cycles();
//
// Not for: time itself (the TLM layer's); the ledger only says what it was spent on.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string_view>

namespace nestwalk {

class StatGroup;

enum class Cause : std::uint8_t {
  kCore,
  kDataAccess,
  kTlbLookup,
  kWalk,
  kGuestPageFault,
  kGuestTableWrite,
  kGuestFrameZeroing,
  kGuestFrameCopy,
  kGuestSystemCall,
  kGuestReclaim,
  kGuestCollapse,
  kContextSwitch,
  kCr3Load,
  kInvalidation,
  kVmExit,
  kEptViolation,
  kNestedPageFault,
  kHostTableWrite,
  kHostFrameZeroing,
  kShootdown,
  kLockWait,
  // The hypervisor's work on the host stage besides serving faults.
  kDirtyLog,
  kBalloon,
  kHostSplitMerge,
  kReclaim,
  kSwapIn,
  kMigration,
  kVmTeardown,
  // Its work on shadows.
  kShadowFault,
  kShadowFill,
  kShadowReflect,
  kShadowEmulation,
  kShadowProtection,
  kShadowSync,
  kShadowZap,
  kShadowRoot,
  kShadowIntercept,
  // Switching between nested and shadow paging.
  kSwitchSample,
  kSwitchFlip,
  kSwitchWait,
  kSwitchDestroy,
  kSwitchCompare,
  kSwitchProtect,
};
inline constexpr unsigned kNumCauses = 43;

struct CauseDescription {
  std::string_view name;
  std::string_view text;
};

inline constexpr std::array<CauseDescription, kNumCauses> kCauses = {{
    {"core", "Execution itself: retired instructions at the base rate."},
    {"data_access", "Waiting for the data of loads, stores and fetches, once translated."},
    {"tlb_lookup", "Looking up the TLBs beyond what the pipeline hides."},
    {"walk", "Page walks: reading entries of both stages and setting their A and D bits."},
    {"guest_page_fault", "The guest kernel's page-fault handler, delivery and return included."},
    {"guest_table_write", "The guest kernel's stores to its page tables."},
    {"guest_frame_zeroing", "The guest kernel clearing frames before their first use."},
    {"guest_frame_copy",
     "The guest kernel copying frames: of a fork when they are written, and into a large page."},
    {"guest_system_call",
     "The guest kernel creating and ending processes, mapping, unmapping and protecting."},
    {"guest_reclaim",
     "The guest kernel choosing and unmapping pages, and moving them to swap and back."},
    {"guest_collapse", "The guest kernel making large pages of small ones, copies not included."},
    {"context_switch", "The guest kernel switching between processes, CR3 load not included."},
    {"cr3_load", "Loads of CR3."},
    {"invalidation", "Invalidation instructions and waiting for their acknowledgement."},
    {"vm_exit", "The bare round trips of VM exits and entries."},
    {"ept_violation", "The hypervisor's handler of EPT violations and misconfigurations."},
    {"nested_page_fault", "The hypervisor's handler of nested page faults."},
    {"host_table_write",
     "The hypervisor's accesses to its EPT, nested and shadow page tables, and to the guest's."},
    {"host_frame_zeroing", "The hypervisor clearing frames before a guest gets them."},
    {"shootdown",
     "Remote invalidations: sending the interrupt, waiting for acknowledgements, and being "
     "interrupted."},
    {"lock_wait", "Waiting for another core to leave the guest kernel or the hypervisor."},
    {"dirty_log", "The hypervisor starting, harvesting and ending dirty logs."},
    {"balloon", "The hypervisor taking memory that a guest gives back."},
    {"host_split_merge", "The hypervisor splitting and merging host pages."},
    {"reclaim", "The hypervisor choosing guest pages to swap out, and writing them out."},
    {"swap_in", "The hypervisor bringing swapped-out guest pages back."},
    {"migration", "The hypervisor moving guest pages to other frames."},
    {"vm_teardown", "The hypervisor destroying VMs."},
    {"shadow_fault", "The hypervisor walking a guest's tables after a page fault under shadow."},
    {"shadow_fill", "The hypervisor filling shadow entries, host frames for them included."},
    {"shadow_reflect", "The hypervisor handing page faults to the guest whose they are."},
    {"shadow_emulation", "The hypervisor carrying out writes to protected guest tables."},
    {"shadow_protection", "The hypervisor taking write access to guest tables away."},
    {"shadow_sync", "The hypervisor letting shadows out of sync and comparing them again."},
    {"shadow_zap", "The hypervisor dropping shadow tables."},
    {"shadow_root", "The hypervisor choosing a shadow root at loads of CR3 and mode changes."},
    {"shadow_intercept", "The hypervisor carrying out INVLPG and INVPCID for the guest."},
    {"switch_sample", "Reading counters and deciding whether a VM is to switch its paging."},
    {"switch_flip", "Rewriting control blocks for the other kind of paging."},
    {"switch_wait", "Virtual CPUs stopped while their VM switches."},
    {"switch_destroy", "Giving the tables of a shadow back when a VM leaves shadow paging."},
    {"switch_compare", "Comparing a kept shadow with the guest's tables before it is used again."},
    {"switch_protect", "Finding the guest's tables at a switch, to protect them all."},
}};

constexpr std::string_view name_of(Cause cause) {
  return kCauses[static_cast<unsigned>(cause)].name;
}

class Account {
 public:
  void charge(Cause cause, std::uint64_t cycles) {
    cycles_[static_cast<unsigned>(cause)] += cycles;
  }
  [[nodiscard]] std::uint64_t cycles(Cause cause) const {
    return cycles_[static_cast<unsigned>(cause)];
  }
  [[nodiscard]] std::uint64_t cycles() const;  // of all causes

  Account& operator+=(const Account& other);
  // What it has gained.
  [[nodiscard]] Account since(const Account& before) const;
  // One counter per cause and their total. The account must outlive the group.
  void register_stats(StatGroup& group) const;

 private:
  std::array<std::uint64_t, kNumCauses> cycles_{};
};

// A native machine is VM 0. Process 0 is the kernel's own work.
struct AccountKey {
  std::uint32_t vm = 0;
  std::uint32_t process = 0;
  friend constexpr auto operator<=>(AccountKey, AccountKey) = default;
};

class Ledger {
 public:
  // Opened on first use. The reference stays valid for the life of this ledger (a copy has its
  // own).
  Account& account(AccountKey key) { return accounts_[key]; }
  [[nodiscard]] const std::map<AccountKey, Account>& accounts() const { return accounts_; }

  [[nodiscard]] Account total() const;
  [[nodiscard]] Account total_of_vm(std::uint32_t vm) const;

  // total.*, and vm<i>.process<j>.* of the accounts that are open now: call it at the end of a run.
  void register_stats(StatGroup& group) const;

 private:
  std::map<AccountKey, Account> accounts_;
};

}  // namespace nestwalk
