// Several CPUs with TLBs under one guest kernel: a machine that goes wrong if an invalidation is
// missing. Translations are kept until an operation drops them, per CPU and PCID.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {

class SmpCpu : public MockCpu {
 public:
  struct Cached {
    Pcid pcid{};
    Gva page;
    unsigned bits = 12;
    std::uint64_t frame = 0;
    bool write = false;
    bool execute = false;
    bool dirty = false;
  };
  using Cpus = std::vector<std::unique_ptr<SmpCpu>>;

  SmpCpu(SparseMemory& memory, FormatId format, const Cr3Value& cr3, unsigned number, Cpus& cpus)
      : MockCpu(memory, format, cr3, number), memory_(memory), cpus_(cpus), pcid_(cr3.pcid) {}

  void invalidate(const Invalidation& invalidation) override {
    MockCpu::invalidate(invalidation);
    drop(invalidation);
  }
  void write_cr3(const Cr3Value& value) override {
    MockCpu::write_cr3(value);
    pcid_ = value.pcid;
    if (!value.no_flush) {
      std::erase_if(cached, [&](const Cached& c) { return c.pcid == pcid_; });
    }
  }
  void invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) override {
    if (before_remote) {
      before_remote();
    }
    remote_calls.emplace_back(std::vector<Invalidation>(operations.begin(), operations.end()),
                              targets);
    EXPECT_FALSE(targets.is_empty());
    EXPECT_FALSE(targets.contains(cpu())) << "itself";
    targets.for_each([&](unsigned target) {
      ASSERT_LT(target, cpus_.size()) << "there is no such CPU";
      for (const Invalidation& operation : operations) {
        EXPECT_EQ(operation.tags.pcid, cpus_[target]->pcid_) << "it runs another process";
        cpus_[target]->drop(operation);
      }
    });
  }
  void write_cr3_remote(const Cr3Value& value, CpuSet targets) override {
    remote_cr3s.emplace_back(value, targets);
    EXPECT_FALSE(targets.contains(cpu())) << "itself";
    targets.for_each([&](unsigned target) { cpus_.at(target)->write_cr3(value); });
  }

  // A user access as hardware makes it; nothing if it faults.
  std::optional<Hpa> access(Gva address, AccessType type) {
    for (const Cached& c : cached) {
      if (c.pcid == pcid_ && c.page == address.page(c.bits) && permits(c, type) &&
          (c.dirty || type != AccessType::kWrite)) {
        return Hpa(c.frame + address.offset(c.bits));
      }
    }
    const std::optional<ReadLeaf> leaf = walk(address);
    if (!leaf || !leaf->user) {
      return std::nullopt;
    }
    const bool dirty = leaf->has(x86::kDirty) || type == AccessType::kWrite;
    const Cached entry{pcid_,
                       address.page(leaf->page_bits),
                       leaf->page_bits,
                       leaf->output - address.offset(leaf->page_bits),
                       leaf->write,
                       leaf->execute,
                       dirty};
    // A page fault drops what is cached of its address (SDM vol. 3, 4.10.4.1), and so does this.
    std::erase_if(
        cached, [&](const Cached& c) { return c.pcid == pcid_ && c.page == address.page(c.bits); });
    if (!permits(entry, type)) {
      return std::nullopt;
    }
    cached.push_back(entry);
    memory_.write(Hpa(leaf->entry_address), entry_bytes(),
                  leaf->entry | bit(x86::kAccessed) | (dirty ? bit(x86::kDirty) : 0));
    return Hpa(leaf->output);
  }
  Pcid pcid() const { return pcid_; }

  bool is_idle = false;  // makes no user access, so that it may keep what is stale

  std::vector<Cached> cached;
  std::vector<std::pair<std::vector<Invalidation>, CpuSet>> remote_calls;
  std::vector<std::pair<Cr3Value, CpuSet>> remote_cr3s;
  std::function<void()> before_remote;

 private:
  static bool permits(const Cached& c, AccessType type) {
    return type == AccessType::kRead || (type == AccessType::kWrite ? c.write : c.execute);
  }
  void drop(const Invalidation& operation) {
    if (operation.op == InvalidateOp::kMovCr3) {
      std::erase_if(cached, [&](const Cached& c) { return c.pcid == pcid_; });
      return;
    }
    ASSERT_EQ(operation.op, InvalidateOp::kInvlpg);
    std::erase_if(cached, [&](const Cached& c) {
      return c.pcid == pcid_ && c.page == operation.address.page(c.bits);
    });
  }

  SparseMemory& memory_;
  Cpus& cpus_;
  Pcid pcid_;
};

