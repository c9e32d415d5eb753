// One guest three times: natively, under nested and under shadow paging, without time. Its kernel
// is the real one; its processors are those of ShadowBench. All machines of a world that is not
// native stand on one host.
//
//   World world(BenchMode::kShadow, setups);
//   WorldMachine& m = world.machine(0);
//   m.kernel().map_region(m.port(0), process, region);
//   const WorldAccess a = m.access({cpu, process, address, AccessType::kWrite, value});
//   m.read_memory([](Gpa page, const std::byte* content) { ... });
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/hypervisor/host_actions.h"
#include "tests/support/shadow_bench.h"
#include "tests/support/test_random.h"

namespace nestwalk {

// What one VM is, in every world.
struct WorldSetup {
  std::string name;
  GuestMachine guest;
  std::uint64_t num_free_frames = 0;  // at boot
  unsigned num_cpus = 1;
  VmParams vm;
};

struct WorldRequest {
  unsigned cpu = 0;
  ProcessId process{};
  Gva address;
  AccessType type = AccessType::kRead;
  std::uint64_t value = 0;  // of a write
};

// How a user access ended, with all the faults on the way.
struct WorldAccess {
  bool is_done = false;
  std::uint64_t value = 0;
  std::vector<std::pair<std::uint64_t, FaultOutcome>> faults;  // error code, and what was done
  Gpa gpa;
  friend bool operator==(const WorldAccess&, const WorldAccess&) = default;
};

class WorldMachine;

class WorldPort : public CpuPort {
 public:
  WorldPort(WorldMachine& machine, unsigned number) : machine_(machine), number_(number) {}

  unsigned cpu() const override { return number_; }
  std::uint64_t load(Gva address, unsigned bytes) override;
  void store(Gva address, unsigned bytes, std::uint64_t value) override;
  bool compare_and_swap(Gva address, const Swap& swap) override;
  void clear(Gva address, unsigned bits) override;
  void copy(const BlockCopy& block) override;
  void spend(Cause, std::uint64_t) override {}
  void invalidate(const Invalidation& invalidation) override;
  void write_cr3(const Cr3Value& value) override;
  void invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) override;
  void write_cr3_remote(const Cr3Value& value, CpuSet targets) override;
  void write_control(const PagingControl& control) override;

 private:
  BenchCpu& bench() const;
  static void expect_made(const BenchResult& result, Gva address) {
    EXPECT_FALSE(result.is_fault || result.is_stopped)
        << "the kernel faults at " << std::hex << address.value() << ", code " << result.code;
  }

  WorldMachine& machine_;
  unsigned number_;
};

class WorldMachine {
 public:
  WorldMachine(const WorldSetup& setup, const BenchOptions& options)
      : bench_(options), kernel_(setup.guest, free_frames(setup)) {
    struct Boot : BootMemory {
      explicit Boot(ShadowBench& b) : bench(b) {}
      void write(Gpa address, unsigned bytes, std::uint64_t value) override {
        bench.write_physical(address, bytes, value);
      }
      ShadowBench& bench;
    } memory(bench_);
    EXPECT_TRUE(kernel_.boot(memory));
    for (unsigned cpu = 0; cpu < setup.num_cpus; ++cpu) {
      ports_.push_back(std::make_unique<WorldPort>(*this, cpu));
      targets_.cores.push_back(cpu);
      GuestRegisters registers = bench_.cpu(cpu).registers();
      registers.paging = true;
      registers.format = setup.guest.params.format;
      registers.root = kernel_.boot_cr3().root;
      bench_.cpu(cpu).write_control(registers);
    }
  }

  [[nodiscard]] ShadowBench& bench() { return bench_; }
  [[nodiscard]] const ShadowBench& bench() const { return bench_; }
  [[nodiscard]] GuestKernel& kernel() { return kernel_; }
  [[nodiscard]] WorldPort& port(unsigned cpu) { return *ports_.at(cpu); }

