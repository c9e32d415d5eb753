// Page tables written entry by entry, for expectations worked out by hand.
//
//   HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
//   tables.map_guest(kGva, kGpa, 1, x86_leaf);         // table pages are mapped along with it
//   tables.map_host(kGpa, 1, ept_leaf);
//   tables.memory.write(tables.guest_entry(kGva, 1), 8, ...);  // then spoil what the case is about
//
// Guest tables stand at GPA 1G and above, data belongs at 2G and above; with a host stage an HPA is
// its GPA plus 1G. Not for random or large tables: see random_tables.h.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "model/arch/position.h"
#include "model/walk/context.h"
#include "tests/support/random_tables.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

class HandTables {
 public:
  static constexpr std::uint64_t kX86Table = 0x7;  // present, writable, user
  static constexpr std::uint64_t kX86Leaf = 0x7;
  static constexpr std::uint64_t kEptTable = 0x7;  // read, write, execute
  static constexpr std::uint64_t kEptLeaf = 0x37;  // the same, write-back

  explicit HandTables(const StagePair& stages);

  WalkContext context;
  WordMemory memory;
  unsigned table_page_level = 1;  // host leaf level of the pages that hold guest tables

  void map_guest(Gva gva, Gpa gpa, unsigned leaf_level, std::uint64_t leaf_bits = kX86Leaf);
  // Maps to host_of(gpa). `leaf_bits` without the page-size bit.
  void map_host(Gpa gpa, unsigned leaf_level, std::uint64_t leaf_bits);
  void map_host(Gpa gpa, unsigned leaf_level);  // with every right

  // Agile paging: a path of the shadow, with the guest's format. It ends in a page, or in a level
  // that hands over to the guest's table of the level below; above the highest, the root does.
  void map_shadow(Gva gva, Hpa page, unsigned leaf_level, std::uint64_t leaf_bits = kX86Leaf);
  void switch_shadow(Gva gva, unsigned level, std::uint64_t bits = kX86Table);
  [[nodiscard]] Hpa shadow_entry(Gva gva, unsigned level) const;

  // Where the entry stands that a walk reads; it must have been mapped.
  [[nodiscard]] Gpa guest_entry_gpa(Gva gva, unsigned level) const;
  [[nodiscard]] Hpa guest_entry(Gva gva, unsigned level) const;
  [[nodiscard]] Hpa host_entry(Gpa gpa, unsigned level) const;
  [[nodiscard]] Hpa host_of(Gpa gpa) const;

  void or_bits(Hpa entry, std::uint64_t bits);
  void clear_bits(Hpa entry, std::uint64_t bits);

 private:
  using Key = std::tuple<Stage, unsigned, std::uint64_t>;  // stage, level, address prefix

  struct Shape {
    FormatId format;
    unsigned levels;
    unsigned index_bits;
    unsigned entry_bytes;
    [[nodiscard]] unsigned low(unsigned level) const { return 12 + index_bits * (level - 1); }
    [[nodiscard]] std::uint64_t index(unsigned level, std::uint64_t address) const;
  };

  static Shape shape_of(FormatId format);
  void map_shadow_path(Gva gva, unsigned last_level, std::uint64_t last_entry);
  std::uint64_t shadow_table(unsigned level, Gva gva);
  void map(Stage stage, std::uint64_t address, unsigned leaf_level, std::uint64_t leaf);
  std::uint64_t table(Stage stage, unsigned level, std::uint64_t address);
  [[nodiscard]] const Shape& shape(Stage stage) const {
    return stage == Stage::kGuest ? guest_ : host_;
  }

  Shape guest_;
  Shape host_;
  std::map<Key, std::uint64_t> tables_;
  std::map<std::pair<unsigned, std::uint64_t>, std::uint64_t> shadow_tables_;  // level, prefix
  std::uint64_t next_guest_frame_ = 0x4000'0000;
  std::uint64_t next_host_frame_ = 0x10'0000;
};

}  // namespace nestwalk
