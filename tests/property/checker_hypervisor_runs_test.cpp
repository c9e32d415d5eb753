// Whole runs under the translation checker whose hypervisor makes mistakes: it leaves what it
// should take away, or gives a VM what is another's.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "model/hypervisor/host_stage.h"
#include "tests/property/checker_runs.h"

namespace nestwalk {
namespace {

// Whose hypervisor takes the right to write from an entry, and the entry keeps it.
class UnprotectingVcpu : public Vcpu {
 public:
  using Vcpu::compare_and_swap;
  using Vcpu::store;
  UnprotectingVcpu(Platform& platform, const Place& place)
      : Vcpu(platform, place), memory_(platform.memory()) {}
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    if (!takes_write(memory_.read(address, bytes), value)) {
      Vcpu::store(address, bytes, value);
    }
  }
  bool compare_and_swap(Hpa address, const Swap& swap) override {
    return takes_write(swap.expected, swap.desired) || Vcpu::compare_and_swap(address, swap);
  }

 private:
  static bool takes_write(std::uint64_t before, std::uint64_t after) {
    constexpr std::uint64_t kWriteAndDirty = bit(1) | bit(6);
    return (before & bit(1)) != 0 && after != 0 && (before & ~kWriteAndDirty) == after;
  }
  SparseMemory& memory_;
};

// A leaf of an EPT table of 4K pages: it has a memory type.
bool is_ept_page(std::uint64_t entry) {
  return (entry & 7) != 0 && (entry & mask(5, 3)) != 0 && (entry & bit(7)) == 0;
}

// Whose hypervisor takes a page from the guest, and the entry stays.
class LeavingVcpu : public Vcpu {
 public:
  using Vcpu::compare_and_swap;
  using Vcpu::store;
  LeavingVcpu(Platform& platform, const Place& place)
      : Vcpu(platform, place), memory_(platform.memory()) {}
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    if (value != 0 || !is_ept_page(memory_.read(address, bytes))) {
      Vcpu::store(address, bytes, value);
    }
  }
  bool compare_and_swap(Hpa address, const Swap& swap) override {
    return (swap.desired == 0 && is_ept_page(swap.expected)) ||
           Vcpu::compare_and_swap(address, swap);
  }

 private:
  SparseMemory& memory_;
};

TEST(CheckerRunsOfAHypervisor, AGuestTableStaysWritable) {
  const RunParams params = churning_run({"", Mode::kShadow, Timing::kLt, 1, 1});
  expect_found(run_apart(params, factory_of<UnprotectingVcpu>()), "writable_table",
               "write-protected");
}

TEST(CheckerRunsOfAHypervisor, ADirtyLogLosesAWrite) {
  RunParams params = churning_run({"", Mode::kNested, Timing::kLt, 1, 1});
  HostEventParams start;
  start.at_accesses = 1000;
  start.action = HostAction::kDirtyLogStart;
  params.vms[0].vm.host_events = {start};
  expect_found(run_apart(params, factory_of<UnprotectingVcpu>()), "lost_dirty_record",
               "is clean in the dirty log");
}

TEST(CheckerRunsOfAHypervisor, AReclaimedFrameStaysMapped) {
  RunParams params = churning_run({"", Mode::kNested, Timing::kLt, 1, 1});
  HostEventParams reclaim;
  reclaim.at_accesses = 3000;
  reclaim.action = HostAction::kReclaim;
  reclaim.length_bytes = std::uint64_t{1} << 20;
  params.vms[0].vm.host_events = {reclaim};
  expect_found(run_apart(params, factory_of<LeavingVcpu>()), "freed_frame", "");
}

// Whose hypervisor misses one load of CR3 in three: the processor keeps the shadow of the address
// space before, until the next exit.
class StaleRootVcpu : public Vcpu {
 public:
  using Vcpu::Vcpu;
  void enter(const ControlBlock& block) override {
    constexpr unsigned kEvery = 3;
    ControlBlock entered = block;
    if (last_ && *last_ != block.shadow_root && ++num_changes_ % kEvery == 0) {
      entered.shadow_root = *last_;
    }
    last_ = block.shadow_root;
    Vcpu::enter(entered);
  }

