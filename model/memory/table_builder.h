// Builds and inspects the tables of one tree, of any format, in any memory.
//
//   HostTables tables{memory, frames};
//   TableBuilder builder(format_of(FormatId::kEptFourLevel), root, tables);
//   builder.map(gpa, hpa, 21, {.write = false});
//   builder.find_leaf(gpa + 0x1234)->output_address;
//
// A Tables type says where table pages live: host tables straight in a SparseMemory (HostTables), a
// guest's tables behind its GPAs. It has
//   std::uint64_t read(std::uint64_t address, unsigned num_bytes);
//   void write(std::uint64_t address, unsigned num_bytes, std::uint64_t value);
//   std::optional<std::uint64_t> allocate_table(unsigned level);    // a zeroed table page
//   void free_table(std::uint64_t address, unsigned level);         // for free_tables() only
// Not for: invalidation (whoever changes a present entry must see to it), judging rights.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/arch/check.h"
#include "model/arch/paging_format.h"
#include "model/memory/entry_builder.h"
#include "model/memory/frame_allocator.h"
#include "model/memory/sparse_memory.h"

namespace nestwalk {

enum class MapStatus : std::uint8_t {
  kMapped,
  kOccupied,  // the place holds a present entry already, or lies below a larger page
  kNoFrame,   // no frame for a table; tables made on the way stay
};

struct PathEntry {
  unsigned level = 0;
  std::uint64_t address = 0;  // of the entry itself
  std::uint64_t value = 0;
};

// The entries passed on the way to an address, from the root to the leaf or the first one that is
// not present.
struct EntryPath {
  std::array<PathEntry, kMaxLevels> entry{};
  unsigned num_entries = 0;
  bool ends_in_leaf = false;

  [[nodiscard]] const PathEntry& last() const { return entry[num_entries - 1]; }
};

struct FoundLeaf {
  unsigned level = 0;
  unsigned page_bits = 0;
  std::uint64_t entry_address = 0;
  std::uint64_t entry = 0;
  std::uint64_t output_address = 0;  // of the very input address, not of the page
};

// Host tables: frames from an allocator, content in a memory.
struct HostTables {
  SparseMemory& memory;
  FrameAllocator<Hpa>& frames;

  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned num_bytes) const {
    return memory.read(Hpa(address), num_bytes);
  }
  void write(std::uint64_t address, unsigned num_bytes, std::uint64_t value) const {
    memory.write(Hpa(address), num_bytes, value);
  }
  [[nodiscard]] std::optional<std::uint64_t> allocate_table(unsigned level) const;
  void free_table(std::uint64_t address, unsigned level) const;
};

template <class Tables>
class TableBuilder {
 public:
  // `root` is the address of the top table, which exists.
  TableBuilder(const PagingFormat& format, std::uint64_t root, Tables tables)
      : format_(&format), root_(root & format.root_mask), tables_(tables) {}

  [[nodiscard]] const PagingFormat& format() const { return *format_; }
  [[nodiscard]] std::uint64_t root() const { return root_; }

  // The level whose leaves are pages of this size, or nothing if the format has none.
  [[nodiscard]] std::optional<unsigned> leaf_level(unsigned page_bits) const {
    for (unsigned level = 1; level <= format_->levels; ++level) {
      if (format_->level[level].can_be_leaf && format_->page_bits(level) == page_bits) {
        return level;
      }
    }
    return std::nullopt;
  }

  // Maps one page, making the tables that are missing. Both addresses are aligned to the page.
  MapStatus map(std::uint64_t input_address, std::uint64_t output_address, unsigned page_bits,
                LeafFlags flags = {}, TableFlags table_flags = {}) {
    const std::optional<unsigned> leaf = leaf_level(page_bits);
    fatal_unless(leaf.has_value(), "the format has pages of this size");
    fatal_unless((input_address & (bit(page_bits) - 1)) == 0,
                 "a page is mapped where it is aligned");
    std::uint64_t table = root_;
    for (unsigned level = format_->levels; level > *leaf; --level) {
      const std::uint64_t address = entry_address(table, level, input_address);
      const EntryView entry = view(level, address);
      if (entry.is_leaf()) {
        return MapStatus::kOccupied;
      }
      if (entry.is_present()) {
        table = entry.address();
        continue;
      }
      const std::optional<std::uint64_t> made = tables_.allocate_table(level - 1);
      if (!made) {
        return MapStatus::kNoFrame;
      }
      table = *made;
      write_entry(address, make_table_entry(*format_, level, table, table_flags));
    }
    const std::uint64_t address = entry_address(table, *leaf, input_address);
    if (view(*leaf, address).is_present()) {
      return MapStatus::kOccupied;
    }
    write_entry(address, make_leaf_entry(*format_, *leaf, output_address, flags));
    return MapStatus::kMapped;
  }

