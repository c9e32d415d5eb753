// How many page-table entries hold a data frame beyond the first: copy-on-write after a fork.
// Counts ranges, not frames, so that a shared 1G page costs what a shared 4K page does, and a part
// of a large page can be given up on its own.
//
//   FrameSharing sharing;
//   sharing.share(page, 21);                                       // a child holds it as well
//   sharing.is_shared(page + 0x1000, 12);                          // true
//   sharing.release(page, 21, [&](Gpa block, unsigned bits) {...}); // called for what nobody holds
//
// Not for: which frames are handed out (FrameAllocator), nor who holds them.
#pragma once

#include <bit>
#include <cstdint>
#include <map>

#include "model/arch/address.h"
#include "model/arch/bits.h"

namespace nestwalk {

class FrameSharing {
 public:
  // One holder more for every frame of a page.
  void share(Gpa page, unsigned bits);

  // Whether some frame of the page has a second holder.
  [[nodiscard]] bool is_shared(Gpa page, unsigned bits) const;

  // One holder less. Calls visit(Gpa block, unsigned bits) for every naturally aligned block of the
  // page, as large as may be, that this was the last holder of.
  template <class Visit>
  void release(Gpa page, unsigned bits, Visit&& visit) {
    if (!is_shared(page, bits)) {
      visit(page, bits);
      return;
    }
    const std::uint64_t end = page.value() + bit(bits);
    const auto first = cut_at(page.value());
    const auto last = cut_at(end);
    for (auto it = first; it != last;) {
      const std::uint64_t begin = it->first;
      const bool is_last_holder = it->second == 0;
      it->second -= is_last_holder ? 0 : 1;
      ++it;
      if (is_last_holder) {
        visit_blocks(begin, it->first, visit);
      }
    }
    join(page.value(), end);
  }

  // Nothing is shared, and nothing is stored about it.
  [[nodiscard]] bool is_empty() const { return counts_.empty(); }

 private:
  using Counts = std::map<std::uint64_t, std::uint32_t>;

  Counts::iterator cut_at(std::uint64_t address);
  void join(std::uint64_t begin, std::uint64_t end);

  template <class Visit>
  static void visit_blocks(std::uint64_t begin, std::uint64_t end, Visit& visit) {
    while (begin < end) {
      const unsigned fits = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
      const unsigned aligned = static_cast<unsigned>(std::countr_zero(begin));
      const unsigned bits = fits < aligned ? fits : aligned;
      visit(Gpa(begin), bits);
      begin += bit(bits);
    }
  }

  // The number of further holders from an address on, up to the next key. Neighbours differ; before
  // the first key and from the last one on it is 0.
  Counts counts_;
};

}  // namespace nestwalk