 private:
  std::optional<Hpa> last_;
  unsigned num_changes_ = 0;
};

TEST(CheckerRunsOfAHypervisor, TheShadowOfAnotherAddressSpaceStays) {
  for (const Timing timing : {Timing::kLt, Timing::kAt}) {
    const RunReport report =
        run_apart(churning_run({"", Mode::kShadow, timing, 1, 1}), factory_of<StaleRootVcpu>());
    EXPECT_EQ(report.end, "finished") << report.message;
    expect_found(report, "against_guest_tables", "the guest's tables say now");
  }
}

// ---- Frames of another VM ----

// A page of VM 1, as soon as that has more than it boots with.
std::optional<Hpa> frame_of_another(const Hypervisor& hypervisor) {
  constexpr FrameOwner kOther{FrameUse::kGuestFrame, 1};
  constexpr std::uint64_t kBootBytes = std::uint64_t{512} << 10;
  std::optional<Hpa> last;
  if (hypervisor.owners().num_bytes(kOther) > kBootBytes) {
    hypervisor.owners().for_each_range([&](Hpa first, std::uint64_t num_bytes, FrameOwner owner) {
      if (owner == kOther) {
        last = first + (num_bytes - bit(kSmallPageBits));
      }
    });
  }
  return last;
}

enum class MistakenTable : std::uint8_t { kHostStage, kShadow };

// Whose hypervisor once maps a page of VM 0 to a frame of VM 1: in the VM's host stage, or in a
// shadow table alone.
template <MistakenTable Mistaken>
class ForeignFrameVcpu : public Vcpu {
 public:
  using Vcpu::store;
  ForeignFrameVcpu(Platform& platform, const Place& place) : Vcpu(platform, place), place_(place) {}
  void store(Hpa address, unsigned bytes, std::uint64_t value) override {
    if (place_.vm == 0 && !foreign_ && is_page_of(address, value)) {
      foreign_ = frame_of_another(*place_.hypervisor);
      value = foreign_ ? (value & ~kFrame) | foreign_->value() : value;
    }
    Vcpu::store(address, bytes, value);
  }

 private:
  static constexpr std::uint64_t kFrame = mask(51, 12);

  [[nodiscard]] FrameUse use_of(std::uint64_t address) const {
    return place_.hypervisor->owners().owner(Hpa(address)).use;
  }
  // An entry of the table in question that maps a small page. Entries of an EPT alone have a memory
  // type there, write back.
  [[nodiscard]] bool is_page_of(Hpa address, std::uint64_t value) const {
    const bool is_ept = (value & mask(5, 3)) == 6U << 3;
    return use_of(address.value()) == FrameUse::kHostTable &&
           use_of(value & kFrame) == FrameUse::kGuestFrame && (value & bit(7)) == 0 &&
           is_ept == (Mistaken == MistakenTable::kHostStage);
  }

  Place place_;
  std::optional<Hpa> foreign_;
};

// Whose hypervisor now and then enters VM 0 with what belongs to VM 1, until the next exit. The
// run ends before the kernel acts on what it has read there.
class ForeignRootVcpu : public Vcpu {
 public:
  using Vcpu::compare_and_swap;
  using Vcpu::load;
  using Vcpu::store;
  ForeignRootVcpu(Platform& platform, const Place& place) : Vcpu(platform, place), place_(place) {}
  void enter(const ControlBlock& block) override {
    constexpr unsigned kEvery = 10;
    is_wrong_ = place_.vm == 0 && frame_of_another(*place_.hypervisor).has_value() &&
                ++num_entries_ % kEvery == 0;
    Vcpu::enter(is_wrong_ ? place_.hypervisor->control_block(VmId{1}) : block);
  }
  std::uint64_t load(Gva address, unsigned bytes) override {
    const std::uint64_t value = Vcpu::load(address, bytes);
    stop_if_wrong();
    return value;
  }
  void store(Gva address, unsigned bytes, std::uint64_t value) override {
    Vcpu::store(address, bytes, value);
    stop_if_wrong();
  }
  bool compare_and_swap(Gva address, const Swap& swap) override {
    const bool is_stored = Vcpu::compare_and_swap(address, swap);
    stop_if_wrong();
    return is_stored;
  }