struct SmpMachine {
  SmpMachine(const GuestMachine& machine, unsigned num_cpus)
      : SmpMachine(machine, num_cpus, FrameAllocator<Gpa>(Gpa{0}, machine.memory_bytes)) {}
  SmpMachine(const GuestMachine& machine, unsigned num_cpus, const FrameAllocator<Gpa>& frames)
      : memory(machine.memory_bytes), kernel(machine, frames) {
    MockBoot boot(memory);
    EXPECT_TRUE(kernel.boot(boot));
    for (unsigned i = 0; i < num_cpus; ++i) {
      cpus.push_back(
          std::make_unique<SmpCpu>(memory, machine.params.format, kernel.boot_cr3(), i, cpus));
    }
    free_after_boot = kernel.frames().num_free();
  }

  SmpCpu& cpu(unsigned number = 0) { return *cpus.at(number); }
  ProcessId start(unsigned number = 0) {
    const ProcessId process = kernel.create_process(cpu(number)).value();
    kernel.switch_to(cpu(number), process);
    return process;
  }
  void map(ProcessId process, std::uint64_t start, std::uint64_t length_bytes,
           GuestRegionRights rights = {true, true, false}, const std::string& name = "test") {
    ASSERT_EQ(kernel.map_region(cpu(), process, {Gva(start), length_bytes, rights, name}),
              MapOutcome::kMapped);
  }
  // An access of what the CPU runs, its faults served; nothing if it is a segfault.
  std::optional<Hpa> access(unsigned number, std::uint64_t address, AccessType type) {
    const ProcessId process = kernel.current(number).value();
    for (unsigned attempt = 0; attempt < 3; ++attempt) {
      if (const std::optional<Hpa> at = cpu(number).access(Gva(address), type)) {
        return at;
      }
      const FaultOutcome outcome =
          kernel.handle_page_fault(cpu(number), process, {Gva(address), type, 4});
      last_outcome = outcome;
      if (outcome == FaultOutcome::kSegfault || outcome == FaultOutcome::kOutOfMemory) {
        return std::nullopt;
      }
      EXPECT_EQ(outcome, FaultOutcome::kMapped) << "nothing is spurious here";
    }
    ADD_FAILURE() << "an access that faults for ever at " << std::hex << address;
    return std::nullopt;
  }
  void write(unsigned number, std::uint64_t address, std::uint64_t value) {
    const auto at = access(number, address, AccessType::kWrite);
    ASSERT_TRUE(at.has_value());
    memory.write(*at, 8, value);
  }
  std::optional<std::uint64_t> read(unsigned number, std::uint64_t address) {
    const auto at = access(number, address, AccessType::kRead);
    return at ? std::optional(memory.read(*at, 8)) : std::nullopt;
  }
  // No CPU may hold anything of the process it runs that its tables do not say; pages to look at.
  void expect_nothing_stale(const std::vector<std::uint64_t>& addresses) {
    for (const auto& one : cpus) {
      for (const SmpCpu::Cached& c : one->cached) {
        if (c.pcid != one->pcid() || one->is_idle) {
          continue;
        }
        for (const std::uint64_t address : addresses) {
          if (Gva(address).page(c.bits) != c.page) {
            continue;
          }
          const auto leaf = one->walk(Gva(address));
          ASSERT_TRUE(leaf.has_value()) << one->cpu() << " keeps " << std::hex << address;
          ASSERT_EQ(leaf->output, c.frame + Gva(address).offset(c.bits)) << std::hex << address;
          ASSERT_TRUE(leaf->write || !c.write) << one->cpu() << std::hex << " " << address;
          ASSERT_TRUE(leaf->execute || !c.execute) << one->cpu() << std::hex << " " << address;
        }
      }
    }
  }

  SparseMemory memory;
  GuestKernel kernel;
  SmpCpu::Cpus cpus;
  std::uint64_t free_after_boot = 0;
  FaultOutcome last_outcome = FaultOutcome::kMapped;
};

}  // namespace nestwalk::test
