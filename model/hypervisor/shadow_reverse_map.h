// From a guest-physical page to the shadow leaves that map it: what has to be changed when the page
// becomes a table, is moved or taken away.
//
//   map.add(page, 1, {table, index});
//   for (const ShadowLink& leaf : map.leaves(page, 1)) ...
//
// A page is named by its first address and the level of its leaf.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/arch/address.h"

namespace nestwalk {

enum class ShadowId : std::uint32_t {};
inline constexpr ShadowId kNoShadow{0xffffffff};

// An entry of a shadow table.
struct ShadowLink {
  ShadowId table = kNoShadow;
  std::uint16_t index = 0;

  friend constexpr bool operator==(const ShadowLink&, const ShadowLink&) = default;
};

class ShadowReverseMap {
 public:
  static constexpr unsigned kMaxLevel = 3;

  void add(Gpa page, unsigned level, ShadowLink leaf);
  // It must be there.
  void remove(Gpa page, unsigned level, ShadowLink leaf);
  // Valid until the next change.
  [[nodiscard]] const std::vector<ShadowLink>& leaves(Gpa page, unsigned level) const;
  [[nodiscard]] std::size_t num_leaves() const { return num_leaves_; }

 private:
  std::array<std::unordered_map<std::uint64_t, std::vector<ShadowLink>>, kMaxLevel + 1> pages_;
  std::size_t num_leaves_ = 0;
};

}  // namespace nestwalk
