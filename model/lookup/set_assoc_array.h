// A set-associative array of entries with a replacement policy; no time, no statistics.
//
//   SetAssocArray<Entry> array({.entries = 64, .ways = 4}, /*seed=*/1);
//   const auto slot = array.find(number, tag, [&](const Entry& e) { return e.pcid == pcid; });
//   if (slot != array.kNone) { array.use(slot); }
//
// `number` (below 2^63) chooses the set: modulo their count, which need be no power of two, or
// folded once by XOR. `tag` is any word but all ones and is compared first; `accept` compares the
// rest. The tags of a set lie side by side. find() and erase() leave the replacement state alone;
// use() and insert() are what it sees. Not for deciding what matches: that is the caller's
// `accept`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model/arch/check.h"
#include "model/lookup/replacement.h"
#include "model/params/structures.h"

namespace nestwalk {

template <class Entry>
class SetAssocArray {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  SetAssocArray() = default;  // absent: nothing is ever found
  // Throws std::invalid_argument when the entries are not a multiple of the ways.
  SetAssocArray(const ArrayParams& params, std::uint64_t seed) {
    if (params.entries == 0) {
      return;
    }
    ways_ = params.ways == 0 ? params.entries : params.ways;
    if (params.entries % ways_ != 0) {
      throw std::invalid_argument("the entries of an array must be a multiple of its ways");
    }
    sets_ = params.entries / ways_;
    mask_ = std::has_single_bit(sets_) ? sets_ - 1 : 0;
    if (params.index == SetIndex::kXorFold) {
      if (!std::has_single_bit(sets_)) {
        throw std::invalid_argument("xor_fold needs a power of two of sets");
      }
      fold_ = static_cast<std::uint32_t>(std::countr_zero(sets_));
    }
    words_ = (ways_ + kWaysPerWord - 1) / kWaysPerWord;
    prints_.assign(std::size_t{sets_} * words_, 0);
    tags_.assign(params.entries, kFree);
    entries_.assign(params.entries, Entry{});
    replacement_ = ReplacementState(params.replacement, {sets_, ways_, seed});
  }

