// Goes through the entries of pages in a range, as the tables have them at that moment.
//
//   const Gva next = visit_leaves(tables, {root, levels}, start, end,
//                                 [&](TableRef at, Gva address, std::uint64_t entry) {
//                                   return LeafVisit::kGoOn;
//                                 });
//
// Reads every table entry on the way; what is empty is passed over.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/guest/table_editor.h"

namespace nestwalk {

enum class LeafVisit : std::uint8_t {
  kGoOn,
  kAgain,  // the entry is another one now: it is read again
  kStop,   // behind this page
};

// `address` of a call is in the range, and the page may begin before it. Returns where it ended.
template <class Visit>
Gva visit_leaves(TableEditor& tables, TableRef at, Gva start, Gva end, Visit&& visit) {
  const unsigned bits = tables.format().page_bits(at.level);
  Gva address = start;
  while (address < end) {
    const Gva next = std::min(end, address.page(bits) + bit(bits));
    const std::uint64_t entry = tables.load(at, address);
    if (EntryCodec::is_empty(entry)) {
      address = next;
      continue;
    }
    if (!tables.codec().is_leaf(at.level, entry)) {
      const TableRef below{EntryCodec::next_table(entry), at.level - 1};
      const Gva reached = visit_leaves(tables, below, address, next, visit);
      if (reached < next) {
        return reached;
      }
      address = next;
      continue;
    }
    const LeafVisit result = visit(at, address, entry);
    if (result == LeafVisit::kAgain) {
      continue;
    }
    address = next;
    if (result == LeafVisit::kStop) {
      return address;
    }
  }
  return address;
}

}  // namespace nestwalk
