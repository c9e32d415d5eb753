// Four VMs of different formats do the same natively, under nested paging, under shadow paging and
// in a world that switches between the two at random, between operations and in their midst: random
// accesses and calls of the guest's kernel, and in the two worlds that have one what a hypervisor
// does meanwhile: balloons, splits, merges, reclaim, migration, dirty logs. Every outcome must be
// the same; guest memory, which holds the guest's tables with their A and D bits, is compared again
// and again; no write may be missing from a dirty log; the audit of the shadows must find nothing.
//
// NESTWALK_SEED=N: another seed; NESTWALK_OPERATIONS=N: so many operations of it;
// NESTWALK_COMPARE_EVERY=1: finds the operation after which memory differs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/property/three_worlds_host.h"

namespace nestwalk {
namespace {

class ThreeWorlds : public SideBySide {
 public:
  explicit ThreeWorlds(std::uint64_t seed) : SideBySide(seed) {
    for (vm = 0; vm < all_setups.size(); ++vm) {
      create_process();
    }
  }

  // With the audit of the VM after each operation, or of all now and then.
  void run(std::uint64_t num_operations, bool audits_each, std::uint64_t compare_every) {
    for (std::uint64_t i = 0; i < num_operations && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(testing::Message() << "operation " << i);
      vm = random.below(all_setups.size());
      step();
      if (audits_each) {
        expect_sound(vm);
      }
      if (i % compare_every == compare_every - 1) {
        compare();
      }
    }
    compare();
    if (testing::Test::HasFailure()) {
      std::cout << "the last operation: " << kKindNames[kind] << " of VM " << vm << " by process "
                << static_cast<unsigned>(last_process) << "\n";
    }
  }

 private:
  struct Counts {
    std::uint64_t collapses = 0;
    std::uint64_t reclaimed = 0;
    std::uint64_t unmapped_nothing = 0;
  };

  GuestRegionRights any_rights() {
    return {random.percent(90), random.percent(75), random.percent(45)};
  }

  Kind draw_kind() {
    std::uint64_t at = random.below(100);
    for (unsigned k = 0; k < kNumKinds; ++k) {
      if (at < kWeights[k]) {
        return static_cast<Kind>(k);
      }
      at -= kWeights[k];
    }
    return kRead;
  }

  void step() {
    kind = draw_kind();
    ++drawn[kind];
    const Counts before = counts();
    switching().draw(vm);
    const bool is_effective = perform();
    effective[kind] += is_effective ? 1 : 0;
    const Counts after = counts();
    effective[kCollapse] += after.collapses != before.collapses ? 1 : 0;
    effective[kGuestReclaim] += after.reclaimed != before.reclaimed ? 1 : 0;
  }
  Counts counts() {
    const GuestStatistics& s = native().kernel().statistics();
    return {s.collapses, s.pages_reclaimed, s.unmaps_of_nothing};
  }

  bool perform() {
    switch (kind) {
      case kRead:
        return access(AccessType::kRead);
      case kWrite:
        return access(AccessType::kWrite);
      case kFetch:
        return access(AccessType::kFetch);
      case kMap:
      case kUnmap:
      case kProtect:
        return change_range();
      case kBrk:
        return move_break();
      case kFork:
        return fork();
      case kExec:
        return exec();
      case kExit:
        return exit();
      case kSwitch:
        return switch_process();
      case kBalloon:
        return balloon(*this);
      case kDirtyLog:
        return dirty_log(*this);
      default:
        return host_action(*this);
    }
  }

  void create_process() {
    const auto process =
        same([](WorldMachine& m) { return m.kernel().create_process(m.port(0)).value(); });
    state().processes.push_back(process);
    in_all([&](WorldMachine& m) {
      for (unsigned cpu = 0; cpu < setup().num_cpus; ++cpu) {
        m.kernel().switch_to(m.port(cpu), process);
      }
    });
  }

  Gva any_address() {
    if (random.percent(15)) {
      return Gva(kBreak + random.below(6) * 4096 + random.below(512) * 8);
    }
    return Gva(kBase + ((kBorders[random.below(kBorders.size() - 1)] + random.below(2)) << 12) +
               random.below(512) * 8);
  }

  bool access(AccessType type) {
    const ProcessId process = any_process();
    WorldRequest request;
    request.process = process;
    request.cpu = cpu_for(process);
    request.address = any_address();
    request.type = type;
    const WrittenValues::Written written = values.next(process);
    request.value = WrittenValues::value_of(vm, written);
    std::array<WorldAccess, 4> how;
    for (std::size_t w = 0; w < worlds.size(); ++w) {
      how[w] = worlds[w]->machine(vm).access(request);
      made[w] += how[w].is_done ? 1 : 0;
    }
    // What shadow paging walks is not what the guest wrote: it says nothing of guest addresses.
    how[2].gpa = how[0].gpa;
    how[3].gpa = how[0].gpa;
    for (std::size_t w = 1; w < worlds.size(); ++w) {
      EXPECT_TRUE(how[w] == how[0])
          << setup().name << ", world " << w << ": " << kKindNames[kind] << " at " << std::hex
          << request.address.value() << ": made " << how[w].is_done << "/" << how[0].is_done
          << ", value " << how[w].value << "/" << how[0].value << ", gpa " << how[w].gpa.value()
          << "/" << how[0].gpa.value() << ", faults " << how[w].faults.size() << "/"
          << how[0].faults.size();
    }
    num_segfaults += how[0].is_done ? 0 : 1;
    if (how[0].is_done && type == AccessType::kRead) {
      EXPECT_EQ(how[0].value, values.expected(vm, process, request.address))
          << setup().name << ": read at " << std::hex << request.address.value();
    }
    if (how[0].is_done && type == AccessType::kWrite) {
      values.keep(vm, request.address, written);
      if (state().is_logged) {
        state().written.insert(how[0].gpa.page(kSmallPageBits).value());
      }
    }
    return how[0].is_done;
  }

