#include "model/hypervisor/balloon.h"

#include <algorithm>
#include <vector>

#include "model/hypervisor/stage_split.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kSmallPage = bit(kSmallPageBits);

}  // namespace

BalloonCount Balloon::inflate(Gpa start, Gpa end) {
  Vm& vm = stage_.vm();
  start = stage_.clip(start + (kSmallPage - 1));
  end = stage_.clip(end);
  BalloonCount count;
  if (end <= start) {
    return count;
  }
  const bool has_split = split_at(stage_, start).num_split + split_at(stage_, end).num_split != 0;
  std::vector<FrameBlock> frames;
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
    frames.push_back({Hpa(was.address()), bits});
    count.num_taken += bit(bits - kSmallPageBits);
  });
  if (has_split || !frames.empty()) {
    stage_.flush(targets_);
  }
  stage_.free(frames);
  for (Gpa page = start; page < end; page = page + kSmallPage) {
    if (!refused.contains(page)) {
      vm.ballooned.insert(page);
    }
  }
  vm.swap.drop(start, end);  // refused pages have a frame, so none of them is there
  count.num_refused = refused.size();
  count.num_absent =
      (end.value() - start.value()) / kSmallPage - count.num_taken - count.num_refused;
  PagerStatistics& statistics = stage_.statistics();
  statistics.balloon_pages_taken += count.num_taken;
  statistics.balloon_pages_absent += count.num_absent;
  statistics.balloon_pages_refused += count.num_refused;
  return count;
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
