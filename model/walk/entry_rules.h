// What one paging-structure entry says: not present, malformed, a table pointer or a leaf, with
// which rights. Pure functions of the entry and of the rules in force for its stage. Sources: Intel
// SDM vol. 3, "Paging" and "EPT misconfigurations"; AMD APM vol. 2, "Nested paging".
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/arch/rights.h"
#include "model/walk/context.h"

namespace nestwalk {

// The rules of one stage, made once per walk from the context, as masks by level: a walk judges up
// to 24 entries, each by a few operations.
struct StageRules {
  const PagingFormat* format = nullptr;
  std::uint64_t present = 0;                         // any of these bits: the entry is present
  std::array<std::uint64_t, kMaxLevels + 1> leaf{};  // this bit: a leaf (level 1 always)
  std::array<std::uint64_t, kMaxLevels + 1> malformed_leaf{};   // a present leaf has none of these
  std::array<std::uint64_t, kMaxLevels + 1> malformed_table{};  // nor a present table pointer these
  bool is_ept = false;
  bool execute_only = true;
  bool mode_based_execute = false;
  bool has_accessed_dirty = true;
};

// What make_stage_rules needs to know besides the format.
struct StageFeatures {
  unsigned physical_bits = kMaxPhysicalBits;
  bool no_execute = true;    // NX is enabled; without it bit 63 is reserved
  bool large_2level = true;  // CR4.PSE; without it the page-size bit of a 2-level PDE is ignored
  bool page_1g = true;
};

constexpr StageRules make_stage_rules(const PagingFormat& format, const StageFeatures& features) {
  static_assert(x86::kPageSize == ept::kPageSize);
  StageRules rules;
  rules.format = &format;
  rules.is_ept = format.rules == RuleSet::kEpt;
  rules.present = rules.is_ept ? mask(2, 0) : bit(x86::kPresent);
  std::uint64_t everywhere = 0;
  if (format.entry_bytes == 8) {
    everywhere = mask(format.physical_high, features.physical_bits);
  }
  if (format.has_no_execute && !features.no_execute) {
    everywhere |= bit(x86::kNoExecute);
  }
  for (unsigned level = 1; level <= format.levels; ++level) {
    const LevelFormat& spec = format.level[level];
    rules.malformed_leaf[level] = everywhere | spec.reserved_leaf;
    rules.malformed_table[level] = everywhere | spec.reserved_table;
    if (level > 1 && spec.can_be_leaf && (format.entry_bytes == 8 || features.large_2level)) {
      rules.leaf[level] = bit(x86::kPageSize);
    }
  }
  if (format.entry_bytes == 4) {
    // PSE-36 (SDM): bits 20:13 stand for address bits 39:32, and the width is min(40, MAXPHYADDR).
    rules.malformed_leaf[2] |= mask(20, std::min(features.physical_bits, 40U) - 32 + 13);
  }
  if (!features.page_1g && format.levels >= 3 && format.level[3].can_be_leaf) {
    rules.malformed_leaf[3] |= bit(x86::kPageSize);
  }
  return rules;
}

constexpr StageRules guest_rules(const WalkContext& context) {
  const Control& control = context.control;
  return make_stage_rules(format_of(context.guest_format),
                          {control.guest_maxphyaddr, control.nxe, control.pse, control.page_1g});
}

// The host side of NPT runs with NXE and PSE on, whatever the guest does (AMD APM vol. 2).
constexpr StageRules host_rules(const WalkContext& context) {
  const Control& control = context.control;
  StageRules rules = make_stage_rules(format_of(context.host_format),
                                      {control.maxphyaddr, true, true, control.page_1g});
  if (rules.is_ept) {
    rules.execute_only = control.execute_only;
    rules.mode_based_execute = control.mode_based_execute;
    rules.has_accessed_dirty = control.accessed_dirty;
    if (control.mode_based_execute) {
      rules.present |= bit(ept::kUserExecute);  // an entry with XU alone is present
    }
  }
  return rules;
}

enum class EntryKind : std::uint8_t { kNotPresent, kMalformed, kTable, kLeaf };

constexpr bool is_present(const StageRules& rules, std::uint64_t entry) {
  return (entry & rules.present) != 0;
}

constexpr bool is_leaf(const StageRules& rules, unsigned level, std::uint64_t entry) {
  return level == 1 || (entry & rules.leaf[level]) != 0;
}

constexpr bool is_ept_misconfigured(const StageRules& rules, bool leaf, std::uint64_t entry) {
  if ((entry & bit(ept::kRead)) == 0) {
    const std::uint64_t execute =
        bit(ept::kExecute) | (rules.mode_based_execute ? bit(ept::kUserExecute) : 0);
    if ((entry & bit(ept::kWrite)) != 0 || (!rules.execute_only && (entry & execute) != 0)) {
      return true;
    }
  }
  constexpr std::uint64_t kBadTypes = bit(2) | bit(3) | bit(7);
  const std::uint64_t type = field(entry, ept::kMemoryTypeLow, ept::kMemoryTypeWidth);
  return leaf && ((kBadTypes >> type) & 1) != 0;
}

constexpr EntryKind classify(const StageRules& rules, unsigned level, std::uint64_t entry) {
  if (!is_present(rules, entry)) {
    return EntryKind::kNotPresent;
  }
  const bool leaf = is_leaf(rules, level, entry);
  if ((entry & (leaf ? rules.malformed_leaf : rules.malformed_table)[level]) != 0 ||
      (rules.is_ept && is_ept_misconfigured(rules, leaf, entry))) {
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

// Rights bits are moved, not tested one by one: the positions are checked here.
static_assert(GuestRights::kWrite == bit(x86::kWrite) >> 1);
static_assert(GuestRights::kUser == bit(x86::kUser) >> 1);
static_assert(HostRights::kRead == bit(ept::kRead) && HostRights::kWrite == bit(ept::kWrite) &&
              HostRights::kExecute == bit(ept::kExecute));
static_assert(HostRights::kUserExecute == HostRights::kExecute << 1 &&
              HostRights::kUserExecute == bit(ept::kUserExecute) >> 7);

constexpr GuestRights guest_rights(const StageRules& rules, unsigned level, std::uint64_t entry) {
  GuestRights rights;
  if (!rules.format->level[level].has_rights) {
    return rights;
  }
  rights.bits =
      static_cast<std::uint8_t>((entry >> 1) & (GuestRights::kWrite | GuestRights::kUser));
  // With NXE off the bit is reserved and so known to be clear here.
  if (!rules.format->has_no_execute || (entry & bit(x86::kNoExecute)) == 0) {
    rights.bits |= GuestRights::kExecute;
  }
  return rights;
}

constexpr HostRights host_rights(const StageRules& rules, unsigned level, std::uint64_t entry) {
  HostRights rights;
  if (rules.is_ept) {
    const std::uint64_t user_execute = rules.mode_based_execute ? entry >> 7 : entry << 1;
    rights.bits = static_cast<std::uint8_t>((entry & mask(2, 0)) | HostRights::kUser |
                                            (user_execute & HostRights::kUserExecute));
    return rights;
  }
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

// A and D bits that this entry still lacks for an access; zero where the stage keeps none.
constexpr std::uint64_t missing_accessed_dirty(const StageRules& rules, unsigned level,
                                               std::uint64_t entry, bool wants_dirty) {
  if (!rules.has_accessed_dirty || !rules.format->level[level].has_rights) {
    return 0;
  }
  std::uint64_t wanted = bit(rules.is_ept ? ept::kAccessed : x86::kAccessed);
  if (wants_dirty) {
    wanted |= bit(rules.is_ept ? ept::kDirty : x86::kDirty);
  }
  return wanted & ~entry;
}

constexpr bool is_dirty(const StageRules& rules, std::uint64_t leaf_entry) {
  const unsigned position = rules.is_ept ? ept::kDirty : x86::kDirty;
  return !rules.has_accessed_dirty || (leaf_entry & bit(position)) != 0;
}

}  // namespace nestwalk
