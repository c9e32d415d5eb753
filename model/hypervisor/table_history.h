// The table words that walks depend on, as they are and as they were. A copy of every frame that a
// walk has read an entry of tells what a write has changed; a value that a core may go on using is
// kept with the write that ended it.
//
//   history.see(memory, entry, use);      // a walk reads this entry
//   history.on_write(memory, contexts, {address, bytes}, stamp);
//   for (const OldWord& old : history.old_words(entry)) { ... }
//
// Not kept: what no walk may cache (an entry that was not present or malformed), and what permits
// no more than its successor does: a right that is given, an A or D bit that is set.
// Not for: who may still use an old value (legal_answers.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

#include "model/arch/position.h"
#include "model/hypervisor/checked_contexts.h"
#include "model/memory/sparse_memory.h"

namespace nestwalk {

// When something happened: in the checker's own order, which is total; for reports also in
// simulated time and in translations given until then.
struct CheckerStamp {
  std::uint64_t event = 0;
  std::uint64_t cycle = 0;
  std::uint64_t translations = 0;
  std::uint32_t software = 0;  // that owns what was written: see SoftwareNumber
};

// A store that changed what a table word says.
struct TableChange {
  CheckerStamp when;
  Hpa word;  // 8 bytes, aligned
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

struct OldWord {
  std::uint64_t value = 0;
  std::uint64_t began = 0;  // event; 0: before it was observed
  TableChange ended;
};

// How a frame is read: a table of this level in this context, for the addresses from `base` on.
struct TableUse {
  ContextNumber context = 0;
  Stage stage = Stage::kGuest;
  std::uint8_t level = 0;
  std::uint64_t base = 0;  // GVA or GPA
  friend constexpr bool operator==(const TableUse&, const TableUse&) = default;
};

struct WrittenRange {
  Hpa address;
  std::uint64_t num_bytes = 0;
};

// Whose translations a write may have changed.
struct ChangeScope {
  bool ends_something = false;        // that could be cached
  bool is_wide = false;               // for other addresses than those of `blocks`
  std::vector<std::uint64_t> blocks;  // of 2M: GVA / 2M
};

class TableHistory {
 public:
  static constexpr unsigned kBlockBits = 21;
  static constexpr std::size_t kMaxOldValues = 16;  // of one word

  // A walk reads the entry. From now on its whole frame is observed.
  void see(const SparseMemory& memory, Hpa entry, const TableUse& use);
  [[nodiscard]] bool is_seen(Hpa address) const {
    return frames_.find(address.value() >> kSmallPageBits) != frames_.end();
  }

  // After a write.
  ChangeScope on_write(const SparseMemory& memory, const CheckedContexts& contexts,
                       const WrittenRange& range, const CheckerStamp& stamp);

  // Of the 8 bytes that hold an entry, oldest first. Valid until the next write.
  [[nodiscard]] std::span<const OldWord> old_words(Hpa entry) const {
    if (old_.empty()) {
      return {};
    }
    const auto found = old_.find(entry.value() >> 3);
    return found == old_.end() ? std::span<const OldWord>() : std::span(found->second);
  }

  // Since when the 8 bytes say what they say now, a right or an A or D bit that was added aside.
  [[nodiscard]] std::uint64_t began(Hpa entry) const {
    const auto found = frames_.find(entry.value() >> kSmallPageBits);
    return found == frames_.end() ? 0 : found->second.began[entry.offset(kSmallPageBits) / 8];
  }

  [[nodiscard]] std::size_t num_old_words() const { return num_old_; }
  // The 8 bytes had values that were forgotten although they might still be used.
  [[nodiscard]] bool has_forgotten(Hpa entry) const {
    return !forgotten_.empty() && forgotten_.contains(entry.value() >> 3);
  }
  [[nodiscard]] std::size_t num_frames() const { return frames_.size(); }
  [[nodiscard]] std::size_t num_uses() const { return num_uses_; }

  // Calls visit(const TableUse&) for each use of the frame that holds a word.
  template <class Visit>
  void for_each_use(Hpa word, Visit&& visit) const {
    const auto found = frames_.find(word.value() >> kSmallPageBits);
    if (found != frames_.end()) {
      for (const TableUse& use : found->second.uses) {
        visit(use);
      }
    }
  }
  // Forgets the old values for which is_dead(const OldWord&) says so.
  template <class IsDead>
  void drop_old_words(IsDead&& is_dead);
  // Forgets the uses of frames for which is_dead(Hpa frame, const TableUse&) says so, and frames
  // that have none left; a walk that reads one again makes it seen anew.
  template <class IsDead>
  void drop_uses(IsDead&& is_dead);
  // Forgets the oldest half of the old values; answers that need them are counted as undecided.
  void forget_half();
  [[nodiscard]] std::uint64_t oldest_event() const;

 private:
  static constexpr std::size_t kWords = SparseMemory::kPageBytes / 8;
  struct Frame {
    std::array<std::uint64_t, kWords> words{};
    std::array<std::uint64_t, kWords> began{};  // event at which it came to say what it says
    std::vector<TableUse> uses;
  };

  void frame_written(const SparseMemory& memory, const CheckedContexts& contexts,
                     std::uint64_t number, const CheckerStamp& stamp, ChangeScope& scope);
  static void widen(ChangeScope& scope, const CheckedContexts& contexts,
                    const std::vector<TableUse>& uses);
  void keep(const OldWord& old);
  void see_table_below(const SparseMemory& memory, const CheckedContexts& contexts,
                       const TableUse& use, Hpa word, std::uint64_t value);

  tsl::robin_map<std::uint64_t, Frame> frames_;              // by frame number
  tsl::robin_map<std::uint64_t, std::vector<OldWord>> old_;  // by address / 8
  std::size_t num_old_ = 0;
  std::size_t num_uses_ = 0;
  tsl::robin_set<std::uint64_t> forgotten_;  // by address / 8
};

template <class IsDead>
void TableHistory::drop_old_words(IsDead&& is_dead) {
  for (auto it = old_.begin(); it != old_.end();) {
    num_old_ -= std::erase_if(it.value(), is_dead);
    it = it->second.empty() ? old_.erase(it) : std::next(it);
  }
}

template <class IsDead>
void TableHistory::drop_uses(IsDead&& is_dead) {
  for (auto it = frames_.begin(); it != frames_.end();) {
    const Hpa frame(it->first << kSmallPageBits);
    std::vector<TableUse>& uses = it.value().uses;
    num_uses_ -= std::erase_if(uses, [&](const TableUse& use) { return is_dead(frame, use); });
    it = uses.empty() ? frames_.erase(it) : std::next(it);
  }
}

}  // namespace nestwalk
