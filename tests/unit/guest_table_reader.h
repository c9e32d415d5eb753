// Reads paging structures of any format as a manual describes them, sharing nothing with the
// product but numbers: the witness for tables that the guest kernel and the hypervisor have built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nestwalk::test {

struct TableShape {
  std::string name;
  unsigned entry_bytes = 8;
  std::vector<unsigned> index_bits;  // from the top level down to level 1
  unsigned first_shift = 12;
  bool is_ept = false;
  bool pae_top = false;  // the top entries have no rights

  unsigned levels() const { return static_cast<unsigned>(index_bits.size()); }
};

inline TableShape two_level_shape() {
  return {"2level", 4, {10, 10}, 12, false, false};
}
inline TableShape pae_shape() {
  return {"pae", 8, {2, 9, 9}, 12, false, true};
}
inline TableShape four_level_shape() {
  return {"4level", 8, {9, 9, 9, 9}, 12, false, false};
}
inline TableShape five_level_shape() {
  return {"5level", 8, {9, 9, 9, 9, 9}, 12, false, false};
}

struct ReadLeaf {
  std::uint64_t output = 0;  // of the very address asked for
  std::uint64_t entry = 0;
  std::uint64_t entry_address = 0;
  std::uint64_t top_entry = 0;
  unsigned page_bits = 0;
  bool write = true;
  bool user = true;
  bool execute = true;
  unsigned references = 0;

  bool has(unsigned position) const { return ((entry >> position) & 1) != 0; }
};

// `read(address, bytes)` gives the word at a table address.
template <class Read>
std::optional<ReadLeaf> read_tables(const TableShape& shape, std::uint64_t root,
                                    std::uint64_t address, Read&& read) {
  ReadLeaf leaf;
  std::uint64_t table = root;
  unsigned shift = shape.first_shift;
  for (const unsigned bits : shape.index_bits) {
    shift += bits;
  }
  for (unsigned i = 0; i < shape.levels(); ++i) {
    shift -= shape.index_bits[i];
    const std::uint64_t index = (address >> shift) % (std::uint64_t{1} << shape.index_bits[i]);
    leaf.entry_address = table + index * shape.entry_bytes;
    leaf.entry = read(leaf.entry_address, shape.entry_bytes);
    if (i == 0) {
      leaf.top_entry = leaf.entry;
    }
    ++leaf.references;
    const bool present = (leaf.entry & (shape.is_ept ? 7U : 1U)) != 0;
    if (!present) {
      return std::nullopt;
    }
    if (!(shape.pae_top && i == 0)) {
      leaf.write = leaf.write && leaf.has(1);
      leaf.user = leaf.user && (shape.is_ept || leaf.has(2));
      leaf.execute = leaf.execute && (shape.is_ept ? leaf.has(2) : !leaf.has(63));
    }
    const std::uint64_t base = leaf.entry & 0x000f'ffff'ffff'f000;
    if (i + 1 == shape.levels() || (leaf.has(7) && !(shape.pae_top && i == 0))) {
      leaf.page_bits = shift;
      const std::uint64_t offset = address % (std::uint64_t{1} << shift);
      leaf.output = (base >> shift << shift) + offset;
      return leaf;
    }
    table = base;
  }
  return std::nullopt;
}

}  // namespace nestwalk::test
