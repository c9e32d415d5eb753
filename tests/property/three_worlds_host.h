// What the hypervisors of the three worlds do to a VM meanwhile. Each returns whether it did
// something.
#pragma once

#include "model/hypervisor/dirty_logger.h"
#include "tests/property/three_worlds_side.h"

namespace nestwalk {

// The guest gives frames and takes them back; natively they are cleared, as they come back.
inline bool balloon(SideBySide& s) {
  const unsigned cpu = s.any_cpu();
  SideBySide::VmState& vm = s.state();
  if (vm.num_ballooned > 8 || (vm.num_ballooned != 0 && s.random.percent(40))) {
    const auto taken = s.same(
        [&](WorldMachine& m) { return m.kernel().deflate_balloon(m.port(cpu), vm.num_ballooned); });
    vm.num_ballooned -= taken.size();
    s.in_virtual(
        [&](WorldMachine& m) { m.run(cpu, HostAction::kBalloonDeflate, ranges_of(taken)); });
    return !taken.empty();
  }
  const std::uint64_t most = 1 + s.random.below(4);
  const auto given =
      s.same([&](WorldMachine& m) { return m.kernel().inflate_balloon(m.port(cpu), most); });
  vm.num_ballooned += given.size();
  for (const Gpa frame : given) {
    s.native().bench().memory().zero_bytes(identity(frame), bit(kSmallPageBits));
    vm.written.erase(frame.value());
  }
  bool is_taken = true;
  for (std::size_t w = 1; w < s.worlds.size() && !given.empty(); ++w) {
    WorldMachine& m = s.worlds[w]->machine(s.vm);
    const auto before = m.bench().vm().statistics.pager;
    m.run(cpu, HostAction::kBalloonInflate, ranges_of(given));
    const auto& after = m.bench().vm().statistics.pager;
    is_taken &= after.balloon_pages_taken + after.balloon_pages_absent >
                before.balloon_pages_taken + before.balloon_pages_absent;
  }
  return is_taken && !given.empty();
}

// Of one or several pages, or of whole blocks.
inline bool host_action(SideBySide& s) {
  const unsigned cpu = s.any_cpu();
  const std::uint64_t end = s.setup().num_free_frames << kSmallPageBits;
  const unsigned bits = s.setup().vm.format == HostFormat::kNptTwoLevel ? 22 : 21;
  GuestRange range;
  HostAction action = HostAction::kMigrate;
  switch (s.kind) {
    case kMerge:
      action = HostAction::kCollapse;
      [[fallthrough]];
    case kSplit:
      action = s.kind == kSplit ? HostAction::kSplit : action;
      range.start = Gpa(s.random.below((end >> bits) + 1) << bits);
      if (s.kind == kSplit && s.random.percent(80)) {
        range.start = s.state().last_merged;
      }
      range.end = range.start + bit(bits);
      break;
    case kHostReclaim:
      action = HostAction::kReclaim;
      range.end = Gpa((1 + s.random.below(4)) << kSmallPageBits);
      break;
    default:
      range.start = Gpa(s.random.below(end >> kSmallPageBits) << kSmallPageBits);
      range.end = range.start + ((1 + s.random.below(4)) << kSmallPageBits);
  }
  bool has_worked = true;
  for (std::size_t w = 1; w < s.worlds.size(); ++w) {
    WorldMachine& m = s.worlds[w]->machine(s.vm);
    if (s.kind == kMerge) {
      fill(m, cpu, range);
    }
    const std::uint64_t before = progress(m.bench().vm().statistics.pager, s.kind);
    m.run(cpu, action, std::array{range});
    has_worked &= progress(m.bench().vm().statistics.pager, s.kind) != before;
  }
  if (has_worked && s.kind == kMerge) {
    s.state().last_merged = range.start;
  }
  return has_worked;
}

inline bool dirty_log(SideBySide& s) {
  const unsigned cpu = s.any_cpu();
  SideBySide::VmState& vm = s.state();
  const GuestRange all{Gpa{}, Gpa(s.setup().guest.memory_bytes)};
  if (!vm.is_logged) {
    vm.is_logged = true;
    vm.written.clear();
    s.in_virtual([&](WorldMachine& m) { m.run(cpu, HostAction::kDirtyLogStart, std::array{all}); });
    return false;
  }
  bool is_found = true;
  for (std::size_t w = 1; w < s.worlds.size(); ++w) {
    PageSet pages;
    WorldMachine& m = s.worlds[w]->machine(s.vm);
    m.hypervise(cpu, [&](const HostContext& context, const FlushTargets& targets) {
      pages = DirtyLogger(context, targets).harvest();
    });
    for (const std::uint64_t page : vm.written) {
      EXPECT_TRUE(pages.contains(Gpa(page)))
          << s.setup().name << ", world " << w << ": the log lost a write of " << std::hex << page;
      ++s.num_logged;
    }
    is_found &= pages.size() != 0;
  }
  vm.written.clear();
  if (s.random.percent(50)) {
    vm.is_logged = false;
    s.in_virtual([&](WorldMachine& m) { m.run(cpu, HostAction::kDirtyLogStop, std::array{all}); });
  }
  return is_found;
}

}  // namespace nestwalk
