#include "model/guest/swap_space.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"
#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

// What an entry of 4 bytes can name beside its flags.
constexpr std::uint64_t kMaxSlots = bit(20) - 1;

}  // namespace

SwapSpace::SwapSpace(std::uint64_t num_bytes)
    : max_slots_(std::min(num_bytes >> kSmallPageBits, kMaxSlots)) {}

std::optional<SwapSlot> SwapSpace::allocate() {
  if (free_.empty() && slots_.size() < max_slots_) {
    slots_.emplace_back();
    free_.push_back(SwapSlot{static_cast<std::uint32_t>(slots_.size() - 1)});
  }
  while (free_.empty() && !cache_.empty()) {
    forget(Gpa(cache_.begin()->first), kSmallPageBits);
  }
  if (free_.empty()) {
    return std::nullopt;
  }
  const SwapSlot slot = free_.back();
  free_.pop_back();
  at(slot).num_holders = 1;
  return slot;
}

void SwapSpace::fill(SwapSlot slot, PageContent content) {
  const bool is_zero =
      std::all_of(content.begin(), content.end(), [](std::uint64_t word) { return word == 0; });
  at(slot).content = is_zero ? PageContent() : std::move(content);
}

const PageContent& SwapSpace::content(SwapSlot slot) const {
  return const_cast<SwapSpace*>(this)->at(slot).content;
}

void SwapSpace::hold(SwapSlot slot) {
  fatal_unless(at(slot).num_holders != 0, "a slot is held from its allocation on");
  ++at(slot).num_holders;
}

void SwapSpace::release(SwapSlot slot) {
  Slot& released = at(slot);
  fatal_unless(released.num_holders != 0, "a slot is released once by each holder");
  if (--released.num_holders == 0) {
    released.content = {};
    free_.push_back(slot);
  }
}

void SwapSpace::remember(Gpa frame, SwapSlot slot) {
  hold(slot);
  forget(frame, kSmallPageBits);
  cache_.emplace(frame.value(), slot);
}

void SwapSpace::forget(Gpa block, unsigned bits) {
  auto it = cache_.lower_bound(block.value());
  while (it != cache_.end() && it->first < block.value() + bit(bits)) {
    const SwapSlot slot = it->second;
    it = cache_.erase(it);
    release(slot);
  }
}

std::optional<SwapSlot> SwapSpace::remembered(Gpa frame) const {
  const auto it = cache_.find(frame.value());
  return it == cache_.end() ? std::nullopt : std::optional(it->second);
}

SwapSpace::Slot& SwapSpace::at(SwapSlot slot) {
  fatal_unless(static_cast<std::size_t>(slot) < slots_.size(), "a swap slot exists");
  return slots_[static_cast<std::size_t>(slot)];
}

}  // namespace nestwalk
