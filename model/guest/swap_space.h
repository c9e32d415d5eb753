// Where the kernel keeps pages for which it has no memory: slots of 4 KiB with their contents, each
// held by the page-table entries that name it. A frame that was read from a slot, or written to one
// while others still hold it, can be remembered: as long as nobody writes it, the slot is its copy,
// and moving it out again needs no write (Linux: the swap cache).
//
//   SwapSpace swap(64 << 20);
//   const std::optional<SwapSlot> slot = swap.allocate();
//   swap.fill(*slot, words);
//   swap.remember(frame, *slot);     // one holder more
//   swap.release(*slot);             // the entry is gone
//
// A value. Not for: which pages go (Reclaimer), nor their time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "model/arch/address.h"

namespace nestwalk {

enum class SwapSlot : std::uint32_t {};

// 4 KiB as words of 8 bytes; empty: all zeros.
using PageContent = std::vector<std::uint64_t>;

class SwapSpace {
 public:
  SwapSpace() = default;
  explicit SwapSpace(std::uint64_t num_bytes);

  // A slot with one holder; nothing when all are held by entries. Gives up what frames remember
  // before that.
  [[nodiscard]] std::optional<SwapSlot> allocate();
  void fill(SwapSlot slot, PageContent content);
  [[nodiscard]] const PageContent& content(SwapSlot slot) const;
  void hold(SwapSlot slot);
  void release(SwapSlot slot);

  void remember(Gpa frame, SwapSlot slot);
  // Of all frames of a block of 2^bits bytes; also if nothing is remembered. A block may be a large
  // page of one process and small ones of another.
  void forget(Gpa block, unsigned bits);
  [[nodiscard]] std::optional<SwapSlot> remembered(Gpa frame) const;

  [[nodiscard]] std::uint64_t num_used() const { return slots_.size() - free_.size(); }

 private:
  struct Slot {
    PageContent content;
    std::uint32_t num_holders = 0;
  };
  [[nodiscard]] Slot& at(SwapSlot slot);

  std::uint64_t max_slots_ = 0;
  std::vector<Slot> slots_;                  // those ever used
  std::vector<SwapSlot> free_;               // of these; last freed, first reused
  std::map<std::uint64_t, SwapSlot> cache_;  // by frame
};

}  // namespace nestwalk
