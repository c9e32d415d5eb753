// Translations of pages of several sizes, kept in one or more arrays: what a TLB level and a nested
// TLB have in common.
//
//   PageArrays<Translation> pages({{shape_4k, shape_2m}}, {{{12, 0}, {21, 1}}}, /*seed=*/1);
//   const auto found = pages.find(address, kind, tags_for(kind, tags));
//   if (found) { pages.use(found); pages.entry(found).payload; }
//
// Every size present is probed on every lookup, as hardware does it, and at most one entry may
// match. The architecture lets software change a page's size without an invalidation, and two
// entries would then serve one address; a fill therefore drops whatever it overlaps. Not for
// rights, statistics or counters of lookups.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "model/arch/check.h"
#include "model/lookup/entry_key.h"
#include "model/lookup/invalidate.h"
#include "model/lookup/set_assoc_array.h"

namespace nestwalk {

// Which array holds entries that cover 2^span_bits bytes. A size may have two.
struct PageClass {
  std::uint8_t span_bits = 0;
  std::uint8_t array = 0;
};

template <class Payload>
class PageArrays {
 public:
  using Entry = CachedEntry<Payload>;
  static constexpr unsigned kMaxArrays = 4;
  static constexpr unsigned kMaxClasses = 4;

  struct Found {
    std::uint8_t page_class = kMaxClasses;
    std::uint8_t array = 0;  // of that class
    std::uint32_t slot = 0;
    explicit operator bool() const { return page_class != kMaxClasses; }
  };

  struct FillResult {
    bool has_evicted = false;         // the victim, if the set was full
    std::size_t num_replaced = 0;     // entries that covered some of the same addresses
    unsigned replaced_span_bits = 0;  // of the largest of them
  };

  // Classes are listed from small to large; those of an absent array are left out.
  PageArrays(std::initializer_list<ArrayParams> shapes, std::initializer_list<PageClass> classes,
             std::uint64_t seed) {
    std::size_t i = 0;
    for (const ArrayParams& shape : shapes) {
      arrays_[i] = SetAssocArray<Entry>(shape, seed + i);
      ++i;
    }
    for (const PageClass& c : classes) {
      if (arrays_[c.array].is_present()) {
        classes_[num_classes_++] = {c.span_bits, c.array, 0};
      }
    }
  }

  // log2 of the bytes that an entry for a page of this size would cover: the page or, where no
  // array takes it, a piece of the next smaller size that has one. 0: such a page is not cached.
  [[nodiscard]] unsigned span_bits_for(unsigned page_bits) const {
    unsigned best = 0;
    for (unsigned i = 0; i < num_classes_ && classes_[i].span_bits <= page_bits; ++i) {
      best = classes_[i].span_bits;
    }
    return best;
  }

  // `used` is tags_for(kind, tags).
  [[nodiscard]] Found find(std::uint64_t address, MappingKind kind, const Tags& used) const {
    Found found;
    for (unsigned i = 0; i < num_classes_; ++i) {
      const Class& c = classes_[i];
      if (c.count == 0) {
        continue;
      }
      const std::uint64_t number = address >> c.span_bits;
      const std::uint32_t slot =
          arrays_[c.array].find(number, tag_of(number, c.span_bits),
                                [&](const Entry& e) { return matches(e.key, kind, used); });
      if (slot != SetAssocArray<Entry>::kNone) {
        fatal_unless(!found, "at most one entry matches a lookup, over all page sizes");
        found = {static_cast<std::uint8_t>(i), c.array, slot};
      }
    }
    return found;
  }

  [[nodiscard]] const Entry& entry(Found found) const { return arrays_[found.array][found.slot]; }
  [[nodiscard]] unsigned span_bits(Found found) const {
    return classes_[found.page_class].span_bits;
  }
  void use(Found found) { arrays_[found.array].use(found.slot); }

  // Another number after each change of what is cached: as long as it stays, so does what find()
  // found.
  [[nodiscard]] std::uint64_t version() const { return changes_.count; }

  // key.span_bits is what span_bits_for() said, key.address is aligned to it.
  // The victim is copied to *evicted if that is wanted.
  FillResult fill(const Entry& entry, std::optional<Entry>* evicted = nullptr) {
    ++changes_.count;
    FillResult result;
    result.num_replaced = drop_overlapping(entry.key, &result.replaced_span_bits);
    Class& c = classes_[home_of(entry.key)];
    const std::uint64_t number = entry.key.address >> c.span_bits;
    arrays_[c.array].insert(number, tag_of(number, c.span_bits), entry, [&](const Entry& victim) {
      result.has_evicted = forget(victim.key, c.array);
      if (evicted != nullptr) {
        *evicted = victim;
      }
    });
    ++c.count;
    num_pieces_ += entry.key.is_piece() ? 1 : 0;
    return result;
  }