  [[nodiscard]] bool is_present() const { return ways_ != 0; }
  [[nodiscard]] std::uint32_t capacity() const { return sets_ * ways_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  // The slot that holds a match, or kNone. Two matches are a broken invariant of the caller.
  template <class Accept>
  [[nodiscard]] std::uint32_t find(std::uint64_t number, std::uint64_t tag, Accept accept) const {
    std::uint32_t found = kNone;
    for_each_with_tag(number, tag, [&](std::uint32_t slot) {
      if (accept(entries_[slot])) {
        fatal_unless(found == kNone, "at most one entry matches a lookup");
        found = slot;
      }
    });
    return found;
  }

  [[nodiscard]] bool has_room(std::uint64_t number) const {
    const std::uint32_t first = set_of(number) * ways_;
    for (std::uint32_t way = 0; way < ways_; ++way) {
      if (tags_[first + way] == kFree) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] const Entry& operator[](std::uint32_t slot) const { return entries_[slot]; }
  // For payloads that change in place; what find() compares must stay.
  [[nodiscard]] Entry& operator[](std::uint32_t slot) { return entries_[slot]; }

  void use(std::uint32_t slot) { replacement_.used_slot(slot); }

  // Puts the entry into the lowest free way of its set, else in place of the victim: gone(victim)
  // is called before it is overwritten.
  template <class Gone>
  void insert(std::uint64_t number, std::uint64_t tag, const Entry& entry, Gone gone) {
    const std::uint32_t set = set_of(number);
    const std::uint32_t first = set * ways_;
    if (size_ != capacity()) {
      for (std::uint32_t way = 0; way < ways_; ++way) {
        if (tags_[first + way] == kFree) {
          ++size_;
          place(set, way, tag, entry);
          return;
        }
      }
    }
    const std::uint32_t way = replacement_.victim(set);
    gone(std::as_const(entries_[first + way]));
    place(set, way, tag, entry);
  }
  // Returns the victim.
  std::optional<Entry> insert(std::uint64_t number, std::uint64_t tag, const Entry& entry) {
    std::optional<Entry> victim;
    insert(number, tag, entry, [&](const Entry& e) { victim = e; });
    return victim;
  }

  void erase(std::uint32_t slot) {
    tags_[slot] = kFree;
    entries_[slot] = Entry{};
    set_print(slot / ways_, slot % ways_, 0);
    --size_;
  }

  // Calls drop(entry) on every entry of the set (or of all sets) and erases those it says yes to.
  template <class Drop>
  std::size_t erase_in_set_if(std::uint64_t number, Drop drop) {
    const std::uint32_t first = set_of(number) * ways_;
    return erase_range_if(first, first + ways_, drop);
  }
  // The same of those with this tag.
  template <class Drop>
  std::size_t erase_tag_if(std::uint64_t number, std::uint64_t tag, Drop drop) {
    std::size_t erased = 0;
    for_each_with_tag(number, tag, [&](std::uint32_t slot) {
      if (drop(std::as_const(entries_[slot]))) {
        erase(slot);
        ++erased;
      }
    });
    return erased;
  }
  template <class Drop>
  std::size_t erase_if(Drop drop) {
    return size_ == 0 ? 0 : erase_range_if(0, capacity(), drop);
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t slot = 0; slot < capacity(); ++slot) {
      if (tags_[slot] != kFree) {
        visit(entries_[slot]);
      }
    }
  }

  friend bool operator==(const SetAssocArray&, const SetAssocArray&) = default;

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static constexpr std::uint32_t kNoFold = 63;  // page numbers are shorter
  static constexpr std::uint32_t kWaysPerWord = 8;
  static constexpr std::uint64_t kEveryByte = 0x0101010101010101;

  // visit(slot) for every entry with this tag, which it may erase.
  template <class Visit>
  void for_each_with_tag(std::uint64_t number, std::uint64_t tag, Visit visit) const {
    const std::uint32_t set = set_of(number);
    const std::uint64_t wanted = print_of(tag) * kEveryByte;
    for (std::uint32_t word = 0; word < words_; ++word) {
      const std::uint64_t difference = prints_[set * words_ + word] ^ wanted;
      // The top bit of every byte that is zero, and now and then of the byte above one.
      std::uint64_t candidates =
          (difference - kEveryByte) & ~difference & (std::uint64_t{0x80} * kEveryByte);
      for (; candidates != 0; candidates &= candidates - 1) {
        const auto byte = static_cast<std::uint32_t>(std::countr_zero(candidates)) / 8;
        const std::uint32_t slot = set * ways_ + word * kWaysPerWord + byte;
        if (tags_[slot] == tag) {
          visit(slot);
        }
      }
    }
  }

  // One byte that is never zero, the mark of a free way.
  [[nodiscard]] static std::uint64_t print_of(std::uint64_t tag) {
    return ((tag * 0x9e3779b97f4a7c15) >> 57) | 0x80U;
  }
  void set_print(std::uint32_t set, std::uint32_t way, std::uint64_t print) {
    std::uint64_t& word = prints_[set * words_ + way / kWaysPerWord];
    const std::uint32_t shift = way % kWaysPerWord * 8;
    word = (word & ~(std::uint64_t{0xff} << shift)) | (print << shift);
  }

  [[nodiscard]] std::uint32_t set_of(std::uint64_t number) const {
    const std::uint64_t folded = number ^ (number >> fold_);
    return static_cast<std::uint32_t>(mask_ != 0 || sets_ <= 1 ? folded & mask_ : folded % sets_);
  }

  void place(std::uint32_t set, std::uint32_t way, std::uint64_t tag, const Entry& entry) {
    tags_[set * ways_ + way] = tag;
    set_print(set, way, print_of(tag));
    entries_[set * ways_ + way] = entry;
    replacement_.filled(set, way);
  }

  template <class Drop>
  std::size_t erase_range_if(std::uint32_t first, std::uint32_t last, Drop drop) {
    std::size_t erased = 0;
    for (std::uint32_t slot = first; slot != last; ++slot) {
      if (tags_[slot] != kFree && drop(entries_[slot])) {
        erase(slot);
        ++erased;
      }
    }
    return erased;
  }

  std::uint32_t sets_ = 0;
  std::uint32_t ways_ = 0;
  std::uint32_t mask_ = 0;  // sets - 1 where that is a mask
  std::uint32_t fold_ = kNoFold;
  std::uint32_t size_ = 0;
  std::uint32_t words_ = 0;  // of prints_ in a set
  std::vector<std::uint64_t> prints_;
  std::vector<std::uint64_t> tags_;
  std::vector<Entry> entries_;
  ReplacementState replacement_;
};

}  // namespace nestwalk
