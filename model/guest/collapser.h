// Makes one large page of the small pages of a naturally aligned block, as khugepaged does: every
// page is present, held by this process alone, and one of them was used of late.
//
//   Collapser collapser(tables, params, process.root, block);
//   if (collapser.is_candidate()) {
//     collapser.detach();          // no walk reaches the small pages any more
//     ... flush collapser.pages() on every CPU, what is cached of tables too ...
//     collapser.attach(large, rights);
//   }
//
// The content, and A and D if one page had it, go along. Not for: which blocks, and when.
#pragma once

#include <cstdint>
#include <vector>

#include "model/guest/guest_region.h"
#include "model/guest/table_editor.h"
#include "model/params/guest.h"

namespace nestwalk {

class Collapser {
 public:
  Collapser(TableEditor& tables, const GuestParams& params, Gpa root, Gva block)
      : tables_(tables), params_(params), block_(block), at_{root, tables.format().levels} {}

  [[nodiscard]] bool is_candidate();
  // Those that are there.
  [[nodiscard]] const std::vector<Gva>& pages() const { return pages_; }

  void detach() { tables_.store(at_, block_, 0); }
  void attach(Gpa large, GuestRegionRights rights);

 private:
  [[nodiscard]] Gva page_at(std::uint64_t index) const {
    return block_ + (index << kSmallPageBits);
  }
  [[nodiscard]] std::uint64_t num_pages() const {
    return bit(tables_.format().page_bits(at_.level) - kSmallPageBits);
  }

  TableEditor& tables_;
  const GuestParams& params_;
  Gva block_;
  TableRef at_;     // where the large page will be: level 2
  TableRef small_;  // the table of the small pages
  std::vector<Gva> pages_;
};

}  // namespace nestwalk