  // Drops what could match a lookup that the given entry matches; returns how many, and in
  // *largest_span_bits the size of the largest.
  std::size_t drop_overlapping(const EntryKey& key, unsigned* largest_span_bits = nullptr) {
    std::size_t dropped = 0;
    for (unsigned i = 0; i < num_classes_; ++i) {
      const Class c = classes_[i];
      if (c.count == 0) {
        continue;
      }
      SetAssocArray<Entry>& array = arrays_[c.array];
      const auto drop = [&](const Entry& e) {
        return collide(e.key, key) && forget(e.key, c.array);
      };
      const std::uint64_t number = key.address >> c.span_bits;
      const std::size_t here =
          c.span_bits >= key.span_bits
              ? array.erase_tag_if(number, tag_of(number, c.span_bits), drop)
              : array.erase_if([&](const Entry& e) {
                  return e.key.span_bits == c.span_bits &&
                         ((e.key.address ^ key.address) >> key.span_bits) == 0 && drop(e);
                });
      if (here != 0 && largest_span_bits != nullptr) {
        *largest_span_bits = c.span_bits;  // classes are listed from small to large
      }
      dropped += here;
    }
    return dropped;
  }

  // Whether it was fetched ahead and this is its first use.
  bool take_prefetched_mark(Found found) {
    EntryKey& key = arrays_[found.array][found.slot].key;
    const bool is_first_use = key.is_prefetched;
    key.is_prefetched = false;
    return is_first_use;
  }

  void erase(Found found) {
    forget(arrays_[found.array][found.slot].key, found.array);
    arrays_[found.array].erase(found.slot);
  }

  // `address` is the scope's for the kinds kept here.
  InvalidationCount invalidate(const InvalidationScope& scope, std::uint64_t address) {
    InvalidationCount count;
    if (scope.drops_nothing()) {
      return count;
    }
    const auto drop_from = [&](unsigned array) {
      return
          [&, array](const Entry& e) { return scope.drops(e.key, count) && forget(e.key, array); };
    };
    if (scope.is_by_address() && num_pieces_ == 0) {
      // Every entry that the address names also covers it: one set for each size.
      for (unsigned i = 0; i < num_classes_; ++i) {
        const Class c = classes_[i];
        if (c.count != 0) {
          arrays_[c.array].erase_in_set_if(address >> c.span_bits, drop_from(c.array));
        }
      }
      return count;
    }
    for (unsigned i = 0; i < kMaxArrays; ++i) {
      arrays_[i].erase_if(drop_from(i));
    }
    return count;
  }

  std::size_t flush() {
    std::size_t dropped = 0;
    for (unsigned i = 0; i < kMaxArrays; ++i) {
      dropped += arrays_[i].erase_if([&](const Entry& e) { return forget(e.key, i); });
    }
    return dropped;
  }

  // Of the entries that are pieces of a larger page.
  [[nodiscard]] const std::uint64_t& num_pieces() const { return num_pieces_; }
  // Entries that were fetched ahead and gave way, were replaced or dropped before any use.
  [[nodiscard]] const std::uint64_t& num_unused() const { return num_unused_; }
  [[nodiscard]] std::size_t size() const {
    std::size_t entries = 0;
    for (const SetAssocArray<Entry>& array : arrays_) {
      entries += array.size();
    }
    return entries;
  }

  // visit(const Entry&), in the order of arrays, sets and ways.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const SetAssocArray<Entry>& array : arrays_) {
      array.for_each(visit);
    }
  }

  friend bool operator==(const PageArrays&, const PageArrays&) = default;

 private:
  struct Class {
    std::uint8_t span_bits = 0;
    std::uint8_t array = 0;
    std::uint32_t count = 0;  // entries of this size that are cached
    friend bool operator==(const Class&, const Class&) = default;
  };

  // Page numbers have at most 52 bits, so the size fits above them.
  static constexpr std::uint64_t tag_of(std::uint64_t number, unsigned span_bits) {
    return number | (std::uint64_t{span_bits} << 57);
  }
  // The class that an entry goes to. Of two arrays for its size: the first whose set has room, else
  // each in turn.
  unsigned home_of(const EntryKey& key) {
    unsigned home = 0;
    while (home != num_classes_ && classes_[home].span_bits != key.span_bits) {
      ++home;
    }
    fatal_unless(home != num_classes_, "no array takes an entry of this size");
    const unsigned other = home + 1;
    if (other == num_classes_ || classes_[other].span_bits != key.span_bits) {
      return home;
    }
    const std::uint64_t number = key.address >> key.span_bits;
    for (const unsigned candidate : {home, other}) {
      if (arrays_[classes_[candidate].array].has_room(number)) {
        return candidate;
      }
    }
    is_turn_of_second_ = !is_turn_of_second_;
    return is_turn_of_second_ ? other : home;
  }

  // Takes an entry that is about to go out of the counts; true, to stand at the end of a condition.
  bool forget(const EntryKey& key, unsigned array) {
    ++changes_.count;
    for (unsigned i = 0; i < num_classes_; ++i) {
      Class& c = classes_[i];
      c.count -= c.span_bits == key.span_bits && c.array == array ? 1 : 0;
    }
    num_pieces_ -= key.is_piece() ? 1 : 0;
    num_unused_ += key.is_prefetched ? 1 : 0;
    return true;
  }

  std::array<Class, kMaxClasses> classes_{};
  unsigned num_classes_ = 0;
  bool is_turn_of_second_ = false;  // of two arrays for one size, both full
  std::uint64_t num_pieces_ = 0;    // entries whose page is larger than what they cover
  std::uint64_t num_unused_ = 0;
  std::array<SetAssocArray<Entry>, kMaxArrays> arrays_;
  // Not part of the state: two with the same entries are equal, however they came by them.
  struct Changes {
    std::uint64_t count = 0;
    friend bool operator==(const Changes&, const Changes&) { return true; }
  };
  Changes changes_;
};

}  // namespace nestwalk
