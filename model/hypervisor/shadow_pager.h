// Shadow paging of one VM: tables from guest-virtual to host-physical addresses, merged from the
// guest's tables and the host stage's, filled on demand and kept true while the guest writes its
// own. Built for one entry into the hypervisor, holds no state of its own but what the next VM
// entry needs: finish() flushes and frees.
//
//   ShadowPager pager(port, machine, frames, vm);
//   const ShadowFault result = pager.fault(vcpu, access, store);
//
// Guest tables are write-protected from their first shadowing on. A shadow leaf is writable only
// where the guest's D is set, and present only where A is, so that the guest's bits stay true.
// The MMU finds A and D set in every shadow entry and writes none. Rights sit in the leaves;
// entries that point to tables give all. What is taken away is flushed on every core that the VM
// has run on before frames are freed and before the guest's words are read again. How it works,
// with sources: docs/reference/shadow-paging.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/arch/fault.h"
#include "model/arch/swap.h"
#include "model/arch/translation.h"
#include "model/hypervisor/guest_physical.h"
#include "model/hypervisor/guest_walk.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/hypervisor/nested_pager.h"
#include "model/hypervisor/vm.h"

namespace nestwalk {

// The write that the guest was about to make, for the case that it must be made for it.
struct GuestStore {
  std::span<const std::byte> data;  // of a store; inside one page
  std::optional<Swap> swap;         // of a compare and swap
  bool is_block = false;            // one of many stores that write a whole page
  [[nodiscard]] bool is_known() const { return !data.empty() || swap.has_value(); }
};

enum class ShadowOutcome : std::uint8_t {
  kResumed,       // the access can be repeated
  kEmulated,      // the write was made for the guest, but for a block's: those it makes at `page`
  kReflected,     // a page fault of the guest's own, for its kernel
  kBeyondMemory,  // as ExitOutcome has it
  kOutOfMemory,
};

struct ShadowFault {
  ShadowOutcome outcome = ShadowOutcome::kResumed;
  Fault fault;            // kReflected
  bool is_stored = true;  // kEmulated: false if a compare and swap found another word
  Gpa gpa;                // of the access, or what was beyond memory
  HostPage page;          // kEmulated: where gpa is
};

struct VcpuRegisters {
  unsigned number = 0;  // of the virtual CPU
  GuestRegisters registers;
};

class ShadowPager {
 public:
  ShadowPager(HypervisorPort& port, const HostMachine& machine, HostFrames& frames, Vm& vm);

  // An intercepted page fault.
  [[nodiscard]] ShadowFault fault(unsigned vcpu, const Access& access, const GuestStore& store);
  // Loads of CR3, and changes of CR0, CR4 and EFER; also before a virtual CPU runs first.
  [[nodiscard]] ShadowOutcome write_cr3(unsigned vcpu, const GuestRegisters& registers);
  [[nodiscard]] ShadowOutcome write_control(unsigned vcpu, const GuestRegisters& registers);
  [[nodiscard]] ShadowOutcome start(unsigned vcpu, const GuestRegisters& registers);
  void invalidate(unsigned vcpu, const Invalidation& operation);
  // Before a virtual CPU runs that was told to invalidate while it did not.
  void catch_up();

  // Guest memory has been moved, taken away or protected in the host stage since the last call:
  // shadows are made from it. On return nothing of what is gone is mapped or cached, and none of
  // its tables is shadowed; what is protected cannot be written.
  void follow_host_stage();
  // All tables of the VM, as at its end.
  void drop_all();

  // Switching (shadow_switch.cpp): no virtual CPU of the VM runs. None of these flushes what cores
  // hold of the shadow; that is the switch's to do.
  void destroy();
  void keep();
  void compare();
  [[nodiscard]] bool start_all(std::span<const VcpuRegisters> vcpus);

 private:
  // Roots (shadow_roots.cpp).
  enum class PdpteSource : std::uint8_t { kMemory, kProcessor };
  [[nodiscard]] ShadowOutcome load(unsigned vcpu, const GuestRegisters& registers,
                                   PdpteSource source = PdpteSource::kMemory);
  [[nodiscard]] ShadowOutcome load_and_flush(unsigned vcpu, const GuestRegisters& registers);
  [[nodiscard]] bool choose_root(ShadowVcpu& vcpu);
  [[nodiscard]] bool is_current(const ShadowVcpu& vcpu) const;
  [[nodiscard]] bool make_top(ShadowVcpu& vcpu);
  void leave_root(ShadowId root);

