// A guest's processors without time, natively, over nested or over shadow tables, for tests that
// compare the three. Each core keeps every translation it ever made until an invalidation drops it,
// so that a flush that is missing shows.
//
//   ShadowBench bench({.mode = BenchMode::kShadow});
//   bench.write_physical(Gpa{0x1000}, 8, entry);        // as at boot: no processor sees it
//   BenchCpu& cpu = bench.cpu(0);
//   cpu.load_cr3(Gpa{0x1000});
//   cpu.store(Gva{0x4000}, 8, 1, Privilege::kSupervisor);  // .is_fault, .code, .value, .gpa
//   bench.audit();                                       // what is wrong with the shadow
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/hypervisor/balloon.h"
#include "model/hypervisor/hypervisor.h"
#include "model/lookup/entry_key.h"
#include "model/memory/sparse_memory.h"
#include "model/walk/context.h"

namespace nestwalk {

// What several guests share: the machine below them. Without one a bench has its own.
struct BenchHost {
  BenchHost(std::uint64_t host_bytes, const HypervisorParams& params)
      : memory(host_bytes),
        hypervisor(HostMachine{params, Control{}}, FrameAllocator<Hpa>(Hpa{0}, host_bytes)) {}
  SparseMemory memory;
  Hypervisor hypervisor;
};

enum class BenchMode : std::uint8_t { kNative, kNested, kShadow };

struct BenchOptions {
  BenchMode mode = BenchMode::kShadow;
  VmParams vm;
  HypervisorParams hypervisor;
  std::uint64_t host_bytes = std::uint64_t{256} << 20;
  unsigned num_cpus = 1;
  FormatId format = FormatId::kX86FourLevel;
  bool page_1g = true;
  std::shared_ptr<BenchHost> host;  // not natively; with page_1g as a Control has it
  std::size_t max_cached = 0;       // translations of a processor; 0: no bound
};

// How an access ended.
struct BenchResult {
  bool is_fault = false;  // a page fault of the guest, or #GP for a non-canonical address
  std::uint64_t code = 0;
  bool is_stopped = false;  // the VM could not go on
  std::uint64_t value = 0;  // of a load; of a compare and swap whether it stored
  Gpa gpa;
  std::optional<Hpa> emulated;  // the hypervisor makes the store, here

  friend bool operator==(const BenchResult& a, const BenchResult& b) {
    return a.is_fault == b.is_fault && a.code == b.code && a.is_stopped == b.is_stopped &&
           a.value == b.value;
  }
};

class ShadowBench;

class BenchCpu : public HypervisorPort {
 public:
  BenchCpu(ShadowBench& bench, unsigned number) : bench_(bench), number_(number) {}

  // The guest's instructions.
  void load_cr3(Gpa root, Pcid pcid = {}, bool keep = false);
  void write_control(const GuestRegisters& registers);
  void invlpg(Gva address);
  // INVLPG and the INVPCID types.
  void invalidate(const Invalidation& operation);
  [[nodiscard]] BenchResult load(Gva address, unsigned bytes, Privilege privilege);
  [[nodiscard]] BenchResult fetch(Gva address, Privilege privilege);
  BenchResult store(Gva address, unsigned bytes, std::uint64_t value, Privilege privilege);
  // Of any length inside a page.
  BenchResult store_bytes(Gva address, std::span<const std::byte> data, Privilege privilege);
  BenchResult swap(Gva address, const Swap& swap);
  // Zeroes the page of an address, as a string instruction does.
  BenchResult clear_page(Gva address);
  // Copies a page the same way.
  BenchResult copy_page(Gva to, Gva from);
  // A store whose data the hypervisor does not get to know.
  BenchResult touch(Gva address, Privilege privilege);

  [[nodiscard]] const GuestRegisters& registers() const { return registers_; }
  // What hardware walks by now.
  [[nodiscard]] WalkContext context() const;
  void set_ac(bool ac) { registers_.control.ac = ac; }
  [[nodiscard]] std::uint64_t num_exits() const { return num_exits_; }
  // What the core's TLB holds for an address of the current root.
  [[nodiscard]] std::optional<Translation> cached(Gva address) const;

