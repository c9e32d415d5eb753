// The three worlds side by side: the same action in each, equal results, and comparisons of all
// memory; with what the operations share and count.
//
//   SideBySide worlds(seed);
//   worlds.same([](WorldMachine& m) { return m.kernel().fork(...); });   // in the VM worlds.vm
//   worlds.compare();
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <memory>
#include <ostream>
#include <set>
#include <vector>

#include "tests/property/three_worlds_setup.h"
#include "tests/property/three_worlds_values.h"

namespace nestwalk {

struct SideBySide {
  struct VmState {
    std::vector<ProcessId> processes;
    std::uint64_t num_ballooned = 0;
    Gpa last_merged;  // block
    // In the log of both: written since it was last harvested.
    bool is_logged = false;
    std::set<std::uint64_t> written;
  };

  explicit SideBySide(std::uint64_t seed)
      : random(seed), all_setups(setups()), vms(all_setups.size()), values(all_setups.size()) {
    for (const BenchMode mode : {BenchMode::kNative, BenchMode::kNested, BenchMode::kShadow}) {
      worlds.push_back(std::make_unique<World>(mode, all_setups));
    }
    worlds.push_back(std::make_unique<SwitchingWorld>(seed, all_setups));
  }

  [[nodiscard]] const WorldSetup& setup() const { return all_setups[vm]; }
  VmState& state() { return vms[vm]; }
  [[nodiscard]] SwitchingWorld& switching() const {
    return static_cast<SwitchingWorld&>(*worlds.back());
  }
  WorldMachine& native() { return worlds[0]->machine(vm); }
  unsigned any_cpu() { return static_cast<unsigned>(random.below(setup().num_cpus)); }
  ProcessId any_process() {
    last_process = state().processes[random.below(state().processes.size())];
    return last_process;
  }

  // The same in all worlds; what it returns must be equal.
  template <class Action>
  auto same(Action&& action) {
    auto first = action(worlds[0]->machine(vm));
    for (std::size_t w = 1; w < worlds.size(); ++w) {
      EXPECT_EQ(first, action(worlds[w]->machine(vm)))
          << setup().name << ", world " << w << ", " << kKindNames[kind];
    }
    return first;
  }
  template <class Action>
  void in_all(Action&& action) {
    for (const auto& world : worlds) {
      action(world->machine(vm));
    }
  }

  // In the worlds that have a hypervisor.
  template <class Action>
  void in_virtual(Action&& action) {
    for (std::size_t w = 1; w < worlds.size(); ++w) {
      action(worlds[w]->machine(vm));
    }
  }

  void expect_sound(std::size_t of) {
    for (const std::size_t world : {2, 3}) {
      EXPECT_EQ(worlds[world]->machine(of).bench().audit(), "") << all_setups[of].name << world;
    }
  }

  void compare() {
    ++num_comparisons;
    for (std::size_t v = 0; v < all_setups.size(); ++v) {
      expect_sound(v);
      for (std::size_t w = 1; w < worlds.size(); ++w) {
        compare_with_native(v, w);
      }
    }
  }

  // Every word that is in a process's memory still, by that process, in all worlds: what was
  // written by whom, and when.
  void read_back() {
    for (vm = 0; vm < all_setups.size(); ++vm) {
      for (const auto& [process, words] : values.of(vm)) {
        for (const auto& [address, written] : words) {
          const WorldRequest request{cpu_for(process), process, Gva(address)};
          const std::uint64_t expected = WrittenValues::value_of(vm, written);
          in_all([&](WorldMachine& m) {
            const WorldAccess read = m.access(request);
            num_read_back += read.is_done ? 1 : 0;
            EXPECT_TRUE(!read.is_done || read.value == expected)
                << setup().name << ": process " << static_cast<unsigned>(process) << " reads "
                << read.value << " at " << std::hex << address;
          });
        }
      }
    }
    EXPECT_GT(num_read_back, 0U);
  }

  // The process comes to run on some processor.
  unsigned cpu_for(ProcessId process) {
    const unsigned cpu = any_cpu();
    if (native().kernel().current(cpu) != process) {
      in_all([&](WorldMachine& m) { m.kernel().switch_to(m.port(cpu), process); });
    }
    return cpu;
  }

  [[nodiscard]] double total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t one : drawn) {
      sum += one;
    }
    return static_cast<double>(std::max<std::uint64_t>(sum, 1));
  }
  void print(std::ostream& out) const {
    out << "operation       drawn  effective  of all\n";
    for (unsigned k = 0; k < kNumKinds; ++k) {
      out << std::left << std::setw(14) << kKindNames[k] << std::right << std::setw(8) << drawn[k]
          << std::setw(11) << effective[k] << std::setw(7) << std::fixed << std::setprecision(2)
          << 100.0 * static_cast<double>(effective[k]) / total() << " %\n";
    }
    out << "accesses that were made: native " << made[0] << ", nested " << made[1] << ", shadow "
        << made[2] << "; speculative A bits: 0 (no processor here speculates)\n"
        << switching().text() << "segmentation faults " << num_segfaults
        << ", comparisons of all memory " << num_comparisons << ", pages found in dirty logs "
        << num_logged << ", written words read back " << num_read_back << "\n";
  }

  void expect_every_kind() const {
    for (unsigned k = 0; k < kNumKinds; ++k) {
      EXPECT_GE(100 * effective[k], static_cast<std::uint64_t>(total())) << kKindNames[k];
    }
    for (const std::uint64_t of_mode : made) {
      EXPECT_GE(10 * of_mode, made[0] + made[1] + made[2]);
    }
    EXPECT_GE(100 * switching().num_switches(), static_cast<std::uint64_t>(total()));
  }

  SplitMix64 random;
  std::vector<WorldSetup> all_setups;
  std::vector<std::unique_ptr<World>> worlds;
  std::vector<VmState> vms;
  WrittenValues values;
  std::size_t vm = 0;
  Kind kind = kRead;
  ProcessId last_process{};
  std::array<std::uint64_t, kNumKinds> drawn{};
  std::array<std::uint64_t, kNumKinds> effective{};
  std::array<std::uint64_t, 4> made{};
  std::uint64_t num_segfaults = 0;
  std::uint64_t num_comparisons = 0;
  std::uint64_t num_logged = 0;
  std::uint64_t num_read_back = 0;

 private:
  void compare_with_native(std::size_t of, std::size_t w) {
    const SparseMemory& expected_memory = worlds[0]->machine(of).bench().memory();
    const std::uint64_t size = all_setups[of].guest.memory_bytes;
    worlds[w]->machine(of).read_memory(size, [&](Gpa page, const std::byte* content) {
      static constexpr std::array<std::byte, SparseMemory::kPageBytes> kZeros{};
      const std::byte* expected = expected_memory.page_if_present(identity(page));
      expected = expected == nullptr ? kZeros.data() : expected;
      content = content == nullptr ? kZeros.data() : content;
      if (std::memcmp(expected, content, kZeros.size()) != 0) {
        std::size_t at = 0;
        while (expected[at] == content[at]) {
          ++at;
        }
        ADD_FAILURE() << all_setups[of].name << ", world " << w << ": guest memory at " << std::hex
                      << page.value() + at << " differs: " << std::to_integer<unsigned>(content[at])
                      << ", natively " << std::to_integer<unsigned>(expected[at]);
      }
    });
  }
};

}  // namespace nestwalk
