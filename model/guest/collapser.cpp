#include "model/guest/collapser.h"

namespace nestwalk {

bool Collapser::is_candidate() {
  const EntryCodec& codec = tables_.codec();
  std::uint64_t entry = tables_.load(at_, block_);
  while (at_.level > 2 && !EntryCodec::is_empty(entry) && !codec.is_leaf(at_.level, entry)) {
    at_ = {EntryCodec::next_table(entry), at_.level - 1};
    entry = tables_.load(at_, block_);
  }
  if (at_.level > 2 || EntryCodec::is_empty(entry) || codec.is_leaf(at_.level, entry)) {
    return false;
  }
  small_ = {EntryCodec::next_table(entry), 1};
  std::uint64_t num_missing = 0;
  bool is_used = false;
  for (std::uint64_t i = 0; i < num_pages(); ++i) {
    const std::uint64_t small = tables_.load(small_, page_at(i));
    if (EntryCodec::is_empty(small)) {
      if (++num_missing > params_.collapse.max_missing_pages) {
        return false;
      }
      continue;
    }
    if (!EntryCodec::is_present(small) || tables_.is_shared(codec.page(1, small), kSmallPageBits)) {
      return false;
    }
    is_used |= (small & bit(x86::kAccessed)) != 0;
    pages_.push_back(page_at(i));
  }
  return is_used;
}

void Collapser::attach(Gpa large, GuestRegionRights rights) {
  const EntryCodec& codec = tables_.codec();
  LeafAttributes attributes{.write = rights.write, .user = true, .execute = rights.execute};
  std::vector<Gpa> frames;
  for (std::uint64_t i = 0; i < num_pages(); ++i) {
    const Gpa part = large + (i << kSmallPageBits);
    const std::uint64_t entry = tables_.load(small_, page_at(i));  // A and D as they are at last
    if (EntryCodec::is_empty(entry)) {
      if (params_.clear_data_pages) {
        tables_.clear(part, kSmallPageBits);
      }
      continue;
    }
    attributes.accessed |= (entry & bit(x86::kAccessed)) != 0;
    attributes.dirty |= (entry & bit(x86::kDirty)) != 0;
    frames.push_back(codec.page(1, entry));
    tables_.copy(part, frames.back());
  }
  tables_.store(at_, block_, codec.leaf(at_.level, large, attributes));
  for (const Gpa frame : frames) {
    tables_.release_page(frame, kSmallPageBits);
  }
  tables_.free_table(small_.table);
}

}  // namespace nestwalk
