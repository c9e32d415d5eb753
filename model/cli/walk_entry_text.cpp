#include "model/cli/walk_entry_text.h"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace nestwalk {

namespace {

struct Flag {
  unsigned position;
  std::string_view name;
};

constexpr std::array<std::string_view, 8> kMemoryTypes = {"UC", "WC", "2?", "3?",
                                                          "WT", "WP", "WB", "7?"};

void add_flags(std::vector<std::string>& words, std::uint64_t entry,
               std::initializer_list<Flag> flags) {
  for (const Flag& flag : flags) {
    if ((entry & bit(flag.position)) != 0) {
      words.emplace_back(flag.name);
    }
  }
}

std::string x86_flags(const StageRules& rules, unsigned level, std::uint64_t entry) {
  std::vector<std::string> words;
  const bool leaf = is_leaf(rules, level, entry);
  add_flags(words, entry, {{x86::kPresent, "P"}});
  if (rules.format->level[level].has_rights) {
    add_flags(words, entry, {{x86::kWrite, "RW"}, {x86::kUser, "US"}, {x86::kAccessed, "A"}});
  }
  if (leaf) {
    add_flags(words, entry, {{x86::kDirty, "D"}});
    if (level > 1) {
      words.emplace_back("PS");
    }
    add_flags(words, entry, {{x86::kGlobal, "G"}});
    const std::uint64_t key = field(entry, x86::kPkeyLow, x86::kPkeyWidth);
    if (rules.format->has_protection_keys && key != 0) {
      words.push_back(fmt::format("key={}", key));
    }
  }
  if (rules.format->has_no_execute) {
    add_flags(words, entry, {{x86::kNoExecute, "NX"}});
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::string ept_flags(const StageRules& rules, unsigned level, std::uint64_t entry) {
  std::vector<std::string> words;
  const bool leaf = is_leaf(rules, level, entry);
  add_flags(words, entry,
            {{ept::kRead, "R"},
             {ept::kWrite, "W"},
             {ept::kExecute, rules.mode_based_execute ? "XS" : "X"}});
  if (rules.mode_based_execute) {
    add_flags(words, entry, {{ept::kUserExecute, "XU"}});
  }
  if (rules.has_accessed_dirty) {
    add_flags(words, entry, {{ept::kAccessed, "A"}});
  }
  if (leaf) {
    if (rules.has_accessed_dirty) {
      add_flags(words, entry, {{ept::kDirty, "D"}});
    }
    if (level > 1) {
      words.emplace_back("PS");
    }
    words.push_back(
        fmt::format("{}", kMemoryTypes[field(entry, ept::kMemoryTypeLow, ept::kMemoryTypeWidth)]));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

// An entry of the same level and leafness that says nothing else and is well formed, unless the
// page size itself is not allowed.
std::uint64_t plain_entry(const StageRules& rules, unsigned level, std::uint64_t entry) {
  std::uint64_t plain = rules.format->rules == RuleSet::kEpt ? mask(2, 0) : bit(x86::kPresent);
  if (level > 1 && is_leaf(rules, level, entry)) {
    plain |= bit(x86::kPageSize);
  }
  return plain;
}

}  // namespace

std::string_view level_name(unsigned level) {
  constexpr std::array<std::string_view, kMaxLevels + 1> kNames = {"page",  "PTE",   "PDE",
                                                                   "PDPTE", "PML4E", "PML5E"};
  return kNames[level];
}

std::string entry_name(const WalkContext& context, Stage stage, unsigned level) {
  if (stage == Stage::kGuest) {
    return fmt::format("guest {}", level_name(level));
  }
  return fmt::format("{} {}", context.is_npt() ? "NPT" : "EPT", level_name(level));
}

std::string size_text(unsigned page_bits) {
  constexpr std::array<char, 4> kUnits = {'B', 'K', 'M', 'G'};
  return fmt::format("{}{}", 1U << (page_bits % 10), kUnits[page_bits / 10]);
}

std::string describe_entry(const StageRules& rules, unsigned level, std::uint64_t entry) {
  const std::string flags = rules.format->rules == RuleSet::kEpt ? ept_flags(rules, level, entry)
                                                                 : x86_flags(rules, level, entry);
  switch (classify(rules, level, entry)) {
    case EntryKind::kNotPresent:
      return "not present";
    case EntryKind::kMalformed:
      return fmt::format("{}; {}", flags, describe_malformed(rules, level, entry));
    case EntryKind::kTable:
      return fmt::format("{} -> table {:#x}", flags, table_address(rules, entry));
    case EntryKind::kLeaf:
      break;
  }
  return fmt::format("{} -> {} page {:#x}", flags, size_text(rules.format->page_bits(level)),
                     page_address(rules, level, entry));
}

std::string describe_malformed(const StageRules& rules, unsigned level, std::uint64_t entry) {
  if (classify(rules, level, entry) != EntryKind::kMalformed) {
    return {};
  }
  const std::uint64_t plain = plain_entry(rules, level, entry);
  if (classify(rules, level, plain) == EntryKind::kMalformed) {
    return "the page-size bit is reserved at this level";
  }
  std::vector<std::string> reasons;
  std::vector<unsigned> reserved;
  const bool is_ept = rules.format->rules == RuleSet::kEpt;
  const std::uint64_t type_mask = is_ept && is_leaf(rules, level, entry) ? mask(5, 3) : 0;
  const std::uint64_t suspects = entry & ~plain & ~type_mask;
  for (unsigned position = 0; position < 64; ++position) {
    const std::uint64_t suspect = bit(position);
    if ((suspects & suspect) != 0 &&
        classify(rules, level, plain | suspect) == EntryKind::kMalformed) {
      reserved.push_back(position);
    }
  }
  if (!reserved.empty()) {
    reasons.push_back(fmt::format("reserved bit{} {} set", reserved.size() > 1 ? "s" : "",
                                  fmt::join(reserved, ", ")));
  }
  if (is_ept && (entry & bit(ept::kRead)) == 0) {
    if ((entry & bit(ept::kWrite)) != 0) {
      reasons.emplace_back("W without R");
    } else if (!rules.execute_only) {
      reasons.emplace_back("X without R, and execute-only is not supported");
    }
  }
  const std::uint64_t type = field(entry, ept::kMemoryTypeLow, ept::kMemoryTypeWidth);
  if (type_mask != 0 && (type == 2 || type == 3 || type == 7)) {
    reasons.push_back(fmt::format("memory type {} does not exist", type));
  }
  return fmt::format("{}", fmt::join(reasons, "; "));
}

}  // namespace nestwalk
