// A core and host memory for tests of the hypervisor.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/hypervisor/hypervisor.h"
#include "model/memory/sparse_memory.h"
#include "tests/unit/guest_table_reader.h"

namespace nestwalk::test {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

inline TableShape shape_of(HostFormat format) {
  TableShape shape;
  switch (format) {
    case HostFormat::kEptFourLevel:
    case HostFormat::kNptFourLevel:
      shape = four_level_shape();
      break;
    case HostFormat::kEptFiveLevel:
    case HostFormat::kNptFiveLevel:
      shape = five_level_shape();
      break;
    case HostFormat::kNptTwoLevel:
      return two_level_shape();
    case HostFormat::kNptPae:
      return pae_shape();
  }
  shape.is_ept = format == HostFormat::kEptFourLevel || format == HostFormat::kEptFiveLevel;
  return shape;
}

class MockHypervisorPort : public HypervisorPort {
 public:
  explicit MockHypervisorPort(SparseMemory& memory) : memory_(memory) {}

  unsigned core() const override { return 0; }
  std::uint64_t load(Hpa address, unsigned bytes) override {
    ++num_loads;
    return memory_.read(address, bytes);
  }
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    stores.emplace_back(address, value);
    memory_.write(address, bytes, value);
    if (after_store) {
      after_store();
    }
  }
  bool compare_and_swap(Hpa address, const Swap& swap) override {
    if (before_swap) {
      before_swap(address);
    }
    return memory_.compare_and_swap(address, swap.bytes, swap.expected, swap.desired);
  }
  void clear(Hpa address, unsigned bits) override {
    clears.emplace_back(address, bits);
    memory_.zero_bytes(address, bit(bits));
  }
  void read_frame(Hpa frame, std::span<std::byte> to) override { memory_.read_bytes(frame, to); }
  void write_frame(Hpa frame, std::span<const std::byte> from) override {
    memory_.write_bytes(frame, from);
  }
  void spend(Cause cause, std::uint64_t cycles) override { spent.charge(cause, cycles); }
  void invalidate(const Invalidation& invalidation, unsigned core) override {
    invalidations.push_back(invalidation);
    invalidated_cores.push_back(core);
    if (on_invalidate) {
      on_invalidate(invalidation, core);
    }
  }
  void enter(const ControlBlock& block) override { entries.push_back(block); }
  CoreCounters counters() const override { return {}; }

  std::uint64_t num_loads = 0;
  std::vector<std::pair<Hpa, std::uint64_t>> stores;
  std::vector<std::pair<Hpa, unsigned>> clears;
  std::vector<Invalidation> invalidations;
  std::vector<unsigned> invalidated_cores;  // of each of them
  std::vector<ControlBlock> entries;
  Account spent;
  std::function<void()> after_store;
  std::function<void(Hpa)> before_swap;
  std::function<void(const Invalidation&, unsigned)> on_invalidate;

 private:
  SparseMemory& memory_;
};

// A host with room for VMs, and verbs for its one core.
struct Host {
  explicit Host(std::uint64_t memory_bytes = 16 * kGiB, const HostMachine& machine = {})
      : Host(machine, memory_bytes, FrameAllocator<Hpa>(Hpa{0}, memory_bytes)) {}
  Host(const HostMachine& machine, std::uint64_t memory_bytes, const FrameAllocator<Hpa>& frames)
      : params(machine.params), memory(memory_bytes), hypervisor(machine, frames), port(memory) {}

  VmId create(const VmParams& vm) { return hypervisor.create_vm(port, vm).value(); }
  ExitOutcome fault(VmId vm, std::uint64_t gpa, Position position = {0, 1}) {
    Fault fault;
    fault.kind = hypervisor.vm(vm).format().rules == RuleSet::kEpt ? FaultKind::kEptViolation
                                                                   : FaultKind::kNestedPageFault;
    fault.gpa = Gpa(gpa);
    fault.has_gpa = true;
    fault.position = position;
    return hypervisor.handle_fault(port, vm, fault);
  }
  std::optional<ReadLeaf> walk(VmId vm, std::uint64_t gpa) {
    const Vm& machine = hypervisor.vm(vm);
    return read_tables(
        shape_of(machine.params.format), machine.root.value(), gpa,
        [&](std::uint64_t at, unsigned bytes) { return memory.read(Hpa(at), bytes); });
  }

  HypervisorParams params;
  SparseMemory memory;
  Hypervisor hypervisor;
  MockHypervisorPort port;
};

inline VmParams vm_of(HostFormat format, std::uint64_t memory_bytes = 64 * kMiB,
                      PageSize backing = PageSize::k4K) {
  VmParams vm;
  vm.format = format;
  vm.memory_bytes = memory_bytes;
  vm.backing = backing;
  return vm;
}

}  // namespace nestwalk::test
