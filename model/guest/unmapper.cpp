#include "model/guest/unmapper.h"

#include <algorithm>

namespace nestwalk {

void Unmapper::clear(Gva start, Gva end) {
  clear_table(root(), start, end);
}

void Unmapper::clear_table(TableRef at, Gva start, Gva end) {
  const unsigned bits = tables_.format().page_bits(at.level);
  Gva next;
  for (Gva address = start; address < end; address = next) {
    const Gva first = address.page(bits);
    next = first + bit(bits);
    const std::uint64_t entry = tables_.load(at, address);
    if (EntryCodec::is_empty(entry)) {
      continue;
    }
    if (tables_.codec().is_leaf(at.level, entry)) {
      tables_.store(at, address, 0);
      if (EntryCodec::is_swapped(entry)) {
        tables_.swap().release(EntryCodec::swap_slot(entry));
        continue;
      }
      pages_.push_back({address, tables_.codec().page(at.level, entry), at.level});
      continue;
    }
    const Gpa table = EntryCodec::next_table(entry);
    clear_table({table, at.level - 1}, address, std::min(next, end));
    // A PAE PDPTE is a register while the process runs: its table stays for the process's life.
    if (tables_.format().level[at.level].has_rights && !process_.regions.overlaps(first, next)) {
      tables_.store(at, address, 0);
      cleared_tables_.push_back(table);
    }
  }
}

void Unmapper::release() {
  for (const Page& page : pages_) {
    ++tables_.statistics().pages_unmapped[page.level - 1];
    tables_.release_page(page.frame, tables_.format().page_bits(page.level));
  }
  for (const Gpa table : cleared_tables_) {
    tables_.free_table(table);
  }
  pages_.clear();
  cleared_tables_.clear();
}

void Unmapper::release_root() {
  const TableRef at = root();
  if (!tables_.format().level[at.level].has_rights) {
    for (Gva address; address.value() < guest_layout(tables_.format().id).user_end;
         address = address + bit(tables_.format().page_bits(at.level))) {
      tables_.free_table(EntryCodec::next_table(tables_.load(at, address)));
    }
  }
  tables_.free_table(process_.root);
}

}  // namespace nestwalk
