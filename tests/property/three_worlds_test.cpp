// Four VMs of different formats do the same natively, under nested and under shadow paging: random
// accesses and calls of the guest's kernel, and in the two worlds that have one what a hypervisor
// does meanwhile: balloons, splits, merges, reclaim, migration, dirty logs. Every outcome must be
// the same; guest memory, which holds the guest's tables with their A and D bits, is compared again
// and again; no write may be missing from a dirty log; the audit of the shadows must find nothing.
//
// NESTWALK_SEED=N: another seed; NESTWALK_OPERATIONS=N: so many operations of it;
// NESTWALK_COMPARE_EVERY=1: finds the operation after which memory differs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <set>

#include "model/hypervisor/dirty_logger.h"
#include "tests/property/three_worlds_setup.h"

namespace nestwalk {
namespace {

class ThreeWorlds {
 public:
  explicit ThreeWorlds(std::uint64_t seed) : random_(seed), setups_(setups()) {
    for (const BenchMode mode : {BenchMode::kNative, BenchMode::kNested, BenchMode::kShadow}) {
      worlds_.push_back(std::make_unique<World>(mode, setups_));
    }
    vms_.resize(setups_.size());
    for (vm_ = 0; vm_ < setups_.size(); ++vm_) {
      create_process();
    }
  }

  // With the audit of the VM after each operation, or of all now and then.
  void run(std::uint64_t num_operations, bool audits_each, std::uint64_t compare_every) {
    for (std::uint64_t i = 0; i < num_operations && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(testing::Message() << "operation " << i);
      vm_ = random_.below(setups_.size());
      step();
      if (audits_each) {
        expect_sound(vm_);
      }
      if (i % compare_every == compare_every - 1) {
        compare();
      }
    }
    compare();
    if (testing::Test::HasFailure()) {
      std::cout << "the last operation: " << kKindNames[kind_] << " of VM " << vm_ << " by process "
                << static_cast<unsigned>(last_process_) << "\n";
    }
  }

  void print(std::ostream& out) const {
    out << "operation       drawn  effective  of all\n";
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
      out << std::left << std::setw(14) << kKindNames[kind] << std::right << std::setw(8)
          << drawn_[kind] << std::setw(11) << effective_[kind] << std::setw(7) << std::fixed
          << std::setprecision(2) << 100.0 * static_cast<double>(effective_[kind]) / total()
          << " %\n";
    }
    out << "accesses that were made: native " << made_[0] << ", nested " << made_[1] << ", shadow "
        << made_[2] << "; speculative A bits: 0 (no processor here speculates)\n"
        << "segmentation faults " << num_segfaults_ << ", comparisons of all memory "
        << num_comparisons_ << ", pages found in dirty logs " << num_logged_ << "\n";
  }

  void expect_every_kind() const {
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
      EXPECT_GE(100 * effective_[kind], static_cast<std::uint64_t>(total())) << kKindNames[kind];
    }
    for (const std::uint64_t made : made_) {
      EXPECT_GE(10 * made, made_[0] + made_[1] + made_[2]);
    }
  }

 private:
  struct VmState {
    std::vector<ProcessId> processes;
    std::uint64_t num_ballooned = 0;
    Gpa last_merged;  // block
    // In the log of both: written since it was last harvested.
    bool is_logged = false;
    std::set<std::uint64_t> written;
  };
  struct Counts {
    std::uint64_t collapses = 0;
    std::uint64_t reclaimed = 0;
    std::uint64_t unmapped_nothing = 0;
  };

