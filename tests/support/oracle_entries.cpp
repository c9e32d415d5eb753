#include "tests/support/oracle_entries.h"

#include <algorithm>
#include <cstdlib>

namespace nestwalk::oracle_entries {

bool is_ept(FormatId format) {
  return format == FormatId::kEptFourLevel || format == FormatId::kEptFiveLevel;
}

bool is_long(FormatId format) {
  return format == FormatId::kX86FourLevel || format == FormatId::kX86FiveLevel;
}

std::uint8_t root_level(FormatId format) {
  switch (format) {
    case FormatId::kX86TwoLevel:
      return 2;
    case FormatId::kX86Pae:
      return 3;
    case FormatId::kX86FourLevel:
    case FormatId::kEptFourLevel:
      return 4;
    case FormatId::kX86FiveLevel:
    case FormatId::kEptFiveLevel:
      return 5;
  }
  std::abort();
}

unsigned address_width(FormatId format) {
  return root_level(format) <= 3 ? 32 : 12 + 9 * unsigned{root_level(format)};
}

Word root_of(FormatId format, Word root_register) {
  switch (format) {
    case FormatId::kX86TwoLevel:
      return root_register & ones(31, 12);
    case FormatId::kX86Pae:
      return root_register & ones(31, 5);
    default:
      return root_register & ones(51, 12);
  }
}

std::uint8_t entry_size(FormatId format) {
  return format == FormatId::kX86TwoLevel ? 4 : 8;
}

std::uint8_t page_bits(FormatId format, unsigned level) {
  const unsigned index_bits = format == FormatId::kX86TwoLevel ? 10 : 9;
  return static_cast<std::uint8_t>(12 + index_bits * (level - 1));
}

Word entry_address(FormatId format, Word table, Word address, unsigned level) {
  const unsigned entries = format == FormatId::kX86TwoLevel ? 1024 : 512;
  Word index = (address >> page_bits(format, level)) % entries;
  if (format == FormatId::kX86Pae && level == 3) {
    index %= 4;
  }
  return table + index * entry_size(format);
}

bool X86Rules::has_rights(unsigned level) const {
  return !(format == FormatId::kX86Pae && level == 3);
}

bool X86Rules::is_leaf(unsigned level, Word entry) const {
  switch (level) {
    case 1:
      return true;
    case 2:
      return has(entry, 7) && (format != FormatId::kX86TwoLevel || pse);
    case 3:
      return has(entry, 7) && is_long(format);
    default:
      return false;
  }
}

bool X86Rules::is_reserved(unsigned level, Word entry) const {
  if (format == FormatId::kX86TwoLevel) {
    return level == 2 && is_leaf(level, entry) && has_reserved_4m_bit(entry);
  }
  if (format == FormatId::kX86Pae && level == 3) {
    return (entry & (ones(63, width) | ones(8, 5) | ones(2, 1))) != 0;
  }
  Word reserved = ones(format == FormatId::kX86Pae ? 62 : 51, width);
  if (!nxe) {
    reserved |= one(63);
  }
  if (level >= 4 || (level == 3 && !page_1g)) {
    reserved |= one(7);
  }
  if (level == 3 && has(entry, 7)) {
    reserved |= ones(29, 13);
  }
  if (level == 2 && has(entry, 7)) {
    reserved |= ones(20, 13);
  }
  return (entry & reserved) != 0;
}

Word X86Rules::table_base(Word entry) const {
  return entry & (format == FormatId::kX86TwoLevel ? ones(31, 12) : ones(51, 12));
}

Word X86Rules::page_base(unsigned level, Word entry) const {
  if (format != FormatId::kX86TwoLevel) {
    return entry & ones(51, page_bits(format, level));
  }
  if (level == 1) {
    return entry & ones(31, 12);
  }
  return (entry & ones(31, 22)) | ((entry & ones(20, 13)) << 19);  // PSE-36
}

bool X86Rules::may_execute(Word entry) const {
  return format == FormatId::kX86TwoLevel || !nxe || !has(entry, 63);
}

bool X86Rules::has_reserved_4m_bit(Word entry) const {
  bool reserved = has(entry, 21);
  for (unsigned position = 13; position <= 20; ++position) {
    const unsigned address_bit = position + 19;
    reserved |= has(entry, position) && address_bit >= std::min(40U, width);
  }
  return reserved;
}

// SDM vol. 3, "EPT translation mechanism" and "EPT misconfigurations".
EptVerdict judge_ept(const Control& control, unsigned level, Word entry) {
  const bool is_readable = has(entry, 0);
  const bool is_writable = has(entry, 1);
  const bool is_executable = has(entry, 2) || (control.mode_based_execute && has(entry, 10));
  if (!is_readable && !is_writable && !is_executable) {
    return EptVerdict::kNotPresent;
  }
  const bool is_page = level == 1 || (level <= 3 && has(entry, 7));
  Word reserved = ones(51, control.maxphyaddr);
  if (level >= 4) {
    reserved |= ones(7, 3);
  } else if (!is_page) {
    reserved |= ones(6, 3);
  } else if (level == 3) {
    reserved |= ones(29, 12);
  } else if (level == 2) {
    reserved |= ones(20, 12);
  }
  const Word memory_type = (entry >> 3) & 7;
  const bool is_bad_type = is_page && (memory_type == 2 || memory_type == 3 || memory_type == 7);
  const bool is_missing_1g = level == 3 && is_page && !control.page_1g;
  if ((entry & reserved) != 0 || is_bad_type || is_missing_1g || (is_writable && !is_readable) ||
      (!is_readable && is_executable && !control.execute_only)) {
    return EptVerdict::kMisconfigured;
  }
  return is_page ? EptVerdict::kPage : EptVerdict::kTable;
}

}  // namespace nestwalk::oracle_entries
