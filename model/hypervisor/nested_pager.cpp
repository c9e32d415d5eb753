#include "model/hypervisor/nested_pager.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace nestwalk {

BackOutcome NestedPager::back(Gpa address, AccessType type) {
  HostEntry entry = stage_.find(address);
  return stage_.view(entry).is_leaf() ? raise_rights(entry, type) : fill(address, entry, type);
}

// Whether a log keeps pages of this block read-only until they are written.
bool NestedPager::is_protected(Gpa page, unsigned bits) const {
  return vm_.dirty_log && vm_.dirty_log->method == DirtyLogMethod::kWriteProtect &&
         vm_.dirty_log->overlaps(page, bits);
}

// Tells a write-protecting log of the write.
bool NestedPager::may_write(const HostEntry& leaf, AccessType type) {
  const unsigned bits = stage_.page_bits(leaf);
  if (!is_protected(leaf.start, bits)) {
    return true;
  }
  if (type == AccessType::kWrite) {
    ++stage_.statistics().log_write_faults;
    vm_.log_write(leaf.start, bits);
  }
  return vm_.dirty_log->dirty.contains(leaf.start, bits);
}

BackOutcome NestedPager::raise_rights(HostEntry& leaf, AccessType type) {
  const std::uint64_t all = stage_.leaf(leaf.level, Hpa(stage_.view(leaf).address()));
  const std::uint64_t denial =  // bit 63 of an EPT entry suppresses #VE instead
      stage_.format().rules == RuleSet::kX86 ? bit(x86::kNoExecute) : 0;
  const bool is_read_only = !stage_.view(leaf).is_writable();
  const std::uint64_t raised =
      is_read_only && !may_write(leaf, type) ? all & ~stage_.write_bit() : all;
  const std::uint64_t before =
      stage_.change(leaf, [&](std::uint64_t word) { return (word | raised) & ~denial; });
  return leaf.value == before ? BackOutcome::kUnchanged : BackOutcome::kRightsRaised;
}

BackOutcome NestedPager::fill(Gpa address, HostEntry& entry, AccessType type) {
  const PagingFormat& format = stage_.format();
  const unsigned preferred = preferred_level(address);
  unsigned level = std::min(entry.level, preferred);
  std::optional<FrameBlock> page;
  while (!(page = take_page(address, level)) && level > 1) {
    --level;
  }
  if (!page) {
    return BackOutcome::kOutOfMemory;
  }
  std::array<Hpa, kMaxLevels + 1> tables{};  // by the level of their entries
  for (unsigned made = level; made < entry.level; ++made) {
    const std::optional<Hpa> table = stage_.allocate_table();
    if (!table) {
      while (made-- > level) {
        --vm_.statistics.tables_allocated;
        stage_.give_back(tables[made], kSmallPageBits);
      }
      stage_.give_back(page->base, page->bits);
      return BackOutcome::kOutOfMemory;
    }
    tables[made] = *table;
  }
  stage_.spend(stage_.params().frame_allocation_cycles);
  const bool is_fresh = !vm_.swap.contains(address.page(kSmallPageBits));
  bring_content(address, *page);
  HostEntry at{address.page(page->bits), {}, stage_.leaf(level, page->base), level};
  if (is_fresh) {
    vm_.log_write(address, page->bits);  // the guest's view of it changed to zeros
  } else if (!may_write(at, type)) {
    at.value &= ~stage_.write_bit();
  }
  for (; at.level < entry.level; ++at.level) {
    at.address = stage_.entry_address(tables[at.level], at.level, address);
    stage_.store(at, at.value);
    at.value = stage_.table(at.level + 1, tables[at.level]);
  }
  stage_.store(entry, at.value);
  ++vm_.statistics.pages_backed[level - 1];
  stage_.statistics().balloon_pages_returned +=
      vm_.ballooned.erase(address, format.page_bits(level));
  if (level < preferred) {
    ++vm_.statistics.backing_fallbacks;
  }
  return BackOutcome::kBacked;
}

std::optional<FrameBlock> NestedPager::take_page(Gpa address, unsigned level) {
  if (!stage_.page_fits(address, level)) {
    return std::nullopt;
  }
  const unsigned bits = stage_.format().page_bits(level);
  const std::optional<Hpa> frame = stage_.take(bits, FrameUse::kGuestFrame);
  return frame ? std::optional(FrameBlock{*frame, bits}) : std::nullopt;
}

void NestedPager::bring_content(Gpa address, const FrameBlock& page) {
  const Gpa small = address.page(kSmallPageBits);
  if (!vm_.swap.contains(small)) {
    stage_.clear(page.base, page.bits);
    return;
  }
  std::array<std::byte, std::size_t{1} << kSmallPageBits> content{};
  vm_.swap.take(small, content);
  stage_.port().write_frame(page.base, content);
  stage_.port().spend(Cause::kSwapIn, stage_.params().swap_in_4k_cycles);
  ++stage_.statistics().pages_swapped_in;
}

// What was swapped out comes back as a small page: it has the table that it was unlinked from,
// since only a table full of pages is ever replaced by a large page.
unsigned NestedPager::preferred_level(Gpa address) const {
  if (vm_.swap.contains(address.page(kSmallPageBits))) {
    return 1;
  }
  const PagingFormat& format = stage_.format();
  unsigned level = std::min<unsigned>(leaf_level(vm_.params.backing), format.levels);
  while (!format.level[level].can_be_leaf || (level == 3 && !stage_.control().page_1g)) {
    --level;
  }
  if (vm_.dirty_log && vm_.dirty_log->splits_pages &&
      vm_.dirty_log->overlaps(address.page(format.page_bits(level)), format.page_bits(level))) {
    return 1;
  }
  return level;
}

}  // namespace nestwalk
