// Whose every host frame is. Kept as ranges of equal owner, so an untouched terabyte is one range.
//
//   FrameOwnerMap owners;
//   owners.set(frame, 4096, {FrameUse::kGuestFrame, vm});
//   owners.owner(frame).use;  // kGuestFrame
//
// Not for: allocation (FrameAllocator).
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <string_view>

#include "model/arch/address.h"
#include "model/arch/check.h"
#include "model/arch/paging_format.h"

namespace nestwalk {

enum class FrameUse : std::uint8_t {
  kFree,
  kHostTable,   // EPT, NPT (and shadow) tables of a VM
  kGuestFrame,  // backs guest memory
  kGuestTable,  // backs guest memory that holds a paging structure of the guest
  kVmm,         // the hypervisor's own
};
inline constexpr unsigned kNumFrameUses = 5;

inline constexpr std::array<std::string_view, kNumFrameUses> kFrameUseNames = {
    "free", "host_table", "guest_frame", "guest_table", "vmm"};

constexpr std::string_view name_of(FrameUse use) {
  return kFrameUseNames[static_cast<unsigned>(use)];
}

struct FrameOwner {
  FrameUse use = FrameUse::kFree;
  std::uint32_t vm = 0;  // meaningful for all but kFree and kVmm, where it is 0
  friend constexpr bool operator==(FrameOwner, FrameOwner) = default;
};

class FrameOwnerMap {
 public:
  // Whole 4 KiB frames; overwrites what was said of them before.
  void set(Hpa first, std::uint64_t num_bytes, FrameOwner owner) {
    const std::uint64_t begin = first.value();
    const std::uint64_t end = begin + num_bytes;
    fatal_unless(Hpa(begin | end).offset(kSmallPageBits) == 0 && begin < end,
                 "an owner has whole 4 KiB frames");
    ++version_;
    const FrameOwner behind = owner_at(end);
    ranges_.erase(ranges_.lower_bound(begin), ranges_.upper_bound(end));
    if (owner_before(begin) != owner) {
      ranges_.emplace(begin, owner);
    }
    if (behind != owner) {
      ranges_.emplace(end, behind);
    }
  }

  [[nodiscard]] FrameOwner owner(Hpa address) const { return owner_at(address.value()); }

  // Changes whenever something is said of any frame.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  // Bytes that belong to exactly this owner (any but free, of which there is no end).
  [[nodiscard]] std::uint64_t num_bytes(FrameOwner owner) const {
    fatal_unless(owner.use != FrameUse::kFree, "free frames are not counted");
    std::uint64_t sum = 0;
    for_each_range([&](Hpa, std::uint64_t num_bytes, FrameOwner range_owner) {
      sum += range_owner == owner ? num_bytes : 0;
    });
    return sum;
  }

  // Calls visit(Hpa first, std::uint64_t num_bytes, FrameOwner) for every maximal range that is not
  // free, in address order.
  template <class Visit>
  void for_each_range(Visit&& visit) const {
    for (auto it = ranges_.begin(); it != ranges_.end(); ++it) {
      if (it->second.use != FrameUse::kFree) {
        visit(Hpa(it->first), std::next(it)->first - it->first, it->second);
      }
    }
  }

 private:
  [[nodiscard]] FrameOwner owner_at(std::uint64_t address) const {
    const auto it = ranges_.upper_bound(address);
    return it == ranges_.begin() ? FrameOwner{} : std::prev(it)->second;
  }
  [[nodiscard]] FrameOwner owner_before(std::uint64_t address) const {
    return address == 0 ? FrameOwner{} : owner_at(address - 1);
  }

  // First address of each maximal range of equal owner; before the first key and behind the last
  // range all is free, so the last range is always a free one.
  std::map<std::uint64_t, FrameOwner> ranges_;
  std::uint64_t version_ = 0;
};

}  // namespace nestwalk
