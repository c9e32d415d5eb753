#include "model/hypervisor/host_reclaim.h"

#include <array>
#include <cstddef>

#include "model/hypervisor/stage_split.h"

namespace nestwalk {

std::uint64_t HostReclaim::swap_out(std::uint64_t num_pages) {
  Vm& vm = stage_.vm();
  const Gpa end(vm.params.memory_bytes);
  victims_.clear();
  must_flush_ = false;
  // The second time round a page has lost its A, unless it was used meanwhile.
  for (unsigned round = 0; round < 2 && victims_.size() < num_pages; ++round) {
    const Gpa hand = vm.clock_hand;
    turn(hand, end, num_pages);
    if (victims_.size() < num_pages) {
      vm.clock_hand = Gpa{};
      turn(Gpa{}, hand, num_pages);
    }
  }
  if (must_flush_) {
    stage_.flush(targets_);
  }
  std::array<std::byte, std::size_t{1} << kSmallPageBits> content{};
  for (const Victim& victim : victims_) {
    stage_.port().read_frame(victim.frame, content);
    vm.swap.put(victim.page, content);
    stage_.spend(stage_.params().swap_out_4k_cycles);
    stage_.give_back(victim.frame, kSmallPageBits);
  }
  stage_.statistics().pages_swapped_out += victims_.size();
  return victims_.size();
}

void HostReclaim::turn(Gpa start, Gpa end, std::uint64_t num_pages) {
  stage_.visit_leaves_while(start, end, [&](HostEntry& leaf) {
    judge(leaf, num_pages);
    return victims_.size() < num_pages;
  });
}

void HostReclaim::judge(HostEntry& leaf, std::uint64_t num_pages) {
  Vm& vm = stage_.vm();
  const Gpa behind = leaf.start + bit(stage_.page_bits(leaf));
  ++stage_.statistics().reclaim_scanned;
  if (stage_.view(leaf).is_accessed() && vm.has_accessed_dirty()) {
    stage_.change(leaf, [&](std::uint64_t word) { return word & ~stage_.accessed_bit(); });
    stage_.spend(stage_.params().page_update_cycles);
    ++stage_.statistics().reclaim_accessed_cleared;
    must_flush_ = true;
    vm.clock_hand = behind;
    return;
  }
  if (leaf.level > 1) {
    if (split_leaf(stage_, leaf)) {
      must_flush_ = true;
      turn(leaf.start, behind, num_pages);
    } else {
      vm.clock_hand = behind;  // it stays: there is no frame for its table
    }
    return;
  }
  const EntryView was{stage_.format(), leaf.level, stage_.unlink(leaf)};
  stage_.spend(stage_.params().page_update_cycles);
  must_flush_ = true;
  victims_.push_back({leaf.start, Hpa(was.address())});
  vm.clock_hand = behind;
}

}  // namespace nestwalk
