#include "model/guest/unmapper.h"

#include <algorithm>
#include <optional>

namespace nestwalk {

bool Unmapper::split_at(Gva address) {
  TableRef at = root();
  for (;;) {
    const std::uint64_t entry = tables_.load(at, address);
    if (!EntryCodec::is_present(entry)) {
      return true;
    }
    if (tables_.codec().is_leaf(at.level, entry)) {
      if (address.offset(tables_.format().page_bits(at.level)) == 0) {
        return true;
      }
      if (!split_leaf(at, address)) {
        return false;
      }
      continue;  // the entry now points to a table
    }
    at = {EntryCodec::next_table(entry), at.level - 1};
  }
}

bool Unmapper::split_leaf(TableRef at, Gva address) {
  const std::optional<Gpa> table = tables_.allocate_table();
  if (!table) {
    return false;
  }
  const PagingFormat& format = tables_.format();
  const TableRef below{*table, at.level - 1};
  const unsigned bits = format.page_bits(below.level);
  const Gva first = address.page(format.page_bits(at.level));
  std::uint64_t entry = 0;
  do {  // again if the MMU sets A or D meanwhile
    entry = tables_.load(at, address);
    std::uint64_t small = entry;
    if (below.level == 1) {
      small &= ~bit(x86::kPageSize);
    }
    for (std::uint64_t i = 0; i < bit(format.level[below.level].index_bits); ++i) {
      tables_.store(below, first + (i << bits), small + (i << bits));
    }
  } while (!tables_.replace(at, address,
                            {tables_.codec().bytes(), entry,
                             tables_.codec().table(at.level, *table, EntryCodec::Half::kUser)}));
  ++statistics_.pages_split;
  return true;
}

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
    if (!EntryCodec::is_present(entry)) {
      continue;
    }
    if (tables_.codec().is_leaf(at.level, entry)) {
      tables_.store(at, address, 0);
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
    ++statistics_.pages_unmapped[page.level - 1];
    tables_.free_page(page.frame, tables_.format().page_bits(page.level));
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
