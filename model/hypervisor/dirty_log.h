// Which pages of a range of guest memory were written since the log began or was last harvested.
// The record alone; DirtyLogger keeps the tables in step with it.
//
//   vm.log_write(gpa);   // a write that no table entry tells of: the hypervisor's own
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/arch/address.h"
#include "model/hypervisor/page_set.h"
#include "model/params/hypervisor.h"

namespace nestwalk {

struct DirtyLog {
  DirtyLogMethod method = DirtyLogMethod::kWriteProtect;
  bool splits_pages = true;  // logged in pages of 4 KiB; else in those that back the range
  Gpa start;
  Gpa end;
  PageSet dirty;

  [[nodiscard]] bool covers(Gpa address) const { return start <= address && address < end; }
  [[nodiscard]] bool overlaps(Gpa page, unsigned bits) const {
    return page < end && start < page + bit(bits);
  }
  // The page of 2^bits bytes was written, as far as anybody knows.
  void mark(Gpa address, unsigned bits = kSmallPageBits) { mark_in(dirty, address, bits); }
  // Puts what the log covers of a page into a set.
  void mark_in(PageSet& pages, Gpa address, unsigned bits) const {
    const Gpa first = address.page(bits);
    if (start <= first && first + bit(bits) <= end) {
      pages.insert(first, bits);
      return;
    }
    for (Gpa page = std::max(first, start); page < std::min(first + bit(bits), end);
         page = page + bit(kSmallPageBits)) {
      pages.insert(page);
    }
  }
};

}  // namespace nestwalk
