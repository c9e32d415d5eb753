#include "model/guest/space_copier.h"

#include <algorithm>

namespace nestwalk {

bool SpaceCopier::copy() {
  const unsigned levels = tables_.format().levels;
  const Pair roots{{parent_.root, levels}, {child_root_, levels}};
  for (const GuestRegion& region : parent_.regions.list()) {
    if (!copy_table(roots, region.start, region.end())) {
      return false;
    }
  }
  return true;
}

bool SpaceCopier::copy_table(const Pair& at, Gva start, Gva end) {
  const unsigned bits = tables_.format().page_bits(at.parent.level);
  Gva next;
  for (Gva address = start; address < end; address = next) {
    next = address.page(bits) + bit(bits);
    const std::uint64_t entry = tables_.load(at.parent, address);
    if (EntryCodec::is_empty(entry)) {
      continue;
    }
    if (tables_.codec().is_leaf(at.parent.level, entry)) {
      share_leaf(at, address);
      continue;
    }
    const std::optional<Gpa> table = child_table(at.child, address);
    if (!table) {
      return false;
    }
    const unsigned level = at.parent.level - 1;
    const Pair below{{EntryCodec::next_table(entry), level}, {*table, level}};
    if (!copy_table(below, address, std::min(next, end))) {
      return false;
    }
  }
  return true;
}

void SpaceCopier::share_leaf(const Pair& at, Gva address) {
  const EntryCodec& codec = tables_.codec();
  const unsigned level = at.parent.level;
  std::uint64_t before = 0;
  std::uint64_t shared = 0;
  do {  // again if the MMU sets A or D meanwhile
    before = tables_.load(at.parent, address);
    if (EntryCodec::is_swapped(before)) {
      tables_.swap().hold(EntryCodec::swap_slot(before));
      tables_.store(at.child, address, before);
      return;
    }
    shared = before & ~bit(x86::kWrite);
  } while (shared != before &&
           !tables_.replace(at.parent, address, {codec.bytes(), before, shared}));
  has_narrowed_ |= codec.narrows(before, shared);
  if ((shared & bit(x86::kDirty)) != 0) {  // what is in swap of it is of before
    tables_.swap().forget(codec.page(level, shared), tables_.format().page_bits(level));
  }
  tables_.share_page(codec.page(level, shared), tables_.format().page_bits(level));
  // The child has not used the page yet (as Linux has it: old, but as dirty as it is).
  tables_.store(at.child, address, shared & ~bit(x86::kAccessed));
}

std::optional<Gpa> SpaceCopier::child_table(TableRef at, Gva address) {
  const std::uint64_t entry = tables_.load(at, address);
  if (!EntryCodec::is_empty(entry)) {
    return EntryCodec::next_table(entry);  // another region's, or of a PAE root
  }
  const std::optional<Gpa> table = tables_.allocate_table();
  if (table) {
    tables_.store(at, address, tables_.codec().table(at.level, *table, EntryCodec::Half::kUser));
  }
  return table;
}

}  // namespace nestwalk
