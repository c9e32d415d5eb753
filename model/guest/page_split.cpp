#include "model/guest/page_split.h"

#include <optional>

namespace nestwalk {

bool split_leaf(TableEditor& tables, TableRef at, Gva address) {
  const std::optional<Gpa> table = tables.allocate_table();
  if (!table) {
    return false;
  }
  const PagingFormat& format = tables.format();
  const TableRef below{*table, at.level - 1};
  const unsigned bits = format.page_bits(below.level);
  const Gva first = address.page(format.page_bits(at.level));
  std::uint64_t entry = 0;
  do {  // again if the MMU sets A or D meanwhile
    entry = tables.load(at, address);
    std::uint64_t small = entry;
    if (below.level == 1) {
      small &= ~bit(x86::kPageSize);
    }
    for (std::uint64_t i = 0; i < bit(format.level[below.level].index_bits); ++i) {
      tables.store(below, first + (i << bits), small + (i << bits));
    }
  } while (!tables.replace(at, address,
                           {tables.codec().bytes(), entry,
                            tables.codec().table(at.level, *table, EntryCodec::Half::kUser)}));
  ++tables.statistics().pages_split;
  return true;
}

bool make_page_boundary(TableEditor& tables, Gpa root, Gva address) {
  TableRef at{root, tables.format().levels};
  for (;;) {
    const std::uint64_t entry = tables.load(at, address);
    if (EntryCodec::is_empty(entry)) {
      return true;
    }
    if (tables.codec().is_leaf(at.level, entry)) {
      if (address.offset(tables.format().page_bits(at.level)) == 0) {
        return true;
      }
      if (!split_leaf(tables, at, address)) {
        return false;
      }
      continue;  // the entry now points to a table
    }
    at = {EntryCodec::next_table(entry), at.level - 1};
  }
}

}  // namespace nestwalk
