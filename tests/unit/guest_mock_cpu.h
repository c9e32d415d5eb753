// A CPU and a memory for tests of the guest kernel: every access is translated by the tables that
// the kernel has built, read by an independent reader, and must be one a supervisor may make.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/memory/sparse_memory.h"
#include "tests/unit/guest_table_reader.h"

namespace nestwalk::test {

inline const TableShape& shape_of(FormatId format) {
  static const std::vector<TableShape> kShapes = {two_level_shape(), pae_shape(),
                                                  four_level_shape(), five_level_shape()};
  return kShapes[static_cast<unsigned>(format)];
}

class MockBoot : public BootMemory {
 public:
  explicit MockBoot(SparseMemory& memory) : memory_(memory) {}
  void write(Gpa address, unsigned bytes, std::uint64_t value) override {
    ++num_writes;
    memory_.write(Hpa(address.value()), bytes, value);
  }
  std::uint64_t num_writes = 0;

 private:
  SparseMemory& memory_;
};

class MockCpu : public CpuPort {
 public:
  MockCpu(SparseMemory& memory, FormatId format, const Cr3Value& cr3, unsigned number = 0)
      : cr3_(cr3), memory_(memory), format_(format), number_(number) {}

  unsigned cpu() const override { return number_; }
  std::uint64_t load(Gva address, unsigned bytes) override {
    ++num_loads;
    return memory_.read(data(address), bytes);
  }
  void store(Gva address, unsigned bytes, std::uint64_t value) override {
    ++num_stores;
    memory_.write(data(address), bytes, value);
  }
  bool compare_and_swap(Gva address, const Swap& swap) override {
    if (before_swap) {
      before_swap(address);
    }
    return memory_.compare_and_swap(data(address), swap.bytes, swap.expected, swap.desired);
  }
  void clear(Gva address, unsigned bits) override {
    EXPECT_EQ(address.offset(bits), 0U);
    ++num_clears[bits];
    memory_.zero_bytes(data(address), bit(bits));
  }
  void copy(const BlockCopy& block) override {
    EXPECT_EQ(block.to.offset(block.bits), 0U);
    EXPECT_EQ(block.from.offset(block.bits), 0U);
    ++num_copies[block.bits];
    std::vector<std::byte> content(bit(block.bits));
    memory_.read_bytes(data(block.from), content);
    memory_.write_bytes(data(block.to), content);
  }
  void spend(Cause cause, std::uint64_t cycles) override { spent.charge(cause, cycles); }
  void invalidate(const Invalidation& invalidation) override {
    invalidations.push_back(invalidation);
    if (on_flush) {
      on_flush();
    }
  }
  void write_cr3(const Cr3Value& value) override {
    cr3_ = value;
    cr3_writes.push_back(value);
    if (on_flush) {
      on_flush();
    }
  }
  void write_control(const PagingControl&) override {}
  void invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) override {
    ADD_FAILURE() << "no other CPU: " << operations.size() << " for " << targets.size();
  }
  void write_cr3_remote(const Cr3Value&, CpuSet targets) override {
    ADD_FAILURE() << "no other CPU, but " << targets.size();
  }

  unsigned entry_bytes() const { return shape_of(format_).entry_bytes; }

  // What the tables under the current root, or another, say of an address.
  std::optional<ReadLeaf> walk(Gva address) { return walk(cr3_.root, address); }
  std::optional<ReadLeaf> walk(Gpa root, Gva address) {
    return read_tables(
        shape_of(format_), root.value(), address.value(),
        [&](std::uint64_t at, unsigned bytes) { return memory_.read(Hpa(at), bytes); });
  }

  std::uint64_t num_loads = 0;
  std::uint64_t num_stores = 0;
  std::map<unsigned, std::uint64_t> num_clears;  // by bits
  std::map<unsigned, std::uint64_t> num_copies;
  std::vector<Invalidation> invalidations;
  std::vector<Cr3Value> cr3_writes;
  Account spent;
  std::function<void()> on_flush;
  std::function<void(Gva)> before_swap;

 private:
  Hpa data(Gva address) {
    const std::optional<ReadLeaf> leaf = walk(address);
    EXPECT_TRUE(leaf.has_value()) << "kernel access to unmapped " << std::hex << address.value();
    if (!leaf) {
      return Hpa{};
    }
    EXPECT_TRUE(leaf->write) << std::hex << address.value();
    EXPECT_FALSE(leaf->user) << std::hex << address.value();
    return Hpa(leaf->output);
  }

  Cr3Value cr3_;
  SparseMemory& memory_;
  FormatId format_;
  unsigned number_;
};

// A booted guest with one CPU.
struct Guest {
  explicit Guest(const GuestMachine& machine)
      : Guest(machine, FrameAllocator<Gpa>(Gpa{0}, machine.memory_bytes)) {}
  Guest(const GuestMachine& machine, const FrameAllocator<Gpa>& frames)
      : memory(machine.memory_bytes),
        kernel(machine, frames),
        num_boot_writes(boot()),
        cpu(memory, machine.params.format, kernel.boot_cr3()) {}

  std::uint64_t boot() {
    MockBoot boot_memory(memory);  // gone after boot: only the port is left
    EXPECT_TRUE(kernel.boot(boot_memory));
    return boot_memory.num_writes;
  }

  ProcessId start() {
    const ProcessId process = kernel.create_process(cpu).value();
    kernel.switch_to(cpu, process);
    return process;
  }
  void map(ProcessId process, std::uint64_t start, std::uint64_t length_bytes,
           GuestRegionRights rights = {true, true, false}) {
    ASSERT_EQ(kernel.map_region(cpu, process, {Gva(start), length_bytes, rights, "test"}),
              MapOutcome::kMapped);
  }
  FaultOutcome fault(ProcessId process, std::uint64_t address,
                     AccessType type = AccessType::kWrite) {
    return kernel.handle_page_fault(cpu, process,
                                    {Gva(address), type, bit(x86::error_code::kUser)});
  }
  // Faults in every 4K page of a range.
  void touch(ProcessId process, std::uint64_t start, std::uint64_t num_pages) {
    for (std::uint64_t i = 0; i < num_pages; ++i) {
      ASSERT_EQ(fault(process, start + (i << 12)), FaultOutcome::kMapped);
    }
  }

  SparseMemory memory;
  GuestKernel kernel;
  std::uint64_t num_boot_writes;
  MockCpu cpu;
};

inline GuestMachine machine_of(FormatId format,
                               std::uint64_t memory_bytes = std::uint64_t{64} << 20,
                               PageSize page_size = PageSize::k4K) {
  GuestMachine machine;
  machine.params.format = format;
  machine.params.page_size = page_size;
  machine.memory_bytes = memory_bytes;
  return machine;
}

inline constexpr std::array<FormatId, 4> kGuestFormats = {
    FormatId::kX86TwoLevel, FormatId::kX86Pae, FormatId::kX86FourLevel, FormatId::kX86FiveLevel};

inline std::string format_label(const ::testing::TestParamInfo<FormatId>& info) {
  return "x86_" + shape_of(info.param).name;
}

}  // namespace nestwalk::test
