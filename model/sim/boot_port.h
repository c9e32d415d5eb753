// Ports of the time before the machine runs: memory is written at once and nothing takes time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/guest/cpu_port.h"
#include "model/hypervisor/hypervisor.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/memory/sparse_memory.h"

namespace nestwalk {

// The hypervisor's port while it creates VMs and gives them memory to boot with.
class HostBootPort : public HypervisorPort {
 public:
  explicit HostBootPort(SparseMemory& memory) : memory_(memory) {}

  [[nodiscard]] unsigned core() const override { return 0; }
  [[nodiscard]] std::uint64_t load(Hpa address, unsigned bytes) override {
    return memory_.read(address, bytes);
  }
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    memory_.write(address, bytes, value);
  }
  [[nodiscard]] bool compare_and_swap(Hpa address, const Swap& swap) override {
    return memory_.compare_and_swap(address, swap.bytes, swap.expected, swap.desired);
  }
  void clear(Hpa address, unsigned bits) override { memory_.zero_bytes(address, bit(bits)); }
  void read_frame(Hpa frame, std::span<std::byte> to) override { memory_.read_bytes(frame, to); }
  void write_frame(Hpa frame, std::span<const std::byte> from) override {
    memory_.write_bytes(frame, from);
  }
  void spend(Cause /*cause*/, std::uint64_t /*cycles*/) override {}
  // Nothing is cached before the machine runs.
  void invalidate(const Invalidation& /*invalidation*/, unsigned /*core*/) override {}
  void enter(const ControlBlock& /*block*/) override {}
  [[nodiscard]] CoreCounters counters() const override { return {}; }

 private:
  SparseMemory& memory_;
};

// Guest memory as the guest's boot loader sees it, natively or in a VM that is backed as it is
// used.
class GuestBootMemory : public BootMemory {
 public:
  // Native: `hypervisor` is null.
  GuestBootMemory(SparseMemory& memory, Hypervisor* hypervisor, VmId vm)
      : memory_(memory), port_(memory), hypervisor_(hypervisor), vm_(vm) {}

  void write(Gpa address, unsigned bytes, std::uint64_t value) override;

 private:
  SparseMemory& memory_;
  HostBootPort port_;
  Hypervisor* hypervisor_;
  VmId vm_;
};

}  // namespace nestwalk
