#include "model/guest/guest_region.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/arch/paging_format.h"

namespace nestwalk {

namespace {

// A part of a region. It may still grow where the whole could, to the same address and no further.
GuestRegion slice(const GuestRegion& whole, Gva start, Gva end) {
  GuestRegion part = whole;
  part.start = start;
  part.length_bytes = end.value() - start.value();
  const bool may_grow = (whole.growth == Growth::kDown && start == whole.start) ||
                        (whole.growth == Growth::kUp && end == whole.end());
  if (may_grow) {
    part.max_bytes -= std::min(part.max_bytes, whole.length_bytes - part.length_bytes);
  } else {
    part.growth = Growth::kNone;
    part.max_bytes = 0;
  }
  return part;
}

bool can_join(const GuestRegion& left, const GuestRegion& right) {
  return left.end() == right.start && left.rights == right.rights && left.name == right.name &&
         left.growth != Growth::kUp && right.growth != Growth::kDown &&
         (left.growth == Growth::kNone || right.growth == Growth::kNone);
}

GuestRegion joined(const GuestRegion& left, const GuestRegion& right) {
  GuestRegion whole = left;
  whole.length_bytes = left.length_bytes + right.length_bytes;
  if (left.growth == Growth::kDown) {
    whole.max_bytes = left.max_bytes + right.length_bytes;
  } else if (right.growth == Growth::kUp) {
    whole.growth = Growth::kUp;
    whole.max_bytes = right.max_bytes + left.length_bytes;
  }
  return whole;
}

}  // namespace

bool GuestRegionMap::insert(GuestRegion region) {
  if (overlaps(region.start, region.end())) {
    return false;
  }
  const Gva start = region.start;
  regions_.emplace(start, std::move(region));
  return true;
}

bool GuestRegionMap::insert_joined(GuestRegion region) {
  const Gva start = region.start;
  const Gva end = region.end();
  if (!insert(std::move(region))) {
    return false;
  }
  join_at(end);
  join_at(start);
  return true;
}

// The first region that ends behind an address.
GuestRegionMap::Regions::const_iterator GuestRegionMap::first_behind(Gva start) const {
  const auto above = regions_.upper_bound(start);
  return above != regions_.begin() && std::prev(above)->second.end() > start ? std::prev(above)
                                                                             : above;
}

void GuestRegionMap::join_at(Gva border) {
  const auto right = regions_.find(border);
  if (right == regions_.end() || right == regions_.begin()) {
    return;
  }
  const auto left = std::prev(right);
  if (can_join(left->second, right->second)) {
    left->second = joined(left->second, right->second);
    regions_.erase(right);
  }
}

std::vector<GuestRegion> GuestRegionMap::remove(Gva start, Gva end) {
  std::vector<GuestRegion> removed;
  auto it = first_behind(start);
  while (it != regions_.end() && it->first < end) {
    const GuestRegion whole = it->second;
    it = regions_.erase(it);
    if (whole.start < start) {
      regions_.emplace(whole.start, slice(whole, whole.start, start));
    }
    if (whole.end() > end) {
      regions_.emplace(end, slice(whole, end, whole.end()));
    }
    removed.push_back(slice(whole, std::max(whole.start, start), std::min(whole.end(), end)));
  }
  return removed;
}

std::vector<GuestRegion> GuestRegionMap::pieces(Gva start, Gva end) const {
  std::vector<GuestRegion> found;
  for (auto it = first_behind(start); it != regions_.end() && it->first < end; ++it) {
    const GuestRegion& whole = it->second;
    found.push_back(slice(whole, std::max(whole.start, start), std::min(whole.end(), end)));
  }
  return found;
}

void GuestRegionMap::set_rights(Gva start, Gva end, GuestRegionRights rights) {
  for (GuestRegion& piece : remove(start, end)) {
    const Gva border = piece.start;
    piece.rights = rights;
    regions_.emplace(border, std::move(piece));
    join_at(border);
  }
  join_at(end);
}

const GuestRegion* GuestRegionMap::find(Gva address) const {
  auto it = regions_.upper_bound(address);
  if (it == regions_.begin()) {
    return nullptr;
  }
  --it;
  return it->second.contains(address) ? &it->second : nullptr;
}

const GuestRegion* GuestRegionMap::find_for_fault(Gva address) {
  if (const GuestRegion* region = find(address)) {
    return region;
  }
  const Gva page = address.page(kSmallPageBits);
  const auto above = regions_.upper_bound(address);
  if (above != regions_.end() && above->second.growth == Growth::kDown &&
      above->second.end().value() - page.value() <= above->second.max_bytes) {
    GuestRegion grown = above->second;
    grown.length_bytes = grown.end().value() - page.value();
    grown.start = page;
    regions_.erase(above);
    return &regions_.emplace(page, std::move(grown)).first->second;
  }
  if (above != regions_.begin()) {
    GuestRegion& below = std::prev(above)->second;
    const std::uint64_t needed = page.value() - below.start.value() + bit(kSmallPageBits);
    if (below.growth == Growth::kUp && needed <= below.max_bytes) {
      below.length_bytes = needed;
      return &below;
    }
  }
  return nullptr;
}

bool GuestRegionMap::overlaps(Gva start, Gva end) const {
  const auto above = regions_.lower_bound(start);
  if (above != regions_.end() && above->first < end) {
    return true;
  }
  return above != regions_.begin() && std::prev(above)->second.end() > start;
}

std::vector<GuestRegion> GuestRegionMap::list() const {
  std::vector<GuestRegion> regions;
  regions.reserve(regions_.size());
  for (const auto& [start, region] : regions_) {
    regions.push_back(region);
  }
  return regions;
}

}  // namespace nestwalk