  bool change_range() {
    const ProcessId process = any_process();
    const unsigned cpu = random.percent(70) ? cpu_for(process) : any_cpu();
    const std::size_t first = random.below(kBorders.size() - 1);
    const std::size_t last = first + 1 + random.below(kBorders.size() - 1 - first);
    const Gva start(kBase + (kBorders[first] << 12));
    const std::uint64_t length = (kBorders[last] - kBorders[first]) << 12;
    const GuestRegionRights rights = any_rights();
    if (kind == kMap) {
      const bool is_mapped =
          same([&](WorldMachine& m) {
            return m.kernel().map_region_fixed(m.port(cpu), process, {start, length, rights, "a"});
          }) == MapOutcome::kMapped;
      values.forget(vm, process, start, is_mapped ? length : 0);
      return is_mapped;
    }
    if (kind == kProtect) {
      return same([&](WorldMachine& m) {
               return m.kernel().protect(m.port(cpu), process, {start, length, rights});
             }) == ProtectOutcome::kProtected;
    }
    const std::uint64_t nothing = counts().unmapped_nothing;
    const UnmapOutcome outcome = same(
        [&](WorldMachine& m) { return m.kernel().unmap(m.port(cpu), process, start, length); });
    values.forget(vm, process, start, outcome == UnmapOutcome::kUnmapped ? length : 0);
    return outcome == UnmapOutcome::kUnmapped && counts().unmapped_nothing == nothing;
  }

  bool move_break() {
    const ProcessId process = any_process();
    const unsigned cpu = cpu_for(process);
    const Gva end(kBreak + random.below(6) * 4096);
    const bool is_moved = same([&](WorldMachine& m) {
                            return m.kernel().set_break(m.port(cpu), process, end);
                          }) == BreakOutcome::kMoved;
    values.forget(vm, process, end, is_moved ? kMiB : 0);
    return is_moved;
  }

  bool fork() {
    if (state().processes.size() == kMaxProcesses) {
      return false;
    }
    const ProcessId process = any_process();
    const unsigned cpu = cpu_for(process);
    const auto child = same([&](WorldMachine& m) { return m.kernel().fork(m.port(cpu), process); });
    if (child) {
      state().processes.push_back(*child);
      values.inherit(vm, process, *child);
    }
    return child.has_value();
  }

  bool exec() {
    const ProcessId process = any_process();
    const unsigned cpu = cpu_for(process);
    if (!same([&](WorldMachine& m) { return m.kernel().exec(m.port(cpu), process); })) {
      return false;
    }
    values.forget_all(vm, process);
    // As a program's start maps its text, data and stack.
    const GuestRegion region{Gva(kBase), kBorders.back() << 12, {true, true, true}, "a"};
    same([&](WorldMachine& m) { return m.kernel().map_region(m.port(cpu), process, region); });
    return true;
  }

  bool exit() {
    if (state().processes.size() == 1) {
      return false;
    }
    const ProcessId process = any_process();
    const unsigned cpu = any_cpu();
    in_all([&](WorldMachine& m) { m.kernel().exit_process(m.port(cpu), process); });
    std::erase(state().processes, process);
    values.forget_all(vm, process);
    return true;
  }

  bool switch_process() {
    const ProcessId process = any_process();
    const unsigned cpu = any_cpu();
    if (random.percent(10)) {
      in_all([&](WorldMachine& m) { m.kernel().go_idle(m.port(cpu)); });
      in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
      return true;
    }
    const bool is_other = native().kernel().current(cpu) != process;
    in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
    return is_other;
  }
};

TEST(ThreeWorlds, FourVmsAreTheSameInEachMode) {
  const std::uint64_t seed = environment("NESTWALK_SEED", 70260701);
  const bool is_short = std::getenv("NESTWALK_OPERATIONS") == nullptr;
  const std::uint64_t num_operations = environment("NESTWALK_OPERATIONS", 3'000);
  std::cout << "seed " << seed << ", " << num_operations << " operations\n";
  ThreeWorlds worlds(seed);
  const std::uint64_t every = environment("NESTWALK_COMPARE_EVERY", is_short ? 500 : 1000);
  worlds.run(num_operations, is_short, every);
  worlds.read_back();
  worlds.compare();
  worlds.print(std::cout);
  worlds.expect_every_kind();
}

}  // namespace
}  // namespace nestwalk
