// How the second witness reads entries: written from the manuals by itself, apart from
// model/arch/entry.h and paging_format.h, so that a wrong constant in either shows.
//
//   const X86Rules rules{FormatId::kX86Pae, 40, true, true, true};
//   rules.is_reserved(2, entry);
//
// Not for use outside oracle.cpp.
// Sources: Intel SDM vol. 3, "Paging" and "VMX support for address translation"; AMD APM vol. 2,
// "Nested paging".
#pragma once

#include <cstdint>

#include "model/arch/access.h"
#include "model/walk/context.h"

namespace nestwalk::oracle_entries {

using Word = std::uint64_t;

constexpr Word one(unsigned position) {
  return Word{1} << position;
}

// Ones in high..low; none when high < low.
constexpr Word ones(unsigned high, unsigned low) {
  Word result = 0;
  for (unsigned position = low; position <= high; ++position) {
    result |= one(position);
  }
  return result;
}

constexpr bool has(Word word, unsigned position) {
  return ((word >> position) & 1) != 0;
}

bool is_ept(FormatId format);
bool is_long(FormatId format);  // 4- and 5-level x86
std::uint8_t root_level(FormatId format);
unsigned address_width(FormatId format);  // bits of the address that the format translates
Word root_of(FormatId format, Word root_register);
std::uint8_t entry_size(FormatId format);
std::uint8_t page_bits(FormatId format, unsigned level);
Word entry_address(FormatId format, Word table, Word address, unsigned level);

// What x86 entries mean; the same for a guest and for NPT.
struct X86Rules {
  FormatId format;
  unsigned width;  // physical-address width that decides the reserved bits
  bool nxe;
  bool pse;
  bool page_1g;

  [[nodiscard]] bool has_rights(unsigned level) const;  // R/W, U/S, NX and A: not in a PDPTE
  [[nodiscard]] bool is_leaf(unsigned level, Word entry) const;
  [[nodiscard]] bool is_reserved(unsigned level, Word entry) const;
  [[nodiscard]] Word table_base(Word entry) const;
  [[nodiscard]] Word page_base(unsigned level, Word entry) const;
  [[nodiscard]] bool may_execute(Word entry) const;

 private:
  [[nodiscard]] bool has_reserved_4m_bit(Word entry) const;
};

enum class EptVerdict { kNotPresent, kMisconfigured, kTable, kPage };

EptVerdict judge_ept(const Control& control, unsigned level, Word entry);

}  // namespace nestwalk::oracle_entries
