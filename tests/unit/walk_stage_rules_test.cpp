// The one-comparison patterns against classify(), which knows all rules: a pattern may leave an
// entry to it, but must never say anything else.
#include "model/walk/stage_rules.h"

#include <gtest/gtest.h>

#include <array>

#include "model/arch/splitmix.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {
namespace {

struct Matches {
  std::uint64_t tables = 0;
  std::uint64_t leaves = 0;
  std::uint64_t contradictions = 0;
};

void check_entry(const StageRules& rules, unsigned level, std::uint64_t entry, Matches& matches) {
  const LevelRules& pattern = rules.level[level];
  const EntryKind kind = classify(rules, level, entry);
  const bool is_table = pattern.is_plain_table(entry);
  const bool is_leaf = pattern.is_plain_leaf(entry);
  matches.tables += is_table ? 1 : 0;
  matches.leaves += is_leaf ? 1 : 0;
  if ((is_table && kind != EntryKind::kTable) || (is_leaf && kind != EntryKind::kLeaf)) {
    if (matches.contradictions++ == 0) {
      ADD_FAILURE() << rules.format->name << " level " << level << " entry 0x" << std::hex << entry
                    << " is " << static_cast<int>(kind);
    }
  }
}

// Every value of the low bits, under upper bits that are clear, an address, or anything.
void check_rules(const StageRules& rules, SplitMix& random, Matches& matches) {
  const std::uint64_t width = rules.format->entry_bytes == 4 ? mask(31, 0) : mask(63, 0);
  for (unsigned level = 1; level <= rules.format->levels; ++level) {
    for (std::uint64_t low = 0; low < 2048; ++low) {
      const std::uint64_t draw = random.draw();
      const std::array<std::uint64_t, 4> upper = {0, draw & mask(35, 12), draw & mask(63, 12),
                                                  draw & (mask(35, 21) | bit(63))};
      for (const std::uint64_t bits : upper) {
        check_entry(rules, level, (bits | low) & width, matches);
      }
    }
  }
}

TEST(StageRules, APatternNeverContradictsTheRules) {
  const std::uint64_t seed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SplitMix random(seed);
  for (unsigned format = 0; format < kNumFormats; ++format) {
    Matches matches;
    for (unsigned features = 0; features < 32; ++features) {
      WalkContext context;
      context.guest_format = static_cast<FormatId>(format);
      context.host_format = context.guest_format;
      Control& control = context.control;
      control.nxe = control.execute_only = (features & 1) != 0;
      control.pse = control.mode_based_execute = (features & 2) != 0;
      control.page_1g = (features & 4) != 0;
      control.accessed_dirty = (features & 8) != 0;
      control.maxphyaddr = control.guest_maxphyaddr = (features & 16) != 0 ? 52 : 36;
      check_rules(guest_rules(context), random, matches);
      check_rules(host_rules(context), random, matches);
    }
    EXPECT_GT(matches.tables, 10000U) << format_of(static_cast<FormatId>(format)).name;
    EXPECT_GT(matches.leaves, 2000U) << format_of(static_cast<FormatId>(format)).name;
    EXPECT_EQ(matches.contradictions, 0U) << format_of(static_cast<FormatId>(format)).name;
  }
}

TEST(StageRules, AnEntryStandsWhereTheFormatSays) {
  for (const PagingFormat& format : kPagingFormats) {
    WalkContext context;
    context.host_format = format.id;
    const StageRules rules = host_rules(context);
    for (unsigned level = 1; level <= format.levels; ++level) {
      const std::uint64_t address = 0x5a5a'a5a5'1234'5678;
      EXPECT_EQ(rules.level[level].entry_offset(address),
                format.index(level, address) * format.entry_bytes)
          << format.name << " level " << level;
    }
  }
}

}  // namespace
}  // namespace nestwalk