  // The kernel serves faults until the access is made or given up.
  WorldAccess access(const WorldRequest& request) {
    WorldAccess made;
    for (unsigned attempt = 0; attempt < 16; ++attempt) {
      const BenchResult result = access_once(request);
      EXPECT_FALSE(result.is_stopped);
      if (!result.is_fault) {
        made.is_done = true;
        made.value = result.value;
        made.gpa = result.gpa;
        return made;
      }
      const FaultOutcome outcome = kernel_.handle_page_fault(
          port(request.cpu), request.process, {request.address, request.type, result.code});
      made.faults.emplace_back(result.code, outcome);
      if (outcome == FaultOutcome::kSegfault || outcome == FaultOutcome::kOutOfMemory) {
        return made;
      }
    }
    ADD_FAILURE() << "an access faults again and again";
    return made;
  }

  // The hypervisor's own work on this VM, as at an exit of one of its virtual CPUs.
  template <class Work>
  void hypervise(unsigned cpu, Work&& work) {
    BenchCpu& port = bench_.cpu(cpu);
    work(bench_.hypervisor().host_context(port, bench_.vm_id()), targets_);
    EXPECT_EQ(bench_.hypervisor().enter(port, bench_.vm_id()), ExitOutcome::kResumed);
  }
  void run(unsigned cpu, HostAction action, std::span<const GuestRange> ranges) {
    hypervise(cpu, [&](const HostContext& context, const FlushTargets& targets) {
      HostActions(context, targets).run(action, ranges);
    });
  }

  // Calls visit(Gpa, const std::byte* or null for zeros) for every page of memory. What is swapped
  // out by the host counts as it is there.
  template <class Visit>
  void read_memory(std::uint64_t memory_bytes, Visit&& visit) const {
    std::array<std::byte, SparseMemory::kPageBytes> swapped{};
    SwapStore swap;
    if (bench_.has_hypervisor()) {
      swap = bench_.vm().swap;
    }
    for (Gpa page; page.value() < memory_bytes; page = page + SparseMemory::kPageBytes) {
      if (swap.contains(page)) {
        swap.take(page, swapped);
        visit(page, swapped.data());
        continue;
      }
      const std::optional<Hpa> at = bench_.where(page);
      visit(page, at ? bench_.memory().page_if_present(*at) : nullptr);
    }
  }

 private:
  static FrameAllocator<Gpa> free_frames(const WorldSetup& setup) {
    return FrameAllocator<Gpa>(Gpa{0}, setup.num_free_frames << kSmallPageBits);
  }
  BenchResult access_once(const WorldRequest& r) {
    BenchCpu& cpu = bench_.cpu(r.cpu);
    switch (r.type) {
      case AccessType::kRead:
        return cpu.load(r.address, 8, Privilege::kUser);
      case AccessType::kWrite:
        return cpu.store(r.address, 8, r.value, Privilege::kUser);
      case AccessType::kFetch:
        return cpu.fetch(r.address, Privilege::kUser);
    }
    return {};
  }

  ShadowBench bench_;
  GuestKernel kernel_;
  std::vector<std::unique_ptr<WorldPort>> ports_;
  FlushTargets targets_;
};