  [[nodiscard]] double total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t drawn : drawn_) {
      sum += drawn;
    }
    return static_cast<double>(std::max<std::uint64_t>(sum, 1));
  }
  VmState& state() { return vms_[vm_]; }
  WorldMachine& native() { return worlds_[0]->machine(vm_); }
  unsigned any_cpu() { return static_cast<unsigned>(random_.below(setups_[vm_].num_cpus)); }
  ProcessId any_process() {
    last_process_ = state().processes[random_.below(state().processes.size())];
    return last_process_;
  }
  GuestRegionRights any_rights() {
    return {random_.percent(90), random_.percent(75), random_.percent(45)};
  }

  // The same in all worlds; what it returns must be equal.
  template <class Action>
  auto same(Action&& action) {
    auto first = action(worlds_[0]->machine(vm_));
    for (std::size_t w = 1; w < worlds_.size(); ++w) {
      EXPECT_EQ(first, action(worlds_[w]->machine(vm_)))
          << setups_[vm_].name << ", world " << w << ", " << kKindNames[kind_];
    }
    return first;
  }
  template <class Action>
  void in_all(Action&& action) {
    for (const auto& world : worlds_) {
      action(world->machine(vm_));
    }
  }

  Kind draw_kind() {
    std::uint64_t at = random_.below(100);
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
      if (at < kWeights[kind]) {
        return static_cast<Kind>(kind);
      }
      at -= kWeights[kind];
    }
    return kRead;
  }

  void step() {
    kind_ = draw_kind();
    ++drawn_[kind_];
    const Counts before = counts();
    const bool is_effective = perform();
    effective_[kind_] += is_effective ? 1 : 0;
    const Counts after = counts();
    effective_[kCollapse] += after.collapses != before.collapses ? 1 : 0;
    effective_[kGuestReclaim] += after.reclaimed != before.reclaimed ? 1 : 0;
  }
  Counts counts() {
    const GuestStatistics& s = native().kernel().statistics();
    return {s.collapses, s.pages_reclaimed, s.unmaps_of_nothing};
  }

  bool perform() {
    switch (kind_) {
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
        return balloon();
      case kDirtyLog:
        return dirty_log();
      default:
        return host_action();
    }
  }

  void create_process() {
    const auto process =
        same([](WorldMachine& m) { return m.kernel().create_process(m.port(0)).value(); });
    state().processes.push_back(process);
    in_all([&](WorldMachine& m) {
      for (unsigned cpu = 0; cpu < setups_[vm_].num_cpus; ++cpu) {
        m.kernel().switch_to(m.port(cpu), process);
      }
    });
  }

  unsigned cpu_for(ProcessId process) {
    const unsigned cpu = any_cpu();
    if (native().kernel().current(cpu) != process) {
      in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
    }
    return cpu;
  }

  Gva any_address() {
    if (random_.percent(15)) {
      return Gva(kBreak + random_.below(6) * 4096 + random_.below(512) * 8);
    }
    return Gva(kBase + ((kBorders[random_.below(kBorders.size() - 1)] + random_.below(2)) << 12) +
               random_.below(512) * 8);
  }

  bool access(AccessType type) {
    const ProcessId process = any_process();
    WorldRequest request;
    request.process = process;
    request.cpu = cpu_for(process);
    request.address = any_address();
    request.type = type;
    request.value = SplitMix64((std::uint64_t{vm_} << 56) ^
                               (static_cast<std::uint64_t>(process) << 40) ^ ++sequence_)
                        .next();
    std::array<WorldAccess, 3> made;
    for (std::size_t w = 0; w < worlds_.size(); ++w) {
      made[w] = worlds_[w]->machine(vm_).access(request);
      made_[w] += made[w].is_done ? 1 : 0;
    }
    // What shadow paging walks is not what the guest wrote: it says nothing of guest addresses.
    made[2].gpa = made[0].gpa;
    for (std::size_t w = 1; w < worlds_.size(); ++w) {
      EXPECT_TRUE(made[w] == made[0])
          << setups_[vm_].name << ", world " << w << ": " << kKindNames[kind_] << " at " << std::hex
          << request.address.value() << ": made " << made[w].is_done << "/" << made[0].is_done
          << ", value " << made[w].value << "/" << made[0].value << ", gpa " << made[w].gpa.value()
          << "/" << made[0].gpa.value() << ", faults " << made[w].faults.size() << "/"
          << made[0].faults.size();
    }
    num_segfaults_ += made[0].is_done ? 0 : 1;
    if (made[0].is_done && type == AccessType::kWrite && state().is_logged) {
      state().written.insert(made[0].gpa.page(kSmallPageBits).value());
    }
    return made[0].is_done;
  }

  bool change_range() {
    const ProcessId process = any_process();
    const unsigned cpu = random_.percent(70) ? cpu_for(process) : any_cpu();
    const std::size_t first = random_.below(kBorders.size() - 1);
    const std::size_t last = first + 1 + random_.below(kBorders.size() - 1 - first);
    const Gva start(kBase + (kBorders[first] << 12));
    const std::uint64_t length = (kBorders[last] - kBorders[first]) << 12;
    const GuestRegionRights rights = any_rights();
    if (kind_ == kMap) {
      return same([&](WorldMachine& m) {
               return m.kernel().map_region_fixed(m.port(cpu), process,
                                                  {start, length, rights, "a"});
             }) == MapOutcome::kMapped;
    }
    if (kind_ == kProtect) {
      return same([&](WorldMachine& m) {
               return m.kernel().protect(m.port(cpu), process, {start, length, rights});
             }) == ProtectOutcome::kProtected;
    }
    const std::uint64_t nothing = counts().unmapped_nothing;
    const UnmapOutcome outcome = same(
        [&](WorldMachine& m) { return m.kernel().unmap(m.port(cpu), process, start, length); });
    return outcome == UnmapOutcome::kUnmapped && counts().unmapped_nothing == nothing;
  }

  bool move_break() {
    const ProcessId process = any_process();
    const unsigned cpu = cpu_for(process);
    const Gva end(kBreak + random_.below(6) * 4096);
    return same([&](WorldMachine& m) { return m.kernel().set_break(m.port(cpu), process, end); }) ==
           BreakOutcome::kMoved;
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
    }
    return child.has_value();
  }

  bool exec() {
    const ProcessId process = any_process();
    const unsigned cpu = cpu_for(process);
    if (!same([&](WorldMachine& m) { return m.kernel().exec(m.port(cpu), process); })) {
      return false;
    }
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
    return true;
  }

  bool switch_process() {
    const ProcessId process = any_process();
    const unsigned cpu = any_cpu();
    if (random_.percent(10)) {
      in_all([&](WorldMachine& m) { m.kernel().go_idle(m.port(cpu)); });
      in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
      return true;
    }
    const bool is_other = native().kernel().current(cpu) != process;
    in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
    return is_other;
  }

  // The guest gives frames and takes them back; natively they are cleared, as they come back.
  bool balloon() {
    const unsigned cpu = any_cpu();
    VmState& vm = state();
    if (vm.num_ballooned > 8 || (vm.num_ballooned != 0 && random_.percent(40))) {
      const auto taken = same([&](WorldMachine& m) {
        return m.kernel().deflate_balloon(m.port(cpu), vm.num_ballooned);
      });
      vm.num_ballooned -= taken.size();
      for (std::size_t w = 1; w < worlds_.size(); ++w) {
        worlds_[w]->machine(vm_).run(cpu, HostAction::kBalloonDeflate, ranges_of(taken));
      }
      return !taken.empty();
    }
    const std::uint64_t most = 1 + random_.below(4);
    const auto given =
        same([&](WorldMachine& m) { return m.kernel().inflate_balloon(m.port(cpu), most); });
    vm.num_ballooned += given.size();
    for (const Gpa frame : given) {
      native().bench().memory().zero_bytes(identity(frame), bit(kSmallPageBits));
      vm.written.erase(frame.value());
    }
    bool is_taken = true;
    for (std::size_t w = 1; w < worlds_.size() && !given.empty(); ++w) {
      WorldMachine& m = worlds_[w]->machine(vm_);
      const auto before = m.bench().vm().statistics.pager;
      m.run(cpu, HostAction::kBalloonInflate, ranges_of(given));
      const auto& after = m.bench().vm().statistics.pager;
      is_taken &= after.balloon_pages_taken + after.balloon_pages_absent >
                  before.balloon_pages_taken + before.balloon_pages_absent;
    }
    return is_taken && !given.empty();
  }

  // Of one or several pages, or of whole blocks.
  bool host_action() {
    const unsigned cpu = any_cpu();
    const std::uint64_t end = setups_[vm_].num_free_frames << kSmallPageBits;
    const unsigned bits = setups_[vm_].vm.format == HostFormat::kNptTwoLevel ? 22 : 21;
    GuestRange range;
    HostAction action = HostAction::kMigrate;
    switch (kind_) {
      case kMerge:
        action = HostAction::kCollapse;
        [[fallthrough]];
      case kSplit:
        action = kind_ == kSplit ? HostAction::kSplit : action;
        range.start = Gpa(random_.below((end >> bits) + 1) << bits);
        if (kind_ == kSplit && random_.percent(80)) {
          range.start = state().last_merged;
        }
        range.end = range.start + bit(bits);
        break;
      case kHostReclaim:
        action = HostAction::kReclaim;
        range.end = Gpa((1 + random_.below(4)) << kSmallPageBits);
        break;
      default:
        range.start = Gpa(random_.below(end >> kSmallPageBits) << kSmallPageBits);
        range.end = range.start + ((1 + random_.below(4)) << kSmallPageBits);
    }
    bool has_worked = true;
    for (std::size_t w = 1; w < worlds_.size(); ++w) {
      WorldMachine& m = worlds_[w]->machine(vm_);
      if (kind_ == kMerge) {
        fill(m, cpu, range);
      }
      const std::uint64_t before = progress(m.bench().vm().statistics.pager, kind_);
      m.run(cpu, action, std::array{range});
      has_worked &= progress(m.bench().vm().statistics.pager, kind_) != before;
    }
    if (has_worked && kind_ == kMerge) {
      state().last_merged = range.start;
    }
    return has_worked;
  }

  bool dirty_log() {
    const unsigned cpu = any_cpu();
    VmState& vm = state();
    const GuestRange all{Gpa{}, Gpa(setups_[vm_].guest.memory_bytes)};
    if (!vm.is_logged) {
      vm.is_logged = true;
      vm.written.clear();
      for (std::size_t w = 1; w < worlds_.size(); ++w) {
        worlds_[w]->machine(vm_).run(cpu, HostAction::kDirtyLogStart, std::array{all});
      }
      return false;
    }
    bool is_found = true;
    for (std::size_t w = 1; w < worlds_.size(); ++w) {
      PageSet pages;
      WorldMachine& m = worlds_[w]->machine(vm_);
      m.hypervise(cpu, [&](const HostContext& context, const FlushTargets& targets) {
        pages = DirtyLogger(context, targets).harvest();
      });
      for (const std::uint64_t page : vm.written) {
        EXPECT_TRUE(pages.contains(Gpa(page))) << setups_[vm_].name << ", world " << w
                                               << ": the log lost a write of " << std::hex << page;
        ++num_logged_;
      }
      is_found &= pages.size() != 0;
    }
    vm.written.clear();
    if (random_.percent(50)) {
      vm.is_logged = false;
      for (std::size_t w = 1; w < worlds_.size(); ++w) {
        worlds_[w]->machine(vm_).run(cpu, HostAction::kDirtyLogStop, std::array{all});
      }
    }
    return is_found;
  }

  void expect_sound(std::size_t vm) {
    EXPECT_EQ(worlds_[2]->machine(vm).bench().audit(), "") << setups_[vm].name;
  }

  void compare() {
    ++num_comparisons_;
    for (std::size_t vm = 0; vm < setups_.size(); ++vm) {
      expect_sound(vm);
      const std::uint64_t size = setups_[vm].guest.memory_bytes;
      for (std::size_t w = 1; w < worlds_.size(); ++w) {
        const SparseMemory& native = worlds_[0]->machine(vm).bench().memory();
        worlds_[w]->machine(vm).read_memory(size, [&](Gpa page, const std::byte* content) {
          static constexpr std::array<std::byte, SparseMemory::kPageBytes> kZeros{};
          const std::byte* expected = native.page_if_present(identity(page));
          expected = expected == nullptr ? kZeros.data() : expected;
          content = content == nullptr ? kZeros.data() : content;
          if (std::memcmp(expected, content, kZeros.size()) != 0) {
            std::size_t at = 0;
            while (expected[at] == content[at]) {
              ++at;
            }
            ADD_FAILURE() << setups_[vm].name << ", world " << w << ": guest memory at " << std::hex
                          << page.value() + at
                          << " differs: " << std::to_integer<unsigned>(content[at]) << ", natively "
                          << std::to_integer<unsigned>(expected[at]);
          }
        });
      }
    }
  }

  SplitMix64 random_;
  std::vector<WorldSetup> setups_;
  std::vector<std::unique_ptr<World>> worlds_;
  std::vector<VmState> vms_;
  std::size_t vm_ = 0;
  Kind kind_ = kRead;
  ProcessId last_process_{};
  std::uint64_t sequence_ = 0;
  std::array<std::uint64_t, kNumKinds> drawn_{};
  std::array<std::uint64_t, kNumKinds> effective_{};
  std::array<std::uint64_t, 3> made_{};
  std::uint64_t num_segfaults_ = 0;
  std::uint64_t num_comparisons_ = 0;
  std::uint64_t num_logged_ = 0;
};

TEST(ThreeWorlds, FourVmsAreTheSameInEachMode) {
  const std::uint64_t seed = environment("NESTWALK_SEED", 70260701);
  const bool is_short = std::getenv("NESTWALK_OPERATIONS") == nullptr;
  const std::uint64_t num_operations = environment("NESTWALK_OPERATIONS", 3'000);
  std::cout << "seed " << seed << ", " << num_operations << " operations\n";
  ThreeWorlds worlds(seed);
  const std::uint64_t every = environment("NESTWALK_COMPARE_EVERY", is_short ? 500 : 1000);
  worlds.run(num_operations, is_short, every);
  worlds.print(std::cout);
  worlds.expect_every_kind();
}

}  // namespace
}  // namespace nestwalk