  // HypervisorPort
  [[nodiscard]] unsigned core() const override { return number_; }
  [[nodiscard]] unsigned vcpu() const override { return number_; }
  [[nodiscard]] GuestRegisters guest_registers() const override;
  [[nodiscard]] std::uint64_t load(Hpa address, unsigned bytes) override;
  void store(Hpa address, unsigned bytes, std::uint64_t value) override;
  [[nodiscard]] bool compare_and_swap(Hpa address, const Swap& swap) override;
  void clear(Hpa address, unsigned bits) override;
  void read_frame(Hpa frame, std::span<std::byte> to) override;
  void write_frame(Hpa frame, std::span<const std::byte> from) override;
  void spend(Cause cause, std::uint64_t cycles) override { spent.charge(cause, cycles); }
  void invalidate(const Invalidation& invalidation, unsigned core) override;
  void enter(const ControlBlock& block) override;
  [[nodiscard]] CoreCounters counters() const override { return {}; }

  Account spent;
  // Called before each access of the hypervisor to memory, with what it is about to do.
  std::function<void(Hpa)> before_store;
  std::function<void(Hpa)> before_load;
  std::vector<std::pair<Invalidation, unsigned>> invalidations;
  // Called when it has left the guest, before the hypervisor serves it.
  std::function<void()> after_exit;

 private:
  friend class ShadowBench;
  struct Request {
    Access access;
    GuestStore store;
  };
  // The translation, or how the access ended without one.
  [[nodiscard]] std::optional<Translation> translate(const Request& request, BenchResult& result);
  void start();
  void load_pdptes();
  // Zeros without content.
  BenchResult store_page(Gva address, const std::byte* content);
  void leave() {
    ++num_exits_;
    if (after_exit) {
      after_exit();
    }
  }
  // VM exit and entry, as far as processors without VPIDs drop at them.
  void pass_transition();
  void drop_native(const Invalidation& invalidation);

  ShadowBench& bench_;
  unsigned number_;
  GuestRegisters registers_;
  Pcid pcid_{};
  PdpteRegisters pdptes_;
  ControlBlock block_;
  std::uint64_t num_exits_ = 0;
  struct Cached {
    EntryKey key;
    Translation translation;
  };
  std::vector<Cached> tlb_;
};

class ShadowBench {
 public:
  explicit ShadowBench(const BenchOptions& options);

  [[nodiscard]] BenchCpu& cpu(unsigned number = 0) { return *cpus_.at(number); }
  [[nodiscard]] unsigned num_cpus() const { return static_cast<unsigned>(cpus_.size()); }
  [[nodiscard]] SparseMemory& memory() { return *memory_; }
  [[nodiscard]] const SparseMemory& memory() const { return *memory_; }
  [[nodiscard]] Hypervisor& hypervisor() { return *hypervisor_; }
  [[nodiscard]] bool has_hypervisor() const { return hypervisor_ != nullptr; }
  [[nodiscard]] VmId vm_id() const { return vm_; }
  [[nodiscard]] const Vm& vm() const { return hypervisor_->vm(vm_); }
  [[nodiscard]] const ShadowStatistics& statistics() const { return vm().shadow.statistics; }
  [[nodiscard]] const BenchOptions& options() const { return options_; }

  void write_physical(Gpa address, unsigned bytes, std::uint64_t value);
  [[nodiscard]] std::uint64_t read_physical(Gpa address, unsigned bytes) const;
  // Nothing: no frame backs it.
  [[nodiscard]] std::optional<Hpa> where(Gpa address) const;
  // Stops all processors, puts the VM under the other paging, and lets them go on. Alone: processor
  // 0 stops, the others go on as they are.
  SwitchOutcome switch_paging(Paging to, bool is_alone = false);
  // Zeroes where nothing backs the page.
  void read_page(Gpa page, std::span<std::byte> content) const;
  // The hypervisor's own work on guest memory, as at an exit of the first processor.
  void run(HostAction action, const GuestRange& range);
  // Differences found by the audit, one a line; empty: none.
  [[nodiscard]] std::string audit() const;

 private:
  friend class BenchCpu;
  BenchOptions options_;
  std::shared_ptr<SparseMemory> memory_;
  std::shared_ptr<Hypervisor> hypervisor_;  // none: native
  VmId vm_{};
  std::vector<std::unique_ptr<BenchCpu>> cpus_;
};

}  // namespace nestwalk