 private:
  void stop_if_wrong() const {
    if (is_wrong_) {
      throw VmStopped("VM 0 runs in VM 1");
    }
  }

  Place place_;
  unsigned num_entries_ = 0;
  bool is_wrong_ = false;
};

// Whose hypervisor moves the guest's root table to a frame of VM 1, with its content, and drops the
// translations: what only the walker reads.
class ForeignTableVcpu : public Vcpu {
 public:
  ForeignTableVcpu(Platform& platform, const Place& place) : Vcpu(platform, place), place_(place) {}
  void write_cr3(const Cr3Value& value) override {
    Vcpu::write_cr3(value);
    if (place_.vm != 0 || is_made_) {
      return;
    }
    is_made_ = true;
    run_hypervisor([&](const HostContext& context, const FlushTargets& targets) {
      HostStage stage(context, Cause::kMigration);
      HostEntry entry = stage.find(Gpa(value.root.value()));
      const std::optional<Hpa> frame = stage.take(kSmallPageBits, FrameUse::kGuestFrame);
      context.frames.owners.set(*frame, bit(kSmallPageBits), {FrameUse::kGuestFrame, 1});
      stage.copy(Hpa(stage.view(entry).address()), *frame, kSmallPageBits);
      stage.relocate(entry, *frame);
      stage.flush(targets);
    });
  }

 private:
  Place place_;
  bool is_made_ = false;
};

RunParams two_vms(const Setup& setup) {
  RunParams params = churning_run(setup);
  params.vms.push_back(params.vms[0]);
  return params;
}

constexpr const char* kWhose = "belongs to VM 1 (guest_frame), not to VM 0";

class CheckerForeignFrames : public testing::TestWithParam<Setup> {};

// Also of walks ahead that end when the core has gone over to the other VM.
TEST_P(CheckerForeignFrames, TheRightRunIsClean) {
  for (const PrefetchKind prefetch : {PrefetchKind::kNone, PrefetchKind::kNextPage}) {
    RunParams params = two_vms(GetParam());
    params.time_slice_accesses = 50;
    params.machine.mmu.prefetch.kind = prefetch;
    params.machine.mmu.prefetch.degree = 8;
    const RunReport report = run_apart(params);
    EXPECT_EQ(report.end, "finished") << report.message;
    EXPECT_EQ(report.count("checker.undecided"), 0U);
  }
}

TEST_P(CheckerForeignFrames, ThePageOfAHostStage) {
  expect_found(
      run_apart(two_vms(GetParam()), factory_of<ForeignFrameVcpu<MistakenTable::kHostStage>>()),
      "foreign_frame", kWhose);
}

TEST_P(CheckerForeignFrames, AllByAForeignRoot) {
  expect_found(run_apart(two_vms(GetParam()), factory_of<ForeignRootVcpu>()), "foreign_frame",
               kWhose);
}

TEST_P(CheckerForeignFrames, ATableOfTheGuest) {
  expect_found(run_apart(two_vms(GetParam()), factory_of<ForeignTableVcpu>()), "foreign_frame",
               kWhose);
}

INSTANTIATE_TEST_SUITE_P(
    Machines, CheckerForeignFrames,
    testing::Values(Setup{"nested_lt", Mode::kNested, Timing::kLt, 1, 1},
                    Setup{"nested_at", Mode::kNested, Timing::kAt, 1, 1},
                    Setup{"nested_at_2_cores", Mode::kNested, Timing::kAt, 2, 1},
                    Setup{"shadow_lt", Mode::kShadow, Timing::kLt, 1, 1},
                    Setup{"shadow_at_2_cores", Mode::kShadow, Timing::kAt, 2, 1}),
    [](const auto& test) { return test.param.name; });

TEST(CheckerForeignShadows, ThePageOfAShadowTable) {
  const RunParams params = two_vms({"", Mode::kShadow, Timing::kLt, 1, 1});
  expect_found(run_apart(params, factory_of<ForeignFrameVcpu<MistakenTable::kShadow>>()),
               "foreign_frame", kWhose);
}

}  // namespace
}  // namespace nestwalk
