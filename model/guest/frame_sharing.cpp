#include "model/guest/frame_sharing.h"

#include <iterator>

namespace nestwalk {

void FrameSharing::share(Gpa page, unsigned bits) {
  const std::uint64_t end = page.value() + bit(bits);
  const auto first = cut_at(page.value());
  const auto last = cut_at(end);
  for (auto it = first; it != last; ++it) {
    ++it->second;
  }
  join(page.value(), end);
}

bool FrameSharing::is_shared(Gpa page, unsigned bits) const {
  auto it = counts_.upper_bound(page.value());
  if (it != counts_.begin() && std::prev(it)->second != 0) {
    return true;
  }
  // Neighbours differ: of any two counts behind the first one is not 0.
  for (; it != counts_.end() && it->first < page.value() + bit(bits); ++it) {
    if (it->second != 0) {
      return true;
    }
  }
  return false;
}

// Makes the address a key, for the time of a change.
FrameSharing::Counts::iterator FrameSharing::cut_at(std::uint64_t address) {
  const auto above = counts_.upper_bound(address);
  if (above == counts_.begin()) {
    return counts_.emplace_hint(above, address, 0);
  }
  const auto at = std::prev(above);
  return at->first == address ? at : counts_.emplace_hint(above, address, at->second);
}

// Drops the keys from `begin` to `end`, both included, that say nothing new.
void FrameSharing::join(std::uint64_t begin, std::uint64_t end) {
  auto it = counts_.lower_bound(begin);
  while (it != counts_.end() && it->first <= end) {
    const std::uint32_t before = it == counts_.begin() ? 0 : std::prev(it)->second;
    it = it->second == before ? counts_.erase(it) : std::next(it);
  }
}

}  // namespace nestwalk
