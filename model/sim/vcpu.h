// One virtual CPU: the registers that a guest or a hypervisor sets, and the way of both to the
// hardware. It routes faults, runs the handler on the core's time and lets the access be retried.
// It holds no policy.
//
//   Vcpu vcpu(platform, {.vm = 0, .hypervisor = &hypervisor, .hypervisor_lock = &lock});
//   vcpu.reset(kernel.paging_control(), kernel.boot_cr3());
//   vcpu.resume(slot);                         // from here on the core runs under this vCPU
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/guest/cpu_port.h"
#include "model/hypervisor/hypervisor.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/sim/core_slot.h"
#include "model/sim/platform.h"
#include "model/sim/software_lock.h"
#include "model/sim/vcpu_log.h"
#include "model/walk/context.h"

namespace nestwalk {

// The VM cannot go on: it used memory that it does not have, or the host has none left.
class VmStopped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Vcpu : public CpuPort, public HypervisorPort {
 public:
  struct Place {
    std::uint32_t vm = 0;
    unsigned cpu = 0;                  // within its VM
    Hypervisor* hypervisor = nullptr;  // none: native
    SoftwareLock* hypervisor_lock = nullptr;
    VmId vm_id{};
    const std::vector<std::unique_ptr<Vcpu>>* siblings = nullptr;  // all of the VM, by their number
    // All cores, by their number; none: this vCPU's alone.
    const std::vector<std::unique_ptr<CoreSlot>>* slots = nullptr;
  };

  Vcpu(Platform& platform, const Place& place);

  // The registers as firmware and boot leave them; takes no time.
  void reset(const PagingControl& control, const Cr3Value& cr3);
  // VM entry without the exit's handler: this vCPU gets the core. What its VM may have left there
  // from before, for another one of its vCPUs or before this one ran elsewhere, is dropped.
  void resume(CoreSlot& slot);
  // VM exit: the core leaves this vCPU for another one.
  void pause();
  // It has nothing left to do: nobody interrupts its core any more.
  void end();

  // A fault of the host stage under any access: an exit, the hypervisor's handler, an entry. Throws
  // VmStopped if the VM cannot go on.
  void serve_host_fault(const Fault& fault);
  // An exit for work of the hypervisor's own on this VM, and the entry after it.
  void run_hypervisor(const std::function<void(const HostContext&, const FlushTargets&)>& work);
  // Puts the VM under the other kind of paging, with all its virtual CPUs stopped.
  SwitchOutcome switch_paging(Paging to);
  // Whether page faults of the guest leave it (shadow paging), and such an exit. Throws VmStopped
  // if the VM cannot go on.
  [[nodiscard]] bool intercepts_page_faults() const { return block_.intercepts.page_faults; }
  [[nodiscard]] ShadowFault serve_intercepted_fault(const Access& access, const GuestStore& store);

  [[nodiscard]] unsigned num_direct_map_faults() const { return num_direct_map_faults_; }

  // What it tells of itself; off until it is connected.
  [[nodiscard]] VcpuLog& log() { return log_; }

  // CpuPort
  [[nodiscard]] unsigned cpu() const override { return place_.cpu; }
  [[nodiscard]] std::uint64_t load(Gva address, unsigned bytes) override;
  void store(Gva address, unsigned bytes, std::uint64_t value) override;
  [[nodiscard]] bool compare_and_swap(Gva address, const Swap& swap) override;
  void clear(Gva address, unsigned bits) override;
  void invalidate(const Invalidation& invalidation) override;
  void copy(const BlockCopy& block) override;
  void write_cr3(const Cr3Value& value) override;
  void invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) override;
  void write_cr3_remote(const Cr3Value& value, CpuSet targets) override;
  void write_control(const PagingControl& control) override;

  // HypervisorPort
  [[nodiscard]] unsigned core() const override { return slot_->index; }
  [[nodiscard]] unsigned vcpu() const override { return place_.cpu; }
  [[nodiscard]] GuestRegisters guest_registers() const override;
  [[nodiscard]] std::uint64_t load(Hpa address, unsigned bytes) override;
  void store(Hpa address, unsigned bytes, std::uint64_t value) override;
  [[nodiscard]] bool compare_and_swap(Hpa address, const Swap& swap) override;
  void clear(Hpa address, unsigned bits) override;
  void read_frame(Hpa frame, std::span<std::byte> to) override;
  void write_frame(Hpa frame, std::span<const std::byte> from) override;
  void invalidate(const Invalidation& invalidation, unsigned core) override;
  void enter(const ControlBlock& block) override;
  [[nodiscard]] CoreCounters counters() const override;

