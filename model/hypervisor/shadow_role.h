// What a shadow table mirrors, as its whole key: two tables that differ in any of it are different
// tables, and every link to a table is checked against the whole of it (a link that compared the
// frame alone was a bug of KVM for 16 years).
//
//   const ShadowKey key{table, role};
//   if (cache.table(child).key != key) ...   // another child must be linked
//
// Sources: Linux, Documentation/virt/kvm/x86/mmu.rst, "Shadow pages" and its roles.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/paging_format.h"
#include "model/arch/rights.h"

namespace nestwalk {

// What is the same for all tables that a virtual CPU uses at a time: format of its guest's tables
// and the control bits that decide which entries are well-formed and which rights they give.
struct ShadowMode {
  bool paging = true;
  FormatId guest_format = FormatId::kX86FourLevel;
  bool no_execute = true;    // EFER.NXE: bit 63 is a right, not reserved
  bool large_2level = true;  // CR4.PSE
  bool wp = true;            // CR0.WP
  bool smep = false;         // CR4.SMEP, noted with WP = 0 only: it decides what is then writable
  bool smap = false;         // CR4.SMAP, likewise

  friend constexpr bool operator==(const ShadowMode&, const ShadowMode&) = default;
};

struct ShadowRole {
  ShadowMode mode;
  std::uint8_t level = 1;  // of the shadow table
  // A 2-level guest table has 1024 entries: a shadow of level 2 mirrors a quarter of it, each entry
  // twice, and one of level 1 a half.
  std::uint8_t quadrant = 0;
  // It mirrors no table but consecutive guest-physical pages: part of a large page of the guest, or
  // a guest without paging.
  bool direct = false;
  GuestRights access;  // direct: of all its pages; else what the entries above give

  friend constexpr bool operator==(const ShadowRole&, const ShadowRole&) = default;
};

struct ShadowKey {
  Gpa frame;  // of the guest table; direct: the first page
  ShadowRole role;

  friend constexpr bool operator==(const ShadowKey&, const ShadowKey&) = default;
};

inline constexpr unsigned kShadowEntries = 512;

// The format of the shadow of such a guest. Levels 1 and 2 of all formats span the same, apart from
// the quadrants.
constexpr FormatId shadow_format(const ShadowMode& mode) {
  return mode.paging && mode.guest_format == FormatId::kX86FiveLevel ? FormatId::kX86FiveLevel
                                                                     : FormatId::kX86FourLevel;
}

// The highest guest level whose tables are shadowed as such: above it a 2-level or PAE guest has
// none, or registers (PDPTEs).
constexpr unsigned highest_mirrored_level(const ShadowMode& mode) {
  const PagingFormat& format = format_of(mode.guest_format);
  return format.input_bits == 32 ? 2 : format.levels;
}

// Which entry of the guest's table a shadow entry mirrors.
constexpr unsigned guest_index(const ShadowRole& role, unsigned index) {
  if (format_of(role.mode.guest_format).entry_bytes == 8) {
    return index;
  }
  return role.level == 1 ? role.quadrant * 512U + index : role.quadrant * 256U + index / 2;
}

}  // namespace nestwalk
