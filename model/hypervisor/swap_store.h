// Where guest pages are that have no frame: bytes outside the simulated memory, by guest page.
//
//   swap.put(page, content);                       // 4 KiB
//   if (swap.contains(page)) { swap.take(page, content); }
//
// A page of zeros takes no room. Not for time: what moving a page costs is the hypervisor's to
// spend.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/check.h"

namespace nestwalk {

class SwapStore {
 public:
  void put(Gpa page, std::span<const std::byte> content) {
    const bool is_zero =
        std::all_of(content.begin(), content.end(), [](std::byte b) { return b == std::byte{0}; });
    pages_[page.value()] = is_zero ? Content{} : Content(content.begin(), content.end());
  }
  [[nodiscard]] bool contains(Gpa page) const { return pages_.contains(page.value()); }
  // Gives the content back and forgets it.
  void take(Gpa page, std::span<std::byte> content) {
    const auto found = pages_.find(page.value());
    fatal_unless(found != pages_.end(), "a page is taken from swap where it was put");
    if (found->second.empty()) {
      std::fill(content.begin(), content.end(), std::byte{0});
    } else {
      std::copy(found->second.begin(), found->second.end(), content.begin());
    }
    pages_.erase(found);
  }
  // Forgets the pages of [start, end); returns how many there were.
  std::uint64_t drop(Gpa start, Gpa end) {
    const auto first = pages_.lower_bound(start.value());
    const auto last = pages_.lower_bound(end.value());
    const auto dropped = static_cast<std::uint64_t>(std::distance(first, last));
    pages_.erase(first, last);
    return dropped;
  }
  [[nodiscard]] std::uint64_t num_pages() const { return pages_.size(); }

 private:
  using Content = std::vector<std::byte>;
  std::map<std::uint64_t, Content> pages_;  // by address; empty: zeros
};

}  // namespace nestwalk
