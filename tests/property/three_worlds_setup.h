// What the four VMs of the three worlds are, and the operations drawn for them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tests/property/three_worlds.h"
#include "tests/support/test_random.h"

namespace nestwalk {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kBase = 0x40000000;
inline constexpr std::uint64_t kBreak = kBase + 16 * kMiB;
// Where ranges begin and end, in 4K pages.
inline constexpr std::array<std::uint64_t, 12> kBorders = {0,   1,    2,    5,    511,  512,
                                                           513, 1000, 1023, 1024, 1536, 2048};
inline constexpr std::size_t kMaxProcesses = 4;

enum Kind : unsigned {
  kRead,
  kWrite,
  kFetch,
  kMap,
  kUnmap,
  kProtect,
  kBrk,
  kFork,
  kExec,
  kExit,
  kSwitch,
  kCollapse,
  kGuestReclaim,
  kBalloon,
  kSplit,
  kMerge,
  kHostReclaim,
  kMigrate,
  kDirtyLog,
  kNumKinds,
};
inline constexpr std::array<const char*, kNumKinds> kKindNames = {
    "read",  "write", "fetch",        "map",     "unmap",    "protect",       "brk",
    "fork",  "exec",  "exit",         "switch",  "collapse", "guest reclaim", "balloon",
    "split", "merge", "host reclaim", "migrate", "dirty log"};
// Draws of a hundred. Collapse and the guest's reclaim happen inside others.
inline constexpr std::array<unsigned, kNumKinds> kWeights = {9, 18, 6, 6, 4,  4, 3, 4, 3, 4,
                                                             4, 0,  0, 4, 12, 9, 3, 4, 3};

inline std::vector<WorldSetup> setups() {
  std::vector<WorldSetup> all(4);
  const auto swaps = [](WorldSetup& s, std::uint64_t low, std::uint64_t high, unsigned batch) {
    s.guest.params.reclaim.swap_bytes = 256 * kMiB;
    s.guest.params.reclaim.low_pages = low;
    s.guest.params.reclaim.high_pages = high;
    s.guest.params.reclaim.batch_pages = batch;
  };
  for (WorldSetup& s : all) {
    s.guest.memory_bytes = 16 * kMiB;
    s.guest.params.clear_data_pages = true;
    s.vm.migration = MigrationMethod::kWriteProtect;
  }
  // Large pages made of small ones.
  WorldSetup& collapsing = all[0];
  collapsing.name = "4level_collapse";
  collapsing.guest.params.format = FormatId::kX86FourLevel;
  collapsing.guest.params.collapse = {.every_faults = 1, .blocks = 8, .max_missing_pages = 511};
  collapsing.num_free_frames = 3072;
  collapsing.num_cpus = 2;
  collapsing.vm.shadow.sync = ShadowSync::kAtOnce;
  collapsing.vm.switching.protection = TableProtection::kEager;
  // Hardly more memory than the tables need.
  WorldSetup& pae = all[1];
  pae.name = "pae_swap";
  pae.guest.params.format = FormatId::kX86Pae;
  pae.num_free_frames = 72;
  swaps(pae, 50, 56, 3);
  pae.vm.format = HostFormat::kNptFourLevel;
  pae.vm.shadow.sync = ShadowSync::kOnFlush;
  pae.vm.switching.inactive = InactiveShadow::kResynced;
  WorldSetup& two_level = all[2];
  two_level.name = "2level_swap";
  two_level.guest.params.format = FormatId::kX86TwoLevel;
  two_level.guest.params.preset_accessed_dirty = false;
  two_level.num_free_frames = 56;
  swaps(two_level, 40, 46, 3);
  two_level.vm.backing = PageSize::k2M;
  two_level.vm.shadow.sync = ShadowSync::kOnFlush;
  two_level.vm.shadow.max_tables = 24;
  two_level.vm.switching.inactive = InactiveShadow::kResynced;
  two_level.vm.switching.protection = TableProtection::kEager;
  WorldSetup& five_level = all[3];
  five_level.name = "5level_swap";
  five_level.guest.params.format = FormatId::kX86FiveLevel;
  five_level.guest.params.pcid = false;
  five_level.guest.params.preset_accessed_dirty = false;
  five_level.num_free_frames = 112;
  five_level.num_cpus = 2;
  swaps(five_level, 84, 92, 3);
  five_level.vm.format = HostFormat::kEptFiveLevel;
  five_level.vm.accessed_dirty = true;
  five_level.vm.vpid = false;
  five_level.vm.switching.flush = SwitchFlush::kInvept;
  five_level.vm.dirty_log_method = DirtyLogMethod::kDirtyBits;
  five_level.vm.migration = MigrationMethod::kNotPresent;
  return all;
}

inline std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

inline std::vector<GuestRange> ranges_of(std::vector<Gpa> frames) {
  std::ranges::sort(frames);
  std::vector<GuestRange> ranges;
  ranges.reserve(frames.size());
  for (const Gpa frame : frames) {
    ranges.push_back({frame, frame + bit(kSmallPageBits)});
  }
  return ranges;
}

inline std::uint64_t progress(const PagerStatistics& s, Kind kind) {
  switch (kind) {
    case kSplit:
      return s.pages_split[0] + s.pages_split[1];
    case kMerge:
      return s.pages_merged[0] + s.pages_merged[1] + s.pages_collapsed[0] + s.pages_collapsed[1];
    case kHostReclaim:
      return s.pages_swapped_out;
    default:
      return s.pages_migrated;
  }
}

inline void fill(WorldMachine& m, unsigned cpu, const GuestRange& range) {
  ShadowBench& bench = m.bench();
  EXPECT_TRUE(bench.hypervisor().populate(bench.cpu(cpu), bench.vm_id(), range.start,
                                          range.end.value() - range.start.value()));
}

}  // namespace nestwalk
