// A sparse memory of 64-bit words that is emptied in constant time, for many small memories one
// after the other. What was never written reads as zero.
//
//   WordStore store;
//   store.write(0x1000 / 8, 0x2003);
//   store.read(0x1000 / 8);  // 0x2003
//   store.clear();
//
// Not for a machine's memory: words are never removed one by one, and there is no time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nestwalk {

class WordStore {
 public:
  WordStore() : slots_(std::size_t{1} << kFirstBits) {}

  [[nodiscard]] std::uint64_t read(std::uint64_t index) const {
    const Slot& slot = slots_[find(index)];
    return slot.generation == generation_ ? slot.value : 0;
  }

  void write(std::uint64_t index, std::uint64_t value) {
    Slot& slot = slots_[find(index)];
    if (slot.generation != generation_) {
      if ((num_words_ + 1) * 2 > slots_.size()) {
        grow();
        write(index, value);
        return;
      }
      ++num_words_;
    }
    slot = {index, value, generation_};
  }

  void clear() {
    ++generation_;
    num_words_ = 0;
  }

 private:
  static constexpr unsigned kFirstBits = 8;

  struct Slot {
    std::uint64_t index = 0;
    std::uint64_t value = 0;
    std::uint64_t generation = 0;  // in use if it is the store's
  };

  // The slot that holds `index`, or the free one where it belongs: open addressing, never more than
  // half full.
  [[nodiscard]] std::size_t find(std::uint64_t index) const {
    const std::size_t last = slots_.size() - 1;
    auto at = static_cast<std::size_t>((index * 0x9e3779b97f4a7c15U) >> shift_);
    while (slots_[at].generation == generation_ && slots_[at].index != index) {
      at = (at + 1) & last;
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    --shift_;
    for (const Slot& slot : old) {
      if (slot.generation == generation_) {
        slots_[find(slot.index)] = slot;
      }
    }
  }

  std::vector<Slot> slots_;
  unsigned shift_ = 64 - kFirstBits;
  std::uint64_t generation_ = 1;
  std::size_t num_words_ = 0;
};

}  // namespace nestwalk
