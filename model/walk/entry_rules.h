// What one paging-structure entry says: not present, malformed, a table pointer or a leaf, with
// which rights. Pure functions of the entry and of the rules in force for its stage. Sources: Intel
// SDM vol. 3, "Paging" and "EPT misconfigurations"; AMD APM vol. 2, "Nested paging".
#pragma once

#include <cstdint>

#include "model/arch/paging_format.h"
#include "model/arch/rights.h"
#include "model/walk/stage_rules.h"

namespace nestwalk {

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
  return entry & rules.table_address;
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
  if (!rules.format->level[level].has_rights) {
    return 0;
  }
  return (rules.accessed | (wants_dirty ? rules.dirty : 0)) & ~entry;
}

constexpr bool is_dirty(const StageRules& rules, std::uint64_t leaf_entry) {
  return (rules.dirty & ~leaf_entry) == 0;
}

// What the entries of one path of a stage have in common, gathered by one operation an entry: every
// right that all of them give, and A and D where all of them have it.
class PathBits {
 public:
  constexpr void pass(const StageRules& rules, unsigned level, std::uint64_t entry) {
    if (rules.format->level[level].has_rights) {
      pass_with_rights(rules, entry);
    }
  }
  // For an entry that a pattern of its level has matched: it has rights.
  constexpr void pass_with_rights(const StageRules& rules, std::uint64_t entry) {
    bits_ &= entry ^ rules.denials;
  }
  // As one entry of level 1 would say it.
  [[nodiscard]] constexpr GuestRights guest(const StageRules& rules) const {
    return guest_rights(rules, 1, bits_ ^ rules.denials);
  }
  [[nodiscard]] constexpr HostRights host(const StageRules& rules) const {
    return host_rights(rules, 1, bits_ ^ rules.denials);
  }
  // Whether missing_accessed_dirty() is zero for every entry of the path that ends in `leaf`.
  [[nodiscard]] constexpr bool lacks_nothing(const StageRules& rules, std::uint64_t leaf,
                                             bool wants_dirty) const {
    return (rules.accessed & ~bits_) == 0 && (!wants_dirty || is_dirty(rules, leaf));
  }

 private:
  std::uint64_t bits_ = ~std::uint64_t{0};
};

}  // namespace nestwalk
