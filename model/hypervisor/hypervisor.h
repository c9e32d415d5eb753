// The hypervisor: VMs under nested or shadow paging, exits and what they cost.
//
//   Hypervisor hypervisor(machine, FrameAllocator<Hpa>(Hpa{0}, host_bytes));
//   const VmId vm = *hypervisor.create_vm(port, vm_params);
//   hypervisor.enter(port, vm);
//   ... the guest runs until the host stage faults ...
//   hypervisor.handle_fault(port, vm, fault);     // ends with the next VM entry
//   ... or, under shadow paging, until an intercepted event ...
//   hypervisor.handle_guest_fault(port, vm, access, store);
//
// A value: copies are independent hypervisors; the port is passed to each call. What a guest does
// wrong (an address beyond its memory) and what the host lacks are results that end a VM or a run
// with a message. One core at a time may be inside.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/arch/fault.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/hypervisor/nested_pager.h"
#include "model/hypervisor/paging_switch.h"
#include "model/hypervisor/shadow_pager.h"
#include "model/hypervisor/vm.h"
#include "model/memory/sparse_memory.h"

namespace nestwalk {

// What is wrong with a VM on this host, as a message, or nothing.
[[nodiscard]] std::optional<std::string> find_problem(const HostMachine& machine,
                                                      const VmParams& params);

enum class ExitOutcome : std::uint8_t {
  kResumed,        // served; the VM has been entered again
  kBeyondMemory,   // the guest used an address that it has no memory at: the VM cannot go on
  kMisconfigured,  // an entry of the host stage is malformed: the VM cannot go on
  kOutOfMemory,    // the host has no frame left: the VM cannot go on
};

[[nodiscard]] ExitOutcome exit_outcome(ShadowOutcome outcome);

class Hypervisor {
 public:
  Hypervisor(const HostMachine& machine, FrameAllocator<Hpa> frames);

  // The VM must be without a problem. Nothing if the host has no frame for its root.
  [[nodiscard]] std::optional<VmId> create_vm(HypervisorPort& port, const VmParams& params);

  // Backs [start, start + length_bytes) of guest memory, as at boot before the guest runs: give it
  // a port that takes no time. No exit is counted. False if the host is out of frames.
  [[nodiscard]] bool populate(HypervisorPort& port, VmId id, Gpa start, std::uint64_t length_bytes);

  // The VM runs nowhere any more. Its number, and with it its tags, may go to the next VM.
  void destroy_vm(HypervisorPort& port, VmId id, const FlushTargets& targets);

  // What operations on the host stage of a VM work with: DirtyLogger, Balloon, HostReclaim ...
  [[nodiscard]] HostContext host_context(HypervisorPort& port, VmId id);
  // Before a fault brings in one more page: swaps out if the VM is at its limit of host memory.
  void make_room(HypervisorPort& port, VmId id, const Fault& fault, const FlushTargets& targets);
  // The same before a fault of which it is not known yet whether it brings one in.
  void make_room(HypervisorPort& port, VmId id, const FlushTargets& targets);

  [[nodiscard]] ControlBlock control_block(VmId id, unsigned vcpu = 0) const;
  // VM entry of the port's virtual CPU; its first one, or after it has been away.
  ExitOutcome enter(HypervisorPort& port, VmId id);

  // An exit for a fault of the host stage: EPT violation, EPT misconfiguration, #NPF.
  [[nodiscard]] ExitOutcome handle_fault(HypervisorPort& port, VmId id, const Fault& fault);

  // Events that leave the guest under shadow paging (Intercepts). All end with the next VM entry,
  // but for those that end the VM.
  [[nodiscard]] ShadowFault handle_guest_fault(HypervisorPort& port, VmId id, const Access& access,
                                               const GuestStore& store);
  [[nodiscard]] ExitOutcome handle_cr3_write(HypervisorPort& port, VmId id);
  [[nodiscard]] ExitOutcome handle_control_write(HypervisorPort& port, VmId id);
  void handle_invalidation(HypervisorPort& port, VmId id, const Invalidation& operation);
  // A virtual CPU is about to run again whose kernel was told meanwhile to invalidate: no exit.
  void catch_up(HypervisorPort& port, VmId id);

  // Gives all shadow tables of a VM back, as when it leaves shadow paging. None of its virtual CPUs
  // may run before its next VM entry.
  void drop_shadow(HypervisorPort& port, VmId id);

  // Puts the VM under the other kind of paging (paging_switch.h). All its virtual CPUs have exited,
  // and each enters again by enter(); given are those that have ever run, with their registers.
  [[nodiscard]] SwitchOutcome switch_paging(HypervisorPort& port, VmId id, Paging to,
                                            std::span<const VcpuRegisters> vcpus,
                                            const FlushTargets& targets);

  // Where guest memory is, by the tables as they are in memory; for tests and debug accesses.
  [[nodiscard]] std::optional<Hpa> translate(const SparseMemory& memory, VmId id,
                                             Gpa address) const;

  // What is wrong with the shadow of a VM, if it has one (shadow_audit.h).
  [[nodiscard]] std::vector<std::string> audit(const SparseMemory& memory, VmId id) const;

  [[nodiscard]] const Vm& vm(VmId id) const;
  [[nodiscard]] const HostMachine& machine() const { return machine_; }
  // Numbers of VMs that were given out; some of them may have been destroyed.
  [[nodiscard]] std::size_t num_vms() const { return vms_.size(); }
  [[nodiscard]] const FrameOwnerMap& owners() const { return frames_.owners; }
  [[nodiscard]] const FrameAllocator<Hpa>& frames() const { return frames_.free; }
  // vm<i>.* of the VMs that exist now; neither they nor this object may move or grow afterwards.
  void register_stats(StatGroup& group) const;

 private:
  [[nodiscard]] Vm& find(VmId id) { return vms_.at(static_cast<std::size_t>(id)); }
  Vm& begin_exit(HypervisorPort& port, VmId id);
  void enter_as_it_is(HypervisorPort& port, VmId id) const;
  // The exit was made under shadow paging, which the VM has left since: the instruction takes its
  // effect on what the processor has cached.
  void flush_instead(HypervisorPort& port, VmId id);
  [[nodiscard]] ShadowPager shadow_pager(HypervisorPort& port, VmId id);

  HostMachine machine_;
  HostFrames frames_;
  std::vector<Vm> vms_;  // by id
  FreshTags tags_;
};

}  // namespace nestwalk
