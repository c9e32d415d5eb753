// Paging formats as data: one constexpr record each. Nothing in the walk branches on a format's
// name; a new format is a new row here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/arch/bits.h"
#include "model/arch/entry.h"

namespace nestwalk {

enum class FormatId : std::uint8_t {
  kX86TwoLevel,  // 10+10+12, 32-bit entries, 4M pages
  kX86Pae,       // 2+9+9+12
  kX86FourLevel,
  kX86FiveLevel,
  kEptFourLevel,
  kEptFiveLevel,
};
inline constexpr unsigned kNumFormats = 6;
inline constexpr unsigned kMaxLevels = 5;

// Which rules an entry follows: x86 (also NPT, whose entries are x86 entries) or EPT.
enum class RuleSet : std::uint8_t { kX86, kEpt };

struct LevelFormat {
  std::uint8_t index_low = 0;  // lowest input-address bit of the index; as a leaf, log2(page size)
  std::uint8_t index_bits = 0;
  bool can_be_leaf = false;          // by the page-size bit; level 1 is always a leaf
  bool has_rights = true;            // false: PAE PDPTE, which has neither R/W, U/S, NX nor A
  std::uint64_t reserved_table = 0;  // must be zero, whatever MAXPHYADDR is
  std::uint64_t reserved_leaf = 0;
};

struct PagingFormat {
  FormatId id{};
  std::string_view name;
  RuleSet rules = RuleSet::kX86;
  std::uint8_t levels = 0;
  std::uint8_t entry_bytes = 8;
  std::uint8_t input_bits = 0;  // width of the address that is translated
  bool sign_extended = false;   // input addresses must be canonical
  bool has_no_execute = false;  // bit 63 is NX when the stage has it enabled
  bool has_protection_keys = false;
  std::uint8_t physical_high = 51;  // highest entry bit that is an address bit or reserved for one
  std::uint64_t root_mask = 0;      // address bits of the root register
  std::array<LevelFormat, kMaxLevels + 1> level{};  // [1] to [levels]

  [[nodiscard]] constexpr unsigned page_bits(unsigned leaf_level) const {
    return level[leaf_level].index_low;
  }
  [[nodiscard]] constexpr std::uint64_t index(unsigned at_level, std::uint64_t address) const {
    return field(address, level[at_level].index_low, level[at_level].index_bits);
  }
  // log2 of the bytes that one table of this level spans.
  [[nodiscard]] constexpr unsigned table_span_bits(unsigned at_level) const {
    return level[at_level].index_low + unsigned{level[at_level].index_bits};
  }
};

inline constexpr unsigned kSmallPageBits = 12;

namespace detail {

constexpr std::uint64_t large_low_reserved(unsigned page_bits) {
  return mask(page_bits - 1, 13);  // bit 12 of an x86 large leaf is PAT
}

constexpr PagingFormat x86_long(FormatId id, std::string_view name, unsigned levels) {
  PagingFormat f;
  f.id = id;
  f.name = name;
  f.levels = static_cast<std::uint8_t>(levels);
  f.input_bits = static_cast<std::uint8_t>(12 + 9 * levels);
  f.sign_extended = true;
  f.has_no_execute = true;
  f.has_protection_keys = true;
  f.root_mask = mask(51, 12);
  f.level[1] = {12, 9, true, true, 0, 0};
  f.level[2] = {21, 9, true, true, 0, large_low_reserved(21)};
  f.level[3] = {30, 9, true, true, 0, large_low_reserved(30)};
  f.level[4] = {39, 9, false, true, bit(x86::kPageSize), 0};
  if (levels == 5) {
    f.level[5] = {48, 9, false, true, bit(x86::kPageSize), 0};
  }
  return f;
}

constexpr PagingFormat ept_format(FormatId id, std::string_view name, unsigned levels) {
  PagingFormat f;
  f.id = id;
  f.name = name;
  f.rules = RuleSet::kEpt;
  f.levels = static_cast<std::uint8_t>(levels);
  f.input_bits = static_cast<std::uint8_t>(12 + 9 * levels);
  f.root_mask = mask(51, 12);
  // SDM vol. 3, formats of EPT entries: table entries keep 6:3 zero (levels 2, 3) or 7:3 (4, 5);
  // leaves keep the address bits below the page size zero, bit 12 included.
  f.level[1] = {12, 9, true, true, 0, 0};
  f.level[2] = {21, 9, true, true, mask(6, 3), mask(20, 12)};
  f.level[3] = {30, 9, true, true, mask(6, 3), mask(29, 12)};
  f.level[4] = {39, 9, false, true, mask(7, 3), 0};
  if (levels == 5) {
    f.level[5] = {48, 9, false, true, mask(7, 3), 0};
  }
  return f;
}

constexpr PagingFormat x86_two_level() {
  PagingFormat f;
  f.id = FormatId::kX86TwoLevel;
  f.name = "x86-2level";
  f.levels = 2;
  f.entry_bytes = 4;
  f.input_bits = 32;
  f.physical_high = 31;
  f.root_mask = mask(31, 12);
  f.level[1] = {12, 10, true, true, 0, 0};
  f.level[2] = {22, 10, true, true, 0, bit(21)};  // PSE-36: 20:13 are address bits 39:32
  return f;
}

constexpr PagingFormat x86_pae() {
  PagingFormat f;
  f.id = FormatId::kX86Pae;
  f.name = "x86-pae";
  f.levels = 3;
  f.input_bits = 32;
  f.has_no_execute = true;
  f.physical_high = 62;  // 62:MAXPHYADDR are all reserved
  f.root_mask = mask(31, 5);
  f.level[1] = {12, 9, true, true, 0, 0};
  f.level[2] = {21, 9, true, true, 0, large_low_reserved(21)};
  f.level[3] = {30, 2, false, false, bit(63) | mask(8, 5) | mask(2, 1), 0};
  return f;
}

}  // namespace detail

inline constexpr std::array<PagingFormat, kNumFormats> kPagingFormats = {
    detail::x86_two_level(),
    detail::x86_pae(),
    detail::x86_long(FormatId::kX86FourLevel, "x86-4level", 4),
    detail::x86_long(FormatId::kX86FiveLevel, "x86-5level", 5),
    detail::ept_format(FormatId::kEptFourLevel, "ept-4level", 4),
    detail::ept_format(FormatId::kEptFiveLevel, "ept-5level", 5),
};

constexpr const PagingFormat& format_of(FormatId id) {
  return kPagingFormats[static_cast<unsigned>(id)];
}

// Address bits of a PSE-36 4M page: entry bits 31:22 and 20:13 (as address bits 39:32).
constexpr std::uint64_t pse36_page(std::uint64_t entry) {
  return (entry & mask(31, 22)) | (field(entry, 13, 8) << 32);
}

}  // namespace nestwalk
