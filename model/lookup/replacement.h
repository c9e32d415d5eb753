// Which entry of a full set gives way. One object holds the state of all sets of an array.
//
//   ReplacementState state(Replacement::kLru, {.sets = 16, .ways = 4, .seed = 1});
//   state.filled(set, way);                 // an entry came in
//   state.used(set, way);                   // a hit
//   const unsigned way = state.victim(set);  // the set is full
//
// LRU: exact, by a stamp of the last use. Tree-PLRU: a binary tree over the next power of two of
// the ways, one bit a node that points away from the last use; where the ways are no power of two,
// a victim search never enters a subtree without ways, whatever the bit says. Random: splitmix64,
// drawn only for a victim. SRRIP: two bits, hit priority; an entry comes in at 2, a hit makes it 0,
// the victim is the lowest way at 3, all ways ageing until there is one. Not for free ways: the
// array fills those first, lowest way first, and tells filled().
#pragma once

#include <cstdint>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/params/structures.h"

namespace nestwalk {

struct ReplacementShape {
  std::uint32_t sets = 1;
  std::uint32_t ways = 1;
  std::uint64_t seed = 0;  // random only
};

class ReplacementState {
 public:
  ReplacementState() = default;
  ReplacementState(Replacement policy, const ReplacementShape& shape);

  void used(std::uint32_t set, std::uint32_t way) {
    if (policy_ == Replacement::kLru) {
      stamps_[set * ways_ + way] = ++clock_;
    } else {
      touch(set, way);
    }
  }
  // The same of slot set * ways + way: spares LRU, which is used most, a division.
  void used_slot(std::uint32_t slot) {
    if (policy_ == Replacement::kLru) {
      stamps_[slot] = ++clock_;
    } else {
      touch(slot / ways_, slot % ways_);
    }
  }
  void filled(std::uint32_t set, std::uint32_t way);
  [[nodiscard]] std::uint32_t victim(std::uint32_t set);

  friend bool operator==(const ReplacementState&, const ReplacementState&) = default;

 private:
  void touch(std::uint32_t set, std::uint32_t way);
  [[nodiscard]] std::uint32_t tree_victim(std::uint32_t set) const;
  [[nodiscard]] std::uint32_t srrip_victim(std::uint32_t set);

  Replacement policy_ = Replacement::kLru;
  std::uint32_t ways_ = 0;
  std::uint32_t leaves_ = 1;  // tree-PLRU: next power of two of the ways
  std::uint64_t clock_ = 0;   // LRU: time of the last use
  SplitMix random_{0};
  std::vector<std::uint64_t> stamps_;  // LRU
  std::vector<std::uint8_t> bits_;     // tree-PLRU: nodes, 1 = the victim is to the right; SRRIP
};

}  // namespace nestwalk
