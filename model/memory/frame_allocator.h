// Hands out frames of 4 KiB, 2 MiB, 1 GiB or any other power of two from ranges of an address
// space. Costs nothing per frame that was never freed, so a terabyte range is free to set up. A
// value.
//
//   FrameAllocator<Hpa> frames(Hpa{0}, memory.size_bytes());
//   frames.reserve(Hpa{0}, 1 << 20);
//   if (const std::optional<Hpa> table = frames.allocate(12)) { ... }
//
// Order: the frame of that size freed last comes first, as guest kernels do (it is what makes them
// clear recycled page tables); then the lowest address never handed out. When neither has a frame
// of the size, all freed frames are merged and the lowest fitting block is taken.
// Not for: knowing whose a frame is (FrameOwnerMap), content (a new frame may hold old data).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/arch/paging_format.h"

namespace nestwalk {

template <class Space>
class FrameAllocator;

template <class Space>
class FrameAllocator<Address<Space>> {
 public:
  using AddressType = Address<Space>;

  FrameAllocator() = default;
  FrameAllocator(AddressType base, std::uint64_t num_bytes) { add_range(base, num_bytes); }

  // More frames to hand out; whole 4 KiB frames, apart from all earlier ranges.
  void add_range(AddressType base, std::uint64_t num_bytes) {
    const Extent added = whole_frames(base, num_bytes);
    fatal_unless(!overlaps(ranges_, added), "a range is added once");
    insert(ranges_, added);
    insert(fresh_, added);
    num_free_bytes_ += num_bytes;
  }

  // Takes free frames out for good; they are neither handed out nor taken back.
  void reserve(AddressType base, std::uint64_t num_bytes) {
    const Extent wanted = whole_frames(base, num_bytes);
    if (!covers(fresh_, wanted)) {
      merge_freed();
    }
    fatal_unless(covers(fresh_, wanted), "only free frames can be reserved");
    remove(fresh_, wanted);
    remove(ranges_, wanted);  // no longer ours: a free of it is foreign
    num_free_bytes_ -= num_bytes;
  }

  // Takes out all that lies at or behind an address, and returns it as an allocator of its own. The
  // address is no inner part of a frame that was handed out.
  [[nodiscard]] FrameAllocator split_off(AddressType start) {
    merge_freed();
    FrameAllocator upper;
    upper.ranges_ = cut_off(ranges_, start.value());
    upper.fresh_ = cut_off(fresh_, start.value());
    for (const auto& [end, begin] : upper.fresh_) {
      upper.num_free_bytes_ += end - begin;
    }
    num_free_bytes_ -= upper.num_free_bytes_;
    return upper;
  }

  // A naturally aligned frame of 2^page_bits bytes; nothing when no such block is free.
  [[nodiscard]] std::optional<AddressType> allocate(unsigned page_bits) {
    check_page_bits(page_bits);
    std::vector<std::uint64_t>& stack = freed_stack_[page_bits];
    if (!stack.empty()) {
      const std::uint64_t base = stack.back();
      stack.pop_back();
      freed_.erase(base);
      num_free_bytes_ -= bit(page_bits);
      return AddressType(base);
    }
    std::optional<AddressType> frame = take_fresh(page_bits);
    if (!frame && !freed_.empty()) {
      merge_freed();
      frame = take_fresh(page_bits);
    }
    return frame;
  }

  // Takes a frame back. It may be part of a larger frame that was handed out, or made of smaller
  // ones; all of it must be handed out now.
  void free(AddressType frame, unsigned page_bits) {
    fatal_unless(is_allocated(frame, page_bits), "a freed frame was handed out and not yet freed");
    freed_.emplace(frame.value(), page_bits);
    freed_stack_[page_bits].push_back(frame.value());
    num_free_bytes_ += bit(page_bits);
  }

  // Whether every byte of the frame is handed out.
  [[nodiscard]] bool is_allocated(AddressType frame, unsigned page_bits) const {
    check_page_bits(page_bits);
    fatal_unless(frame.offset(page_bits) == 0, "a frame is naturally aligned");
    const Extent extent{frame.value(), frame.value() + bit(page_bits)};
    if (!covers(ranges_, extent) || overlaps(fresh_, extent)) {
      return false;
    }
    auto next = freed_.lower_bound(extent.begin);
    if (next != freed_.end() && next->first < extent.end) {
      return false;
    }
    if (next == freed_.begin()) {
      return true;
    }
    --next;
    return next->first + bit(next->second) <= extent.begin;
  }

