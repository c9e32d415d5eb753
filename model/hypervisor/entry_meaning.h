// What one table entry lets a walk do, in a form that two entries can be compared in.
//
//   gives_no_more(meaning_of(rules, Stage::kGuest, 1, old), meaning_of(rules, Stage::kGuest, 1,
//   now))
#pragma once

#include <cstdint>

#include "model/arch/position.h"
#include "model/arch/translation.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {

struct EntryMeaning {
  EntryKind kind = EntryKind::kNotPresent;
  std::uint64_t address = 0;  // of the next table, or of the page
  GuestRights guest;
  HostRights host;
  std::uint8_t protection_key = 0;
  bool global = false;
  bool dirty = true;

  [[nodiscard]] constexpr bool may_be_cached() const {
    return kind == EntryKind::kTable || kind == EntryKind::kLeaf;
  }
};

// Rights that only ever permit more. Of the guest's user bit neither value does: supervisors may
// use less of a user page under SMEP and SMAP.
constexpr bool gives_no_more(GuestRights a, GuestRights b) {
  constexpr unsigned kMonotone = GuestRights::kWrite | GuestRights::kExecute;
  return a.user() == b.user() && (a.bits & ~b.bits & kMonotone) == 0;
}

constexpr bool gives_no_more(HostRights a, HostRights b) {
  return b.has_all(a);
}

constexpr bool gives_no_more(const EntryMeaning& a, const EntryMeaning& b) {
  return a.kind == b.kind && a.address == b.address && gives_no_more(a.guest, b.guest) &&
         gives_no_more(a.host, b.host) && a.protection_key == b.protection_key &&
         a.global == b.global && (b.dirty || !a.dirty);
}

// The same memory with no more rights: whoever holds `a` can do nothing that `b` forbids.
constexpr bool gives_no_more(const Translation& a, const Translation& b) {
  return a.hpa == b.hpa && a.gpa == b.gpa && a.guest_page_bits == b.guest_page_bits &&
         a.host_page_bits == b.host_page_bits && a.protection_key == b.protection_key &&
         a.global == b.global && (b.dirty || !a.dirty) && gives_no_more(a.guest, b.guest) &&
         gives_no_more(a.host, b.host);
}

constexpr EntryMeaning meaning_of(const StageRules& rules, Stage stage, unsigned level,
                                  std::uint64_t entry) {
  EntryMeaning meaning;
  meaning.kind = classify(rules, level, entry);
  if (!meaning.may_be_cached()) {
    return meaning;
  }
  const bool is_leaf = meaning.kind == EntryKind::kLeaf;
  meaning.address = is_leaf ? page_address(rules, level, entry) : table_address(rules, entry);
  if (stage == Stage::kGuest) {
    meaning.guest = guest_rights(rules, level, entry);
  } else {
    meaning.host = host_rights(rules, level, entry);
  }
  if (is_leaf) {
    meaning.dirty = is_dirty(rules, entry);
    if (stage == Stage::kGuest) {
      meaning.global = (entry & bit(x86::kGlobal)) != 0;
      meaning.protection_key =
          rules.format->has_protection_keys
              ? static_cast<std::uint8_t>(field(entry, x86::kPkeyLow, x86::kPkeyWidth))
              : std::uint8_t{0};
    }
  }
  return meaning;
}

}  // namespace nestwalk
