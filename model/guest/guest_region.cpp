#include "model/guest/guest_region.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/arch/paging_format.h"

namespace nestwalk {

bool GuestRegionMap::insert(GuestRegion region) {
  if (overlaps(region.start, region.end())) {
    return false;
  }
  const Gva start = region.start;
  regions_.emplace(start, std::move(region));
  return true;
}

std::vector<GuestRegion> GuestRegionMap::remove(Gva start, Gva end) {
  std::vector<GuestRegion> removed;
  auto it = regions_.upper_bound(start);
  if (it != regions_.begin()) {
    --it;
  }
  while (it != regions_.end() && it->first < end) {
    const GuestRegion whole = it->second;
    if (whole.end() <= start) {
      ++it;
      continue;
    }
    it = regions_.erase(it);
    if (whole.start < start) {
      GuestRegion left = whole;
      left.length_bytes = start.value() - whole.start.value();
      if (left.growth == Growth::kUp) {
        left.growth = Growth::kNone;
      }
      regions_.emplace(left.start, left);
    }
    if (whole.end() > end) {
      GuestRegion right = whole;
      right.start = end;
      right.length_bytes = whole.end().value() - end.value();
      if (right.growth == Growth::kDown) {
        right.growth = Growth::kNone;
      }
      regions_.emplace(right.start, right);
    }
    GuestRegion cut = whole;
    cut.start = std::max(whole.start, start);
    cut.length_bytes = std::min(whole.end(), end).value() - cut.start.value();
    removed.push_back(std::move(cut));
  }
  return removed;
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