  // Free frames of 4 KiB, whatever blocks they form.
  [[nodiscard]] std::uint64_t num_free() const { return num_free_bytes_ >> kSmallPageBits; }
  [[nodiscard]] std::uint64_t num_free_bytes() const { return num_free_bytes_; }

 private:
  static constexpr unsigned kMaxPageBits = 52;

  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  // Disjoint extents, end -> begin: taking from the front of one leaves its key in place.
  using Extents = std::map<std::uint64_t, std::uint64_t>;

  static void check_page_bits(unsigned page_bits) {
    fatal_unless(page_bits >= kSmallPageBits && page_bits <= kMaxPageBits,
                 "a frame is at least 4 KiB and at most the address space");
  }
  static Extent whole_frames(AddressType base, std::uint64_t num_bytes) {
    fatal_unless(base.offset(kSmallPageBits) == 0 &&
                     AddressType(num_bytes).offset(kSmallPageBits) == 0 &&
                     base.value() + num_bytes >= base.value(),
                 "a range is made of whole 4 KiB frames");
    return {base.value(), base.value() + num_bytes};
  }
  static bool overlaps(const Extents& extents, Extent e) {
    const auto it = extents.upper_bound(e.begin);  // the first that ends behind e.begin
    return e.begin < e.end && it != extents.end() && it->second < e.end;
  }
  static bool covers(const Extents& extents, Extent e) {
    const auto it = extents.upper_bound(e.begin);
    return e.begin == e.end || (it != extents.end() && it->second <= e.begin && e.end <= it->first);
  }
  // Adds an extent that overlaps none, merging it with its neighbours.
  static void insert(Extents& extents, Extent e) {
    if (e.begin == e.end) {
      return;
    }
    auto it = extents.lower_bound(e.begin);
    if (it != extents.end() && it->first == e.begin) {
      e.begin = it->second;
      it = extents.erase(it);
    }
    if (it != extents.end() && it->second == e.end) {
      it->second = e.begin;
      return;
    }
    extents.emplace_hint(it, e.end, e.begin);
  }
  // Cuts out an extent that is covered.
  static void remove(Extents& extents, Extent e) {
    if (e.begin == e.end) {
      return;
    }
    const auto it = extents.upper_bound(e.begin);
    const Extent whole{it->second, it->first};
    extents.erase(it);
    insert(extents, {whole.begin, e.begin});
    insert(extents, {e.end, whole.end});
  }

  // Moves what lies at or behind an address out of the extents.
  static Extents cut_off(Extents& extents, std::uint64_t start) {
    Extents upper;
    while (!extents.empty() && std::prev(extents.end())->first > start) {
      const Extent whole{std::prev(extents.end())->second, std::prev(extents.end())->first};
      extents.erase(std::prev(extents.end()));
      insert(upper, {std::max(whole.begin, start), whole.end});
      if (whole.begin < start) {
        insert(extents, {whole.begin, start});
      }
    }
    return upper;
  }

  std::optional<AddressType> take_fresh(unsigned page_bits) {
    const std::uint64_t size = bit(page_bits);
    for (auto it = fresh_.begin(); it != fresh_.end(); ++it) {
      const Extent whole{it->second, it->first};
      const std::uint64_t base = (whole.begin + size - 1) & ~(size - 1);
      if (base < whole.begin || base >= whole.end || whole.end - base < size) {
        continue;
      }
      if (base == whole.begin && base + size < whole.end) {
        it->second = base + size;
      } else {
        remove(fresh_, {base, base + size});
      }
      num_free_bytes_ -= size;
      return AddressType(base);
    }
    return std::nullopt;
  }

  void merge_freed() {
    for (const auto& [base, page_bits] : freed_) {
      insert(fresh_, {base, base + bit(page_bits)});
    }
    freed_.clear();
    for (auto& stack : freed_stack_) {
      stack.clear();
    }
  }

  Extents ranges_;                           // all that this allocator manages
  Extents fresh_;                            // free, to be handed out lowest first
  std::map<std::uint64_t, unsigned> freed_;  // free again: base -> page bits
  std::array<std::vector<std::uint64_t>, kMaxPageBits + 1> freed_stack_;  // the same, by size
  std::uint64_t num_free_bytes_ = 0;
};

}  // namespace nestwalk
