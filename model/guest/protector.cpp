#include "model/guest/protector.h"

#include <algorithm>

namespace nestwalk {

void Protector::apply_table(TableRef at, Gva start, Gva end, GuestRegionRights rights) {
  const unsigned bits = tables_.format().page_bits(at.level);
  Gva next;
  for (Gva address = start; address < end; address = next) {
    next = address.page(bits) + bit(bits);
    const std::uint64_t entry = tables_.load(at, address);
    if (EntryCodec::is_empty(entry)) {
      continue;
    }
    if (tables_.codec().is_leaf(at.level, entry)) {
      apply_leaf(at, address, rights);
    } else {
      apply_table({EntryCodec::next_table(entry), at.level - 1}, address, std::min(next, end),
                  rights);
    }
  }
}

void Protector::apply_leaf(TableRef at, Gva address, GuestRegionRights rights) {
  const EntryCodec& codec = tables_.codec();
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  do {  // again if the MMU sets A or D meanwhile
    before = tables_.load(at, address);
    if (EntryCodec::is_swapped(before)) {
      return;  // comes back with the rights of its region
    }
    GuestRegionRights given = rights;
    given.write = rights.write && !tables_.is_shared(codec.page(at.level, before),
                                                     tables_.format().page_bits(at.level));
    // A page that may be written may be read, whether or not it may be written right now.
    given.read = rights.permits(AccessType::kRead);
    after = codec.with_rights(before, given);
  } while (after != before && !tables_.replace(at, address, {codec.bytes(), before, after}));
  if (codec.narrows(before, after)) {
    narrowed_.push_back(address);
  }
}

}  // namespace nestwalk
