// The rules that the entries of one stage follow in one context, worked out once: which bits make
// an entry present, malformed, a leaf, at each level.
//
//   const StageRules rules = guest_rules(context);
//   classify(rules, 2, entry);  // entry_rules.h
//
// Sources: Intel SDM vol. 3, "Paging" and "EPT misconfigurations"; AMD APM vol. 2, "Nested paging".
// Not for reading an entry: entry_rules.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/walk/context.h"

namespace nestwalk {

// What a walk asks of every entry of one level, in half a cache line. The patterns recognise the
// usual entry by one comparison; what matches neither is for classify(), which knows all rules.
struct alignas(32) LevelRules {
  // A well-formed table pointer: of these bits it has kPresentBit alone.
  std::uint64_t table_mask = 0;
  std::uint64_t leaf_mask = 0;  // a well-formed leaf: (entry & mask) == value
  std::uint64_t leaf_value = kPresentBit;
  // Where an entry stands in its table: (address >> shift) & mask, in bytes.
  std::uint16_t offset_mask = 0;
  std::uint8_t offset_shift = 0;
  std::uint8_t page_bits = 0;  // of a leaf

  static constexpr std::uint64_t kPresentBit = bit(x86::kPresent);
  static_assert(x86::kPresent == ept::kRead);

  [[nodiscard]] constexpr bool is_plain_table(std::uint64_t entry) const {
    return (entry & table_mask) == kPresentBit;
  }
  [[nodiscard]] constexpr bool is_plain_leaf(std::uint64_t entry) const {
    return (entry & leaf_mask) == leaf_value;
  }
  [[nodiscard]] constexpr std::uint64_t entry_offset(std::uint64_t address) const {
    return (address >> offset_shift) & offset_mask;
  }
};

// The rules of one stage, made once per context, as masks by level: a walk judges up to 24 entries,
// each by a few operations.
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
  std::uint64_t accessed = 0;  // the A bit, where the stage keeps one
  std::uint64_t dirty = 0;     // and the D bit of leaves
  std::uint64_t denials = 0;   // bits that take a right away; all others give one
  std::uint64_t table_address = 0;
  std::uint64_t beyond_input = 0;  // bits that no address translated by this stage has
  std::array<LevelRules, kMaxLevels + 1> level{};
};

// What make_stage_rules needs to know besides the format.
struct StageFeatures {
  unsigned physical_bits = kMaxPhysicalBits;
  bool no_execute = true;    // NX is enabled; without it bit 63 is reserved
  bool large_2level = true;  // CR4.PSE; without it the page-size bit of a 2-level PDE is ignored
  bool page_1g = true;
};

namespace detail {

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

// Of EPT only readable entries are matched, and of its leaves only write-back ones: what is rare
// costs a call of classify() and no comparison here.
constexpr LevelRules make_level_rules(const StageRules& rules, unsigned level) {
  const PagingFormat& format = *rules.format;
  const LevelFormat& spec = format.level[level];
  LevelRules result;
  const unsigned entry_bits = format.entry_bytes == 4 ? 2 : 3;
  result.offset_shift = static_cast<std::uint8_t>(spec.index_low - entry_bits);
  result.offset_mask =
      static_cast<std::uint16_t>(mask(spec.index_bits + entry_bits - 1U, entry_bits));
  result.page_bits = spec.index_low;
  if (!spec.has_rights) {
    return result;
  }
  // P, or R of EPT: with R set no combination of rights is misconfigured.
  constexpr std::uint64_t kPresent = LevelRules::kPresentBit;
  if (level > 1) {
    result.table_mask = kPresent | rules.leaf[level] | rules.malformed_table[level];
  }
  const bool can_be_leaf = level == 1 || rules.leaf[level] != 0;
  if (can_be_leaf && (rules.leaf[level] & rules.malformed_leaf[level]) == 0) {
    const std::uint64_t types = rules.is_ept ? mask(5, 3) : 0;
    result.leaf_mask = kPresent | rules.leaf[level] | rules.malformed_leaf[level] | types;
    result.leaf_value = kPresent | rules.leaf[level] | (ept::kWriteBack & types);
  }
  return result;
}

// What follows from the rest of the rules.
constexpr void complete(StageRules& rules) {
  rules.accessed =
      rules.has_accessed_dirty ? bit(rules.is_ept ? ept::kAccessed : x86::kAccessed) : 0;
  rules.dirty = rules.has_accessed_dirty ? bit(rules.is_ept ? ept::kDirty : x86::kDirty) : 0;
  rules.denials = rules.is_ept ? 0 : bit(x86::kNoExecute);
  rules.table_address = rules.format->entry_bytes == 4 ? mask(31, 12) : mask(51, 12);
  rules.beyond_input = mask(63, rules.format->input_bits);
  for (unsigned level = 1; level <= rules.format->levels; ++level) {
    rules.level[level] = make_level_rules(rules, level);
  }
}

}  // namespace detail

constexpr StageRules guest_rules(const WalkContext& context) {
  const Control& control = context.control;
  StageRules rules = detail::make_stage_rules(
      format_of(context.guest_format),
      {control.guest_maxphyaddr, control.nxe, control.pse, control.page_1g});
  detail::complete(rules);
  return rules;
}

// Of the shadow under agile paging: the guest's control bits, but the machine's physical width.
constexpr StageRules shadow_rules(const WalkContext& context) {
  const Control& control = context.control;
  StageRules rules =
      detail::make_stage_rules(format_of(context.guest_format),
                               {control.maxphyaddr, control.nxe, control.pse, control.page_1g});
  for (unsigned level = 1; level <= rules.format->levels; ++level) {
    rules.malformed_leaf[level] |= bit(agile::kSwitch);
  }
  detail::complete(rules);
  return rules;
}

// The host side of NPT runs with NXE and PSE on, whatever the guest does (AMD APM vol. 2).
constexpr StageRules host_rules(const WalkContext& context) {
  const Control& control = context.control;
  StageRules rules = detail::make_stage_rules(format_of(context.host_format),
                                              {control.maxphyaddr, true, true, control.page_1g});
  if (rules.is_ept) {
    rules.execute_only = control.execute_only;
    rules.mode_based_execute = control.mode_based_execute;
    rules.has_accessed_dirty = control.accessed_dirty;
    if (control.mode_based_execute) {
      rules.present |= bit(ept::kUserExecute);  // an entry with XU alone is present
    }
  }
  detail::complete(rules);
  return rules;
}

}  // namespace nestwalk
