#include "model/hypervisor/shadow_reverse_map.h"

#include <algorithm>

#include "model/arch/check.h"

namespace nestwalk {

void ShadowReverseMap::add(Gpa page, unsigned level, ShadowLink leaf) {
  pages_.at(level)[page.value()].push_back(leaf);
  ++num_leaves_;
}

void ShadowReverseMap::remove(Gpa page, unsigned level, ShadowLink leaf) {
  auto& pages = pages_.at(level);
  const auto found = pages.find(page.value());
  fatal_unless(found != pages.end(), "a leaf that is removed is in the reverse map");
  std::vector<ShadowLink>& leaves = found->second;
  const auto at = std::find(leaves.begin(), leaves.end(), leaf);
  fatal_unless(at != leaves.end(), "a leaf that is removed is in the reverse map");
  leaves.erase(at);
  --num_leaves_;
  if (leaves.empty()) {
    pages.erase(found);
  }
}

const std::vector<ShadowLink>& ShadowReverseMap::leaves(Gpa page, unsigned level) const {
  static const std::vector<ShadowLink> kNone;
  const auto& pages = pages_.at(level);
  const auto found = pages.find(page.value());
  return found == pages.end() ? kNone : found->second;
}

}  // namespace nestwalk