inline BenchCpu& WorldPort::bench() const {
  return machine_.bench().cpu(number_);
}
inline std::uint64_t WorldPort::load(Gva address, unsigned bytes) {
  const BenchResult result = bench().load(address, bytes, Privilege::kSupervisor);
  expect_made(result, address);
  return result.value;
}
inline void WorldPort::store(Gva address, unsigned bytes, std::uint64_t value) {
  expect_made(bench().store(address, bytes, value, Privilege::kSupervisor), address);
}
inline bool WorldPort::compare_and_swap(Gva address, const Swap& swap) {
  const BenchResult result = bench().swap(address, swap);
  expect_made(result, address);
  return result.value != 0;
}
inline void WorldPort::clear(Gva address, unsigned bits) {
  for (std::uint64_t done = 0; done < bit(bits); done += bit(kSmallPageBits)) {
    expect_made(bench().clear_page(address + done), address);
  }
}
inline void WorldPort::copy(const BlockCopy& block) {
  for (std::uint64_t done = 0; done < bit(block.bits); done += bit(kSmallPageBits)) {
    expect_made(bench().copy_page(block.to + done, block.from + done), block.to);
  }
}
inline void WorldPort::invalidate(const Invalidation& invalidation) {
  bench().invalidate(invalidation);
}
inline void WorldPort::write_cr3(const Cr3Value& value) {
  bench().load_cr3(value.root, value.pcid, value.no_flush);
}
inline void WorldPort::invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) {
  targets.for_each([&](unsigned cpu) {
    for (const Invalidation& operation : operations) {
      machine_.port(cpu).invalidate(operation);
    }
  });
}
inline void WorldPort::write_cr3_remote(const Cr3Value& value, CpuSet targets) {
  targets.for_each([&](unsigned cpu) { machine_.port(cpu).write_cr3(value); });
}
inline void WorldPort::write_control(const PagingControl&) {
  ADD_FAILURE() << "this kernel leaves its control registers as they are";
}

class World {
 public:
  World(BenchMode mode, const std::vector<WorldSetup>& setups) : mode_(mode) {
    std::shared_ptr<BenchHost> host;
    if (mode != BenchMode::kNative) {
      host = std::make_shared<BenchHost>(std::uint64_t{256} << 20, HypervisorParams{});
    }
    for (const WorldSetup& setup : setups) {
      BenchOptions options;
      options.mode = mode;
      options.vm = setup.vm;
      options.vm.memory_bytes = setup.guest.memory_bytes;
      options.host_bytes = setup.guest.memory_bytes;
      options.num_cpus = setup.num_cpus;
      options.format = setup.guest.params.format;
      options.host = host;
      options.max_cached = 48;
      machines_.push_back(std::make_unique<WorldMachine>(setup, options));
    }
  }
  virtual ~World() = default;
  [[nodiscard]] BenchMode mode() const { return mode_; }
  [[nodiscard]] WorldMachine& machine(std::size_t vm) { return *machines_.at(vm); }
  [[nodiscard]] std::size_t num_machines() const { return machines_.size(); }

 private:
  BenchMode mode_;
  std::vector<std::unique_ptr<WorldMachine>> machines_;
};

// Its VMs switch between nested and shadow paging at random: when they are told to draw, and when a
// processor has left its guest and waits for the hypervisor.
class SwitchingWorld : public World {
 public:
  SwitchingWorld(std::uint64_t seed, const std::vector<WorldSetup>& setups)
      : World(BenchMode::kNested, setups), random_(seed) {
    for (std::size_t vm = 0; vm < num_machines(); ++vm) {
      for (unsigned cpu = 0; cpu < setups[vm].num_cpus; ++cpu) {
        machine(vm).bench().cpu(cpu).after_exit = [this, vm] {
          if (random_.below(kExitsPerSwitch) == 0 && change(vm)) {
            ++num_at_exits_;
          }
        };
      }
    }
  }

  void draw(std::size_t vm) {
    if (random_.percent(2)) {
      change(vm);
    }
  }
  [[nodiscard]] std::uint64_t num_switches() const { return num_switches_; }
  [[nodiscard]] std::string text() const {
    return "switches of the paging: " + std::to_string(num_switches_) + ", of them " +
           std::to_string(num_at_exits_) +
           " while an exit waited; refused: " + std::to_string(num_refused_) + "\n";
  }

 private:
  static constexpr std::uint64_t kExitsPerSwitch = 200;

  bool change(std::size_t vm) {
    ShadowBench& bench = machine(vm).bench();
    const Paging to = bench.vm().is_shadowed() ? Paging::kNested : Paging::kShadow;
    const bool is_made = bench.switch_paging(to) == SwitchOutcome::kSwitched;
    (is_made ? num_switches_ : num_refused_) += 1;
    return is_made;
  }

  SplitMix64 random_;
  std::uint64_t num_switches_ = 0;
  std::uint64_t num_at_exits_ = 0;
  std::uint64_t num_refused_ = 0;
};

}  // namespace nestwalk
