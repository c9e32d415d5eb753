// What a hypervisor can do with the core it runs on, and the VM control block it gives to it.
//
//   port.store(entry, 8, word);  // a host-physical store, takes its time
//   port.spend(Cause::kEptViolation, params.violation_cycles);
//   port.enter(block);           // VM entry
//
// The port holds no policy. What hardware drops by itself is the port's: at VM exit and VM entry
// (InvalidateOp::kVmTransition) and at an EPT violation or #NPF (the faulting addresses).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/paging_format.h"
#include "model/arch/swap.h"
#include "model/arch/tags.h"
#include "model/hypervisor/guest_registers.h"
#include "model/observe/ledger.h"
#include "model/observe/software_log.h"

namespace nestwalk {

// Guest events that leave the guest, besides faults of the host stage, which always do.
struct Intercepts {
  bool page_faults = false;     // exception bitmap, #PF
  bool cr3_writes = false;      // CR3-load exiting
  bool control_writes = false;  // paging bits of CR0, CR4 and EFER
  bool invalidations = false;   // INVLPG and INVPCID
};

// VMCS or VMCB, as far as translation is concerned. The guest's own registers (CR3, PDPTEs, control
// bits) stay in the virtual CPU; with a host stage they are used as the guest wrote them.
struct ControlBlock {
  std::uint32_t vm = 0;     // whose block it is
  bool has_host = true;     // "enable EPT", or nested paging of the VMCB
  bool has_shadow = false;  // no host stage: the MMU walks a table of the hypervisor instead
  FormatId shadow_format = FormatId::kX86FourLevel;
  Hpa shadow_root;                                 // the CR3 that the processor holds then
  FormatId host_format = FormatId::kEptFourLevel;  // an x86 format means NPT
  Hpa host_root;                                   // EPTP bits 51:12 or nCR3
  bool accessed_dirty = false;                     // EPTP bit 6; NPT always sets A and D
  TagRules rules = TagRules::kIntel;
  bool vpid_enabled = false;  // Intel: "enable VPID"
  Vpid vpid{};                // Intel; 0 while VPIDs are off
  Ep4ta ep4ta{};              // Intel: the tag that host_root stands for
  Asid asid{};                // AMD
  Intercepts intercepts;
};

// Performance counters of the core, since it started.
struct CoreCounters {
  std::uint64_t cycles = 0;
  std::uint64_t retired_instructions = 0;
  std::uint64_t tlb_misses = 0;
};

class HypervisorPort {
 public:
  virtual ~HypervisorPort() = default;

  // The core the hypervisor runs on.
  [[nodiscard]] virtual unsigned core() const = 0;
  // The virtual CPU whose exit this is, by its number within its VM, and the registers it holds.
  [[nodiscard]] virtual unsigned vcpu() const { return 0; }
  [[nodiscard]] virtual GuestRegisters guest_registers() const { return {}; }

  // Host-physical accesses of 1, 2, 4 or 8 bytes, naturally aligned.
  [[nodiscard]] virtual std::uint64_t load(Hpa address, unsigned bytes) = 0;
  virtual void store(Hpa address, unsigned bytes, std::uint64_t value) = 0;
  // False, and nothing stored, if the word at the address is not the expected one.
  [[nodiscard]] virtual bool compare_and_swap(Hpa address, const Swap& swap) = 0;

  // Zeroes the naturally aligned block of 2^bits bytes (bits >= 12). Takes no time by itself: what
  // clearing costs is the hypervisor's to spend.
  virtual void clear(Hpa address, unsigned bits) = 0;

  // The content of whole 4 KiB frames, to move it. Take no time by themselves either.
  virtual void read_frame(Hpa frame, std::span<std::byte> to) = 0;
  virtual void write_frame(Hpa frame, std::span<const std::byte> from) = 0;

  virtual void spend(Cause cause, std::uint64_t cycles) = 0;

  // What the next store writes, for a log of what software does.
  virtual void note_table(const TableNote& /*note*/) {}

  // Any operation on any core, with complete tags; returns when acknowledged.
  virtual void invalidate(const Invalidation& invalidation, unsigned core) = 0;

  // VM entry: from here on the guest on this core runs under a copy of the block.
  virtual void enter(const ControlBlock& block) = 0;

  [[nodiscard]] virtual CoreCounters counters() const = 0;
};

}  // namespace nestwalk
