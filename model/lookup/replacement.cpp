#include "model/lookup/replacement.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace nestwalk {
namespace {

constexpr std::uint8_t kSrripFar = 3;
constexpr std::uint8_t kSrripFilled = 2;

}  // namespace

ReplacementState::ReplacementState(Replacement policy, const ReplacementShape& shape)
    : policy_(policy), ways_(shape.ways), leaves_(std::bit_ceil(shape.ways)) {
  const std::size_t entries = std::size_t{shape.sets} * shape.ways;
  switch (policy_) {
    case Replacement::kLru:
      stamps_.assign(entries, 0);
      break;
    case Replacement::kTreePlru:
      bits_.assign(std::size_t{shape.sets} * leaves_, 0);  // node 0 of each set is unused
      break;
    case Replacement::kRandom:
      random_ = SplitMix(shape.seed);
      break;
    case Replacement::kSrrip:
      bits_.assign(entries, kSrripFar);
      break;
  }
}

void ReplacementState::filled(std::uint32_t set, std::uint32_t way) {
  if (policy_ == Replacement::kSrrip) {
    bits_[std::size_t{set} * ways_ + way] = kSrripFilled;
  } else {
    used(set, way);
  }
}

void ReplacementState::touch(std::uint32_t set, std::uint32_t way) {
  if (policy_ == Replacement::kSrrip) {
    bits_[std::size_t{set} * ways_ + way] = 0;
  } else if (policy_ == Replacement::kTreePlru) {
    std::uint8_t* const tree = &bits_[std::size_t{set} * leaves_];
    for (std::uint32_t node = leaves_ + way; node > 1; node /= 2) {
      tree[node / 2] = node % 2 == 0 ? 1 : 0;  // the used way is left: the victim is right
    }
  }
}

std::uint32_t ReplacementState::victim(std::uint32_t set) {
  switch (policy_) {
    case Replacement::kLru: {
      const auto first = stamps_.begin() + static_cast<std::ptrdiff_t>(std::size_t{set} * ways_);
      return static_cast<std::uint32_t>(std::min_element(first, first + ways_) - first);
    }
    case Replacement::kTreePlru:
      return tree_victim(set);
    case Replacement::kRandom:
      return static_cast<std::uint32_t>(random_.draw() % ways_);
    case Replacement::kSrrip:
      break;
  }
  return srrip_victim(set);
}

std::uint32_t ReplacementState::tree_victim(std::uint32_t set) const {
  const std::uint8_t* const tree = &bits_[std::size_t{set} * leaves_];
  std::uint32_t node = 1;
  std::uint32_t first_way = 0;
  for (std::uint32_t half = leaves_ / 2; half > 0; half /= 2) {
    const bool right = tree[node] != 0 && first_way + half < ways_;
    node = 2 * node + (right ? 1 : 0);
    first_way += right ? half : 0;
  }
  return first_way;
}

std::uint32_t ReplacementState::srrip_victim(std::uint32_t set) {
  const auto first = bits_.begin() + static_cast<std::ptrdiff_t>(std::size_t{set} * ways_);
  const auto last = first + ways_;
  const auto oldest = std::max_element(first, last);  // the lowest way among equals
  const auto age = static_cast<std::uint8_t>(kSrripFar - *oldest);
  for (auto entry = first; entry != last; ++entry) {
    *entry = static_cast<std::uint8_t>(*entry + age);
  }
  return static_cast<std::uint32_t>(oldest - first);
}

}  // namespace nestwalk
