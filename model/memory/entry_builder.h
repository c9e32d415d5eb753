// Paging-structure entries of any format, composed and taken apart. Pure functions on words; the
// address in an entry is a plain number, since it is a GPA in a guest's table and an HPA in a
// host's.
//
//   const PagingFormat& format = format_of(FormatId::kX86FourLevel);
//   make_table_entry(format, 4, 0x5000);                     // 0x5007: P, W, U
//   make_leaf_entry(format, 2, 0x200000, {.write = false});  // 0x200085: P, U, PS
//
// Not for: judging an entry (reserved bits, rights); that is the walk's.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/arch/entry.h"
#include "model/arch/paging_format.h"

namespace nestwalk {

inline constexpr std::uint8_t kMemoryTypeWriteBack = 6;

// A format takes what it has a bit for and ignores the rest: x86 ignores read, user_execute and
// memory_type; EPT ignores user, global and protection_key; x86-2level ignores execute.
struct LeafFlags {
  bool read = true;
  bool write = true;
  bool user = true;
  bool execute = true;        // EPT with mode-based execute: supervisor execute
  bool user_execute = false;  // EPT with mode-based execute only
  bool global = false;
  bool accessed = false;
  bool dirty = false;
  std::uint8_t protection_key = 0;
  std::uint8_t memory_type = kMemoryTypeWriteBack;
};

// As for leaves. A PAE PDPTE has none of them.
struct TableFlags {
  bool read = true;
  bool write = true;
  bool user = true;
  bool execute = true;
  bool user_execute = false;
  bool accessed = false;
};

namespace detail {

constexpr std::uint64_t bit_if(bool on, unsigned position) {
  return on ? bit(position) : 0;
}

constexpr std::uint64_t entry_address_mask(const PagingFormat& format, unsigned low) {
  return mask(std::min<unsigned>(format.physical_high, 51), low);
}

template <class Flags>
constexpr std::uint64_t rights_bits(const PagingFormat& format, const Flags& flags) {
  if (format.rules == RuleSet::kEpt) {
    return bit_if(flags.read, ept::kRead) | bit_if(flags.write, ept::kWrite) |
           bit_if(flags.execute, ept::kExecute) | bit_if(flags.user_execute, ept::kUserExecute) |
           bit_if(flags.accessed, ept::kAccessed);
  }
  return bit(x86::kPresent) | bit_if(flags.write, x86::kWrite) | bit_if(flags.user, x86::kUser) |
         bit_if(format.has_no_execute && !flags.execute, x86::kNoExecute) |
         bit_if(flags.accessed, x86::kAccessed);
}

// 4M pages have address bits 39:32 in entry bits 20:13 (PSE-36).
inline constexpr unsigned kPse36Low = 13;
constexpr bool is_pse36(const PagingFormat& format, unsigned level) {
  return format.id == FormatId::kX86TwoLevel && level == 2;
}

}  // namespace detail

// An entry of `level` (2 or higher) that points to a table of the level below.
constexpr std::uint64_t make_table_entry(const PagingFormat& format, unsigned level,
                                         std::uint64_t table_address, TableFlags flags = {}) {
  fatal_unless(level >= 2 && level <= format.levels, "a table entry stands above level 1");
  fatal_unless((table_address & ~detail::entry_address_mask(format, kSmallPageBits)) == 0,
               "a table is 4 KiB aligned and within the format's physical width");
  if (!format.level[level].has_rights) {
    return table_address | bit(x86::kPresent);
  }
  return table_address | detail::rights_bits(format, flags);
}

// An entry of `level` that maps a page of 2^format.page_bits(level) bytes.
constexpr std::uint64_t make_leaf_entry(const PagingFormat& format, unsigned level,
                                        std::uint64_t page_address, LeafFlags flags = {}) {
  fatal_unless(level >= 1 && level <= format.levels && format.level[level].can_be_leaf,
               "the format has no page of this level");
  const unsigned page_bits = format.page_bits(level);
  const bool pse36 = detail::is_pse36(format, level);
  const std::uint64_t allowed =
      pse36 ? mask(39, page_bits) : detail::entry_address_mask(format, page_bits);
  fatal_unless((page_address & ~allowed) == 0,
               "a page is aligned to its size and within the format's physical width");
  std::uint64_t entry = pse36 ? (page_address & mask(31, page_bits)) |
                                    (field(page_address, 32, 8) << detail::kPse36Low)
                              : page_address;
  entry |= detail::rights_bits(format, flags);
  if (format.rules == RuleSet::kEpt) {
    return entry | detail::bit_if(level > 1, ept::kPageSize) |
           detail::bit_if(flags.dirty, ept::kDirty) |
           (field(flags.memory_type, 0, ept::kMemoryTypeWidth) << ept::kMemoryTypeLow);
  }
  entry |= detail::bit_if(level > 1, x86::kPageSize) | detail::bit_if(flags.dirty, x86::kDirty) |
           detail::bit_if(flags.global, x86::kGlobal);
  if (format.has_protection_keys) {
    entry |= field(flags.protection_key, 0, x86::kPkeyWidth) << x86::kPkeyLow;
  }
  return entry;
}

// An entry with the level that decides its meaning, as software reads its own tables: page-size
// bits count (CR4.PSE set), EPT user execute counts (bit 10, which software leaves clear without
// mode-based execute), reserved bits are not looked at.
struct EntryView {
  const PagingFormat& format;
  unsigned level;
  std::uint64_t value;

  [[nodiscard]] constexpr bool is_present() const {
    if (format.rules == RuleSet::kEpt) {
      return (value & (bit(ept::kRead) | bit(ept::kWrite) | bit(ept::kExecute) |
                       bit(ept::kUserExecute))) != 0;
    }
    return (value & bit(x86::kPresent)) != 0;
  }
  [[nodiscard]] constexpr bool is_leaf() const {
    return is_present() &&
           (level == 1 || (format.level[level].can_be_leaf && (value & bit(x86::kPageSize)) != 0));
  }
  [[nodiscard]] constexpr bool is_table() const { return is_present() && !is_leaf(); }
  // Of the next table, or of the page when this is a leaf.
  [[nodiscard]] constexpr std::uint64_t address() const {
    if (is_leaf() && detail::is_pse36(format, level)) {
      return pse36_page(value);
    }
    return value &
           detail::entry_address_mask(format, is_leaf() ? format.page_bits(level) : kSmallPageBits);
  }
  // Of a leaf: what holds for a page of any size. No format has such a bit between 12 and 51.
  [[nodiscard]] constexpr std::uint64_t attributes() const {
    return value & ~mask(51, 12) & ~(level > 1 ? bit(x86::kPageSize) : 0);
  }
  [[nodiscard]] constexpr unsigned page_bits() const { return format.page_bits(level); }
  [[nodiscard]] constexpr bool is_writable() const { return has(ept::kWrite, x86::kWrite); }
  [[nodiscard]] constexpr bool is_accessed() const { return has(ept::kAccessed, x86::kAccessed); }
  [[nodiscard]] constexpr bool is_dirty() const { return has(ept::kDirty, x86::kDirty); }

 private:
  [[nodiscard]] constexpr bool has(unsigned ept_bit, unsigned x86_bit) const {
    return (value & bit(format.rules == RuleSet::kEpt ? ept_bit : x86_bit)) != 0;
  }
};

}  // namespace nestwalk
