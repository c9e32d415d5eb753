#include "model/hypervisor/balloon.h"

#include <algorithm>

#include "model/hypervisor/stage_split.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kSmallPage = bit(kSmallPageBits);

}  // namespace

BalloonCount Balloon::inflate(std::span<const GuestRange> ranges) {
  BalloonCount count;
  bool has_changed = false;
  for (const GuestRange& range : ranges) {
    const Gpa start = stage_.clip(range.start + (kSmallPage - 1));
    const Gpa end = stage_.clip(range.end);
    has_changed |= start < end && take(start, end, count);
  }
  if (has_changed) {
    stage_.flush(targets_);
  }
  stage_.free(frames_);
  frames_.clear();
  PagerStatistics& statistics = stage_.statistics();
  statistics.balloon_pages_taken += count.num_taken;
  statistics.balloon_pages_absent += count.num_absent;
  statistics.balloon_pages_refused += count.num_refused;
  return count;
}

bool Balloon::take(Gpa start, Gpa end, BalloonCount& count) {
  Vm& vm = stage_.vm();
  bool has_changed = split_at(stage_, start).num_split + split_at(stage_, end).num_split != 0;
  std::uint64_t num_taken = 0;
  PageSet refused;
  stage_.for_each_leaf(start, end, [&](HostEntry& leaf) {
    const unsigned bits = stage_.page_bits(leaf);
    if (leaf.start < start || end < leaf.start + bit(bits)) {  // cut, and could not be split
      const Gpa last = std::min(end, leaf.start + bit(bits));
      for (Gpa page = std::max(start, leaf.start); page < last; page = page + kSmallPage) {
        refused.insert(page);
      }
      return;
    }
    const EntryView was{stage_.format(), leaf.level, stage_.unlink(leaf)};
    stage_.spend(stage_.params().page_update_cycles);
    frames_.push_back({Hpa(was.address()), bits});
    num_taken += bit(bits - kSmallPageBits);
    has_changed = true;
  });
  for (Gpa page = start; page < end; page = page + kSmallPage) {
    if (!refused.contains(page)) {
      vm.ballooned.insert(page);
    }
  }
  vm.swap.drop(start, end);  // refused pages have a frame, so none of them is there
  count.num_taken += num_taken;
  count.num_refused += refused.size();
  count.num_absent += (end.value() - start.value()) / kSmallPage - num_taken - refused.size();
  return has_changed;
}

std::uint64_t Balloon::deflate(Gpa start, Gpa end) {
  std::uint64_t num_pages = 0;
  for (Gpa page = stage_.clip(start); page < stage_.clip(end); page = page + kSmallPage) {
    num_pages += stage_.vm().ballooned.erase(page);
  }
  stage_.statistics().balloon_pages_returned += num_pages;
  return num_pages;
}

}  // namespace nestwalk
