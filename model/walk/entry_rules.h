// What one paging-structure entry says: not present, malformed, a table pointer or a leaf, with
// which rights. Pure functions of the entry and of the rules in force for its stage. Sources: Intel
// SDM vol. 3, "Paging" and "EPT misconfigurations"; AMD APM vol. 2, "Nested paging".
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/arch/rights.h"
#include "model/walk/context.h"

namespace nestwalk {

// The rules of one stage, made once per walk from the context.
struct StageRules {
  const PagingFormat* format = nullptr;
  std::uint64_t reserved = 0;  // bits above the physical width, and NX where it is not enabled
  std::uint64_t pse36_reserved = 0;  // the same for a 4M leaf (SDM: width is min(40, MAXPHYADDR))
  bool large_2level = true;          // CR4.PSE
  bool page_1g = true;
  bool execute_only = true;
  bool mode_based_execute = false;
  bool has_accessed_dirty = true;
};

constexpr StageRules make_stage_rules(const PagingFormat& format, const Control& control,
                                      unsigned physical_bits, bool no_execute_enabled) {
  StageRules rules;
  rules.format = &format;
  rules.reserved = format.entry_bytes == 8 ? mask(format.physical_high, physical_bits) : 0;
  if (format.has_no_execute && !no_execute_enabled) {
    rules.reserved |= bit(x86::kNoExecute);
  }
  rules.pse36_reserved = mask(20, std::min(physical_bits, 40U) - 32 + 13);
  rules.page_1g = control.page_1g;
  return rules;
}

constexpr StageRules guest_rules(const WalkContext& context) {
  StageRules rules = make_stage_rules(format_of(context.guest_format), context.control,
                                      context.control.guest_maxphyaddr, context.control.nxe);
  rules.large_2level = context.control.pse;
  return rules;
}

// The host side of NPT runs with NXE and PSE on, whatever the guest does (AMD APM vol. 2).
constexpr StageRules host_rules(const WalkContext& context) {
  const Control& control = context.control;
  StageRules rules =
      make_stage_rules(format_of(context.host_format), control, control.maxphyaddr, true);
  if (rules.format->rules == RuleSet::kEpt) {
    rules.execute_only = control.execute_only;
    rules.mode_based_execute = control.mode_based_execute;
    rules.has_accessed_dirty = control.accessed_dirty;
  }
  return rules;
}

enum class EntryKind : std::uint8_t { kNotPresent, kMalformed, kTable, kLeaf };

constexpr bool is_present(const StageRules& rules, std::uint64_t entry) {
  if (rules.format->rules == RuleSet::kX86) {
    return (entry & bit(x86::kPresent)) != 0;
  }
  std::uint64_t any = mask(2, 0);
  if (rules.mode_based_execute) {
    any |= bit(ept::kUserExecute);  // an entry with XU alone is present
  }
  return (entry & any) != 0;
}

// Leaf by the page-size bit, which sits at the same place in both rule sets.
constexpr bool is_leaf(const StageRules& rules, unsigned level, std::uint64_t entry) {
  static_assert(x86::kPageSize == ept::kPageSize);
  if (level == 1) {
    return true;
  }
  if (!rules.format->level[level].can_be_leaf || (entry & bit(x86::kPageSize)) == 0) {
    return false;
  }
  return rules.format->entry_bytes == 8 || rules.large_2level;
}

constexpr bool is_ept_misconfigured(const StageRules& rules, bool leaf, std::uint64_t entry) {
  const bool read = (entry & bit(ept::kRead)) != 0;
  const bool write = (entry & bit(ept::kWrite)) != 0;
  const bool execute = (entry & bit(ept::kExecute)) != 0 ||
                       (rules.mode_based_execute && (entry & bit(ept::kUserExecute)) != 0);
  if (!read && (write || (execute && !rules.execute_only))) {
    return true;
  }
  const std::uint64_t type = field(entry, ept::kMemoryTypeLow, ept::kMemoryTypeWidth);
  return leaf && (type == 2 || type == 3 || type == 7);
}

constexpr EntryKind classify(const StageRules& rules, unsigned level, std::uint64_t entry) {
  if (!is_present(rules, entry)) {
    return EntryKind::kNotPresent;
  }
  const PagingFormat& format = *rules.format;
  const LevelFormat& spec = format.level[level];
  const bool leaf = is_leaf(rules, level, entry);
  std::uint64_t reserved = rules.reserved | (leaf ? spec.reserved_leaf : spec.reserved_table);
  if (leaf && format.entry_bytes == 4 && level > 1) {
    reserved |= rules.pse36_reserved;
  }
  if (leaf && level == 3 && !rules.page_1g) {
    reserved |= bit(x86::kPageSize);
  }
  if ((entry & reserved) != 0) {
    return EntryKind::kMalformed;
  }
  if (format.rules == RuleSet::kEpt && is_ept_misconfigured(rules, leaf, entry)) {
    return EntryKind::kMalformed;
  }
  return leaf ? EntryKind::kLeaf : EntryKind::kTable;
}

// Address of the next table, or of the page.
constexpr std::uint64_t table_address(const StageRules& rules, std::uint64_t entry) {
  return entry & (rules.format->entry_bytes == 4 ? mask(31, 12) : mask(51, 12));
}
constexpr std::uint64_t page_address(const StageRules& rules, unsigned level, std::uint64_t entry) {
  if (rules.format->entry_bytes == 4) {
    return level == 1 ? entry & mask(31, 12) : pse36_page(entry);
  }
  return entry & mask(51, rules.format->page_bits(level));
}

constexpr GuestRights guest_rights(const StageRules& rules, unsigned level, std::uint64_t entry) {
  GuestRights rights;
  if (!rules.format->level[level].has_rights) {
    return rights;
  }
  rights.bits = 0;
  if ((entry & bit(x86::kWrite)) != 0) {
    rights.bits |= GuestRights::kWrite;
  }
  if ((entry & bit(x86::kUser)) != 0) {
    rights.bits |= GuestRights::kUser;
  }
  // With NXE off the bit is reserved and so known to be clear here.
  if (!rules.format->has_no_execute || (entry & bit(x86::kNoExecute)) == 0) {
    rights.bits |= GuestRights::kExecute;
  }
  return rights;
}

constexpr HostRights host_rights(const StageRules& rules, unsigned level, std::uint64_t entry) {
  HostRights rights;
  if (rules.format->rules == RuleSet::kX86) {
    const GuestRights x86_rights = guest_rights(rules, level, entry);
    rights.bits = HostRights::kRead;
    if (x86_rights.write()) {
      rights.bits |= HostRights::kWrite;
    }
    if (x86_rights.execute()) {
      rights.bits |= HostRights::kExecute | HostRights::kUserExecute;
    }
    if (x86_rights.user()) {
      rights.bits |= HostRights::kUser;
    }
    return rights;
  }
  rights.bits = HostRights::kUser;
  if ((entry & bit(ept::kRead)) != 0) {
    rights.bits |= HostRights::kRead;
  }
  if ((entry & bit(ept::kWrite)) != 0) {
    rights.bits |= HostRights::kWrite;
  }
  if ((entry & bit(ept::kExecute)) != 0) {
    rights.bits |= HostRights::kExecute;
  }
  const unsigned user_execute = rules.mode_based_execute ? ept::kUserExecute : ept::kExecute;
  if ((entry & bit(user_execute)) != 0) {
    rights.bits |= HostRights::kUserExecute;
  }
  return rights;
}

// A and D bits that this entry still lacks for an access; zero where the stage keeps none.
constexpr std::uint64_t missing_accessed_dirty(const StageRules& rules, unsigned level,
                                               std::uint64_t entry, bool wants_dirty) {
  if (!rules.has_accessed_dirty || !rules.format->level[level].has_rights) {
    return 0;
  }
  const bool is_ept = rules.format->rules == RuleSet::kEpt;
  std::uint64_t wanted = bit(is_ept ? ept::kAccessed : x86::kAccessed);
  if (wants_dirty) {
    wanted |= bit(is_ept ? ept::kDirty : x86::kDirty);
  }
  return wanted & ~entry;
}

constexpr bool is_dirty(const StageRules& rules, std::uint64_t leaf_entry) {
  const unsigned position = rules.format->rules == RuleSet::kEpt ? ept::kDirty : x86::kDirty;
  return !rules.has_accessed_dirty || (leaf_entry & bit(position)) != 0;
}

}  // namespace nestwalk
