// The frames of a guest's memory. A 32-bit kernel maps only the low part of it for good (the 896
// MiB of a 3G/1G split): its tables must lie there, and pages of processes lie above as long as
// there is room. For the 64-bit formats all memory is low.
//
//   GuestFrames frames(FrameAllocator<Gpa>(Gpa{0}, memory_bytes), layout.low_bytes);
//   frames.allocate_table();     // low
//   frames.allocate_page(21);    // high first
//   frames.free(page, 21);
//
// Pages leave a part of low memory to tables: a 32nd of high memory, as lowmem_reserve_ratio of
// Linux has it for the zone Normal. Not for: whose a frame is.
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/memory/frame_allocator.h"

namespace nestwalk {

enum class FrameZone : std::uint8_t { kAny, kLow };

class GuestFrames {
 public:
  GuestFrames() = default;
  GuestFrames(FrameAllocator<Gpa> frames, std::uint64_t low_bytes);

  [[nodiscard]] std::optional<Gpa> allocate_table();
  // 2^bits bytes for a process.
  [[nodiscard]] std::optional<Gpa> allocate_page(unsigned bits);
  void free(Gpa frame, unsigned bits) { allocator_of(frame).free(frame, bits); }

  // Whether the kernel reaches the frame over its direct map.
  [[nodiscard]] bool is_low(Gpa frame) const { return frame.value() < low_bytes_; }
  [[nodiscard]] bool is_allocated(Gpa frame, unsigned bits) const {
    return (is_low(frame) ? low_ : high_).is_allocated(frame, bits);
  }
  // Free frames of 4 KiB, whatever blocks they form.
  [[nodiscard]] std::uint64_t num_free() const { return low_.num_free() + high_.num_free(); }
  [[nodiscard]] std::uint64_t num_free_low() const { return low_.num_free(); }
  [[nodiscard]] std::uint64_t num_free_in(FrameZone zone) const {
    return zone == FrameZone::kLow ? num_free_low() : num_free();
  }
  [[nodiscard]] bool has_high() const { return has_high_; }

  // What the last allocation that failed was short of.
  [[nodiscard]] FrameZone shortage() const { return shortage_; }

 private:
  FrameAllocator<Gpa>& allocator_of(Gpa frame) { return is_low(frame) ? low_ : high_; }

  FrameAllocator<Gpa> high_;
  FrameAllocator<Gpa> low_;
  std::uint64_t low_bytes_ = 0;
  bool has_high_ = false;
  std::uint64_t num_reserved_low_ = 0;  // frames that are kept for tables
  FrameZone shortage_ = FrameZone::kAny;
};

}  // namespace nestwalk