  // Faults (shadow_fault.cpp).
  enum class Fill : std::uint8_t { kFilled, kChanged, kOutOfMemory };
  [[nodiscard]] ShadowFault serve(ShadowVcpu& vcpu, const Access& access, const GuestStore& store);
  [[nodiscard]] GuestPath find_path(const ShadowVcpu& vcpu, const Access& access);
  // What has been decided of a write to the frame of a guest table.
  struct Way {
    bool are_dropped = false;  // its shadows, once
    bool is_emulated = false;
  };
  [[nodiscard]] bool clear_way(ShadowVcpu& vcpu, const Access& access, Gpa frame,
                               const GuestStore& store, Way& way);
  [[nodiscard]] Fill fill(const ShadowVcpu& vcpu, const Access& access, const GuestPath& path,
                          const HostPage& host);
  [[nodiscard]] unsigned choose_level(const GuestPath& path, const HostPage& host) const;
  void set_mirrored(ShadowKey& key, const ShadowVcpu& vcpu, const Access& access,
                    const GuestPath& path, unsigned level) const;
  [[nodiscard]] bool is_unchanged(const ShadowVcpu& vcpu, const GuestPath& path, unsigned level);
  void install(ShadowLink at, Gpa page, Hpa frame, GuestRights rights);
  [[nodiscard]] TableNote note_of(Gpa frame) const;  // of a write to it, for a log
  void emulate(Gpa address, const GuestStore& store, ShadowFault& result);

  // Writes of the guest to its tables (shadow_sync.cpp).
  void follow_write(Gpa address, std::size_t num_bytes);
  [[nodiscard]] bool is_flooded(Gpa frame);
  [[nodiscard]] bool can_go_out_of_sync(Gpa frame) const;
  void go_out_of_sync(Gpa frame);
  void sync(Gpa frame);
  void sync_all();
  void sync_below(ShadowId table);
  [[nodiscard]] bool is_below(ShadowId table, ShadowId above) const;
  // Whether the shadow has a leaf there.
  bool sync_address(const ShadowVcpu& vcpu, Gva address);
  void sync_entries(ShadowId id);
  void sync_entry(ShadowLink at, const StageRules& rules);

  // Tables (shadow_tables.cpp).
  [[nodiscard]] std::optional<Hpa> allocate_table();
  [[nodiscard]] ShadowId get(const ShadowKey& key, bool& is_fresh);
  void protect(Gpa frame);
  void take_write_access(Gpa page, unsigned level);
  void drop_block(Gpa block, unsigned bits);
  void protect_block(Gpa block, unsigned bits);
  void drop_leaves(Gpa page, unsigned level);
  void link(ShadowLink at, ShadowId child);
  void drop_entry(ShadowLink at);
  void zap(ShadowId id);
  void empty(ShadowId id);
  void release(ShadowId id);
  void zap_shadows_of(Gpa frame);
  void make_room();
  [[nodiscard]] bool has_room() const;

  // Switching (shadow_switch.cpp).
  void forget_roots();
  void compare_entries(ShadowId id);
  [[nodiscard]] std::optional<std::uint64_t> mirrored_entry(ShadowLink at, const StageRules& rules);
  [[nodiscard]] std::optional<ShadowKey> key_below(ShadowLink at, const StageRules& rules,
                                                   std::uint64_t word) const;
  [[nodiscard]] bool is_link_current(ShadowLink at, const StageRules& rules);
  void protect_tables_of(const ShadowVcpu& vcpu);
  void protect_table(ShadowLink at, const ShadowKey& key);
  void protect_below(ShadowId id);

  [[nodiscard]] const PagingFormat& format_of_table(const ShadowTable& table) const;
  [[nodiscard]] Hpa entry_address(ShadowLink at) const;
  [[nodiscard]] ShadowEntry& entry(ShadowLink at);
  void store(ShadowLink at, std::uint64_t word);

  // Flushes (shadow_tables.cpp).
  [[nodiscard]] Invalidation flush_operation() const;
  void flush();
  void flush_here();
  void free_tables();
  void finish();
  void spend(Cause cause, std::uint32_t cycles) { port_.spend(cause, cycles); }

  HypervisorPort& port_;
  const HostMachine& machine_;
  HostFrames& frames_;
  Vm& vm_;
  ShadowState& state_;
  ShadowStatistics& statistics_;
  const ShadowCosts& costs_;
  GuestPhysical memory_;
  bool must_flush_ = false;          // something is cached that no table gives any more
  std::vector<Hpa> tables_to_free_;  // after the flush
};

}  // namespace nestwalk