  // Both
  void note_table(const TableNote& note) override { log_.note(note); }
  void spend(Cause cause, std::uint64_t cycles) override;

 private:
  // How a supervisor access ended that was made until it succeeded.
  struct Made {
    Translation translation;
    bool is_emulated = false;  // a store by the hypervisor
    bool is_stored = true;     // that one was a compare and swap, and took place
  };
  Made access(Gva address, AccessType type, std::span<std::byte> data, Cause cause,
              const GuestStore& store = {});
  // A read or write of the first word of what is left of a block; its page.
  Translation access_block(Gva address, AccessType type, Cause cause);
  [[nodiscard]] Hypervisor& hypervisor() const { return *place_.hypervisor; }
  // An exit and its handler, which ends with the next entry.
  template <class Handler>
  void leave_for(std::string_view cause, std::uint64_t address, Handler&& handler) {
    log_.exit(*slot_, cause, address);
    is_outside_ = true;
    transition();
    {
      const SoftwareGuard guard(*place_.hypervisor_lock, *slot_);
      handler();
    }
    take_deferred();
  }
  void check_resumed(ExitOutcome outcome, Gpa gpa) const;
  [[nodiscard]] Gpa direct_map_gpa(Gva address) const;
  void check_physical(bool ok, Hpa address) const;
  [[nodiscard]] WalkContext make_context() const;
  [[nodiscard]] WalkContext guest_context() const;
  [[nodiscard]] WalkContext unshadowed_context() const;
  // The guest has invalidated, by an exit that is over.
  void tell_guest_invalidation(const Invalidation& operation) const;
  void shadow_context(WalkContext& context) const;
  void update_context();
  void load_pdptes();
  void transition();
  void flush_leftovers();
  // With the tags in force and the machine's rules.
  [[nodiscard]] Invalidation complete(const Invalidation& invalidation) const;
  [[nodiscard]] std::vector<Invalidation> complete(const std::vector<Invalidation>& list) const;
  // What another CPU of the VM is told to do.
  struct Order {
    std::vector<Invalidation> operations;
    std::optional<Cr3Value> cr3;
  };
  void tell(CpuSet targets, const Order& order);
  void receive(CoreSlot& where, const Order& order, const std::vector<Invalidation>& drops,
               Fence& told);
  void carry_out(CoreSlot& where, const Order& order, const std::vector<Invalidation>& drops);
  void receive_idle(const Order& order);
  // vcpu_switch.cpp
  struct Stop;
  [[nodiscard]] std::vector<VcpuRegisters> registers_of_all(bool is_alone) const;
  void stop_others(const std::shared_ptr<Stop>& stop);
  void stop_for_switch(CoreSlot& where, Stop& stop);
  void enter_after_switch(CoreSlot& where);
  void take_deferred();
  // Wherever translations of the VM may be cached.
  [[nodiscard]] FlushTargets flush_targets() const;
  void invalidate_on(CoreSlot& where, const Invalidation& drop, Cause cause);
  // On the core that this vCPU has; returns when acknowledged.
  void invalidate_here(const Invalidation& invalidation);
  [[nodiscard]] std::uint32_t cost_of(InvalidateOp op) const;

  Platform& platform_;
  CoreSlot* slot_ = nullptr;  // the core that it has, or had last
  bool is_running_ = false;
  bool is_outside_ = true;  // the hypervisor has it: after an exit, or it was not entered yet
  std::deque<std::function<void()>> deferred_;  // orders of other CPUs, for when it is entered
  bool must_flush_ = false;                     // it was told to invalidate while it did not run
  Place place_;
  VcpuLog log_;
  PagingControl control_;
  Cr3Value cr3_;
  PdpteRegisters pdptes_;
  ControlBlock block_;
  unsigned num_direct_map_faults_ = 0;
};

}  // namespace nestwalk
