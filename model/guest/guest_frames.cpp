#include "model/guest/guest_frames.h"

#include <utility>

namespace nestwalk {
namespace {

constexpr std::uint64_t kLowReserveRatio = 32;  // Linux: lowmem_reserve_ratio

}  // namespace

GuestFrames::GuestFrames(FrameAllocator<Gpa> frames, std::uint64_t low_bytes)
    : high_(frames.split_off(Gpa(low_bytes))),
      low_(std::move(frames)),
      low_bytes_(low_bytes),
      has_high_(high_.num_free() != 0),
      num_reserved_low_(high_.num_free() / kLowReserveRatio) {}

std::optional<Gpa> GuestFrames::allocate_table() {
  const std::optional<Gpa> table = low_.allocate(kSmallPageBits);
  if (!table) {
    shortage_ = FrameZone::kLow;
  }
  return table;
}

std::optional<Gpa> GuestFrames::allocate_page(unsigned bits) {
  if (const std::optional<Gpa> page = high_.allocate(bits)) {
    return page;
  }
  const std::uint64_t num_frames = bit(bits - kSmallPageBits);
  std::optional<Gpa> page;
  if (low_.num_free() >= num_reserved_low_ + num_frames) {
    page = low_.allocate(bits);
  }
  if (!page) {
    shortage_ = FrameZone::kAny;
  }
  return page;
}

}  // namespace nestwalk