  // Clears the leaf that maps an address and returns what it was; tables stay.
  std::optional<FoundLeaf> unmap(std::uint64_t input_address) {
    const std::optional<FoundLeaf> leaf = find_leaf(input_address);
    if (leaf) {
      write_entry(leaf->entry_address, 0);
    }
    return leaf;
  }

  [[nodiscard]] EntryPath path(std::uint64_t input_address) {
    EntryPath path;
    std::uint64_t table = root_;
    for (unsigned level = format_->levels; level >= 1; --level) {
      const std::uint64_t address = entry_address(table, level, input_address);
      const EntryView entry = view(level, address);
      path.entry[path.num_entries++] = {level, address, entry.value};
      if (!entry.is_table()) {
        path.ends_in_leaf = entry.is_leaf();
        break;
      }
      table = entry.address();
    }
    return path;
  }

  [[nodiscard]] std::optional<FoundLeaf> find_leaf(std::uint64_t input_address) {
    const EntryPath found = path(input_address);
    if (!found.ends_in_leaf) {
      return std::nullopt;
    }
    const PathEntry& last = found.last();
    const EntryView entry{*format_, last.level, last.value};
    const unsigned page_bits = entry.page_bits();
    return FoundLeaf{last.level, page_bits, last.address, last.value,
                     entry.address() | (input_address & (bit(page_bits) - 1))};
  }

  // Overwrites an entry found by path() or find_leaf().
  void write_entry(std::uint64_t address, std::uint64_t value) {
    tables_.write(address, format_->entry_bytes, value);
  }

  // Calls visit(std::uint64_t input_address, const FoundLeaf&) for every leaf, in address order.
  // Input addresses of sign-extended formats are canonical.
  template <class Visit>
  void for_each_leaf(Visit&& visit) {
    visit_leaves(root_, format_->levels, 0, visit);
  }

  // Gives all tables below the root back to Tables::free_table and clears the root.
  void free_tables() {
    for_each_entry(root_, format_->levels, [&](std::uint64_t address, EntryView entry) {
      if (entry.is_table()) {
        free_below(entry.address(), format_->levels - 1U);
      }
      write_entry(address, 0);
    });
  }

 private:
  [[nodiscard]] std::uint64_t entry_address(std::uint64_t table, unsigned level,
                                            std::uint64_t input_address) const {
    return table + format_->index(level, input_address) * format_->entry_bytes;
  }
  [[nodiscard]] EntryView view(unsigned level, std::uint64_t address) {
    return {*format_, level, tables_.read(address, format_->entry_bytes)};
  }
  [[nodiscard]] std::uint64_t canonical(std::uint64_t input_address) const {
    const bool is_high =
        format_->sign_extended && field(input_address, format_->input_bits - 1U, 1);
    return is_high ? input_address | ~mask(format_->input_bits - 1U, 0) : input_address;
  }

  // Calls visit(address, EntryView) for every present entry of one table.
  template <class Visit>
  void for_each_entry(std::uint64_t table, unsigned level, Visit&& visit) {
    for (std::uint64_t index = 0; index < bit(format_->level[level].index_bits); ++index) {
      const std::uint64_t address = table + index * format_->entry_bytes;
      const EntryView entry = view(level, address);
      if (entry.is_present()) {
        visit(address, entry);
      }
    }
  }

  template <class Visit>
  void visit_leaves(std::uint64_t table, unsigned level, std::uint64_t first, Visit& visit) {
    for_each_entry(table, level, [&](std::uint64_t address, EntryView entry) {
      const std::uint64_t index = (address - table) / format_->entry_bytes;
      const std::uint64_t input = first | (index << format_->level[level].index_low);
      if (entry.is_table()) {
        visit_leaves(entry.address(), level - 1, input, visit);
      } else {
        visit(canonical(input),
              FoundLeaf{level, entry.page_bits(), address, entry.value, entry.address()});
      }
    });
  }

  void free_below(std::uint64_t table, unsigned level) {
    if (level > 1) {
      for_each_entry(table, level, [&](std::uint64_t, EntryView entry) {
        if (entry.is_table()) {
          free_below(entry.address(), level - 1);
        }
      });
    }
    tables_.free_table(table, level);
  }

  const PagingFormat* format_;
  std::uint64_t root_;
  Tables tables_;
};

}  // namespace nestwalk
