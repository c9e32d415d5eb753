// Makes the host fetch what a walk will read, before it is walked. A walk waits for two entries
// that no near cache of the host holds, one after the other: the leaf of the guest and the leaf of
// the host. Where those stand is guessed from earlier walks, and the guess is only ever prefetched:
// right or wrong, it changes no result and no simulated time.
//
//   WalkHints hints(engine);
//   hints.expect(accesses[i + WalkHints::kLookAhead].address, memory);  // in the order of the
//   walks walk(engine, accesses[i], memory_of_walk, cache); hints.learn(engine);
//
// A Memory has read(Hpa, bytes) and prefetch(Hpa). Only small pages are guessed; only one memory is
// looked at. Not for caching a translation: nothing here is ever invalidated.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/walk/engine.h"

namespace nestwalk {

class WalkHints {
 public:
  // How many walks ahead expect() is best called: the first half of the work is done then, the
  // second when the walk is half as far away.
  static constexpr std::size_t kLookAhead = 4;

  // For walks in the engine's context.
  explicit WalkHints(const WalkEngine& engine) {
    if (engine.context().has_guest) {
      guest_.prepare(engine.rules(Stage::kGuest));
    }
    if (engine.context().has_host) {
      host_.prepare(engine.rules(Stage::kHost));
    }
  }

  template <class Memory>
  void expect(Gva address, const Memory& memory) {
    const Place place = guest_.find(address.value());
    if (place.is_known) {
      memory.prefetch(place.entry);
    }
    Place& before = pending_[next_];
    if (before.is_known) {
      // By now the entry is in the host's cache. Only its address bits are of use.
      const std::uint64_t gpa = guest_.address_in(memory.read(before.entry, guest_.entry_bytes()));
      const Place page = host_.find(gpa);
      if (page.is_known) {
        memory.prefetch(page.entry);
      }
    }
    before = place;
    next_ = (next_ + 1) % pending_.size();
  }

  // After a walk that ended in a translation.
  void learn(const WalkEngine& engine) {
    guest_.learn(engine.leaf_place(Stage::kGuest));
    host_.learn(engine.leaf_place(Stage::kHost));
  }

 private:
  struct Place {
    bool is_known = false;
    Hpa entry;
  };

  // Of one stage: where the leaf table of each stretch of addresses was last seen.
  class LeafTables {
   public:
    void prepare(const StageRules& rules) {
      level_ = rules.level[1];
      address_bits_ = rules.table_address;
      span_bits_ = rules.format->table_span_bits(1);
      entry_bytes_ = rules.format->entry_bytes;
    }
    [[nodiscard]] Place find(std::uint64_t input) const {
      const std::uint64_t number = input >> span_bits_;
      const Slot& slot = slots_[number % kSlots];
      return {slot.number == number, Hpa(slot.table + level_.entry_offset(input))};
    }
    void learn(const WalkEngine::LeafPlace& leaf) {
      if (leaf.is_small) {
        const std::uint64_t number = leaf.input >> span_bits_;
        slots_[number % kSlots] = {number, leaf.entry.value() - level_.entry_offset(leaf.input)};
      }
    }
    [[nodiscard]] unsigned entry_bytes() const { return entry_bytes_; }
    [[nodiscard]] std::uint64_t address_in(std::uint64_t entry) const {
      return entry & address_bits_;
    }

   private:
    static constexpr std::size_t kSlots = 4096;  // 8 GiB of small pages; 64 KiB of the host's cache
    struct Slot {
      std::uint64_t number = ~std::uint64_t{0};
      std::uint64_t table = 0;
    };

    LevelRules level_;
    std::uint64_t address_bits_ = 0;
    unsigned span_bits_ = 0;
    unsigned entry_bytes_ = 8;
    std::array<Slot, kSlots> slots_{};
  };

  LeafTables guest_;
  LeafTables host_;
  std::array<Place, kLookAhead / 2> pending_{};
  std::size_t next_ = 0;
};

}  // namespace nestwalk
