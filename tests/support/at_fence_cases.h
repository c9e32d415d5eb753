// Small tables with a change to them, for races between accesses and an invalidation, and the
// operations that the manuals let software choose from after such a change.
//
//   const FenceTables tables = make_fence_tables({FormatId::kX86FourLevel, std::nullopt}, true);
//   if (tables.can(TableChange::kMoveTable)) {
//     shot.edits = tables.edits(TableChange::kMoveTable);
//     shot.invalidations = fence_operation(tables, InvalidateOp::kInvlpg);
//   }
//
// Not for invalidations that cover too little: what may then be seen is another question.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "tests/support/at_fence_bench.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {

enum class TableChange : std::uint8_t {
  kRemap,      // guest leaf to another page
  kUnmap,      // guest leaf not present
  kDropWrite,  // guest leaf read-only
  kClearAd,    // guest leaf's A and D
  kMoveTable,  // the entry above points to another table; the old one becomes data
  kMerge,      // the entry above becomes a 2M page; the old table becomes data
  kHostRemap,  // host leaf of the data page
  kHostUnmap,
  kHostDropWrite,
  kHostClearAd,
  kHostMoveTable,  // host leaf of the page of a guest table; the old frame becomes data
  kHostMoveEpt,  // the entry above the host leaf points to another table; the old one becomes data
};
inline constexpr unsigned kNumTableChanges = 12;
inline constexpr std::array<std::string_view, kNumTableChanges> kTableChangeNames = {
    "remap",           "unmap",         "drop_write",      "clear_ad",
    "move_table",      "merge",         "host_remap",      "host_unmap",
    "host_drop_write", "host_clear_ad", "host_move_table", "host_move_ept"};

inline constexpr std::array<TableChange, kNumTableChanges> kTableChanges = {
    TableChange::kRemap,       TableChange::kUnmap,         TableChange::kDropWrite,
    TableChange::kClearAd,     TableChange::kMoveTable,     TableChange::kMerge,
    TableChange::kHostRemap,   TableChange::kHostUnmap,     TableChange::kHostDropWrite,
    TableChange::kHostClearAd, TableChange::kHostMoveTable, TableChange::kHostMoveEpt};

constexpr bool is_host_change(TableChange change) {
  return change >= TableChange::kHostRemap;
}

struct FenceTables {
  explicit FenceTables(const StagePair& stages) : hand(stages) {}

  HandTables hand;
  // Pages: 0 to 3 in one table, 4 and 5 in another, 6 and 7 far away. The changes concern page 0 or
  // the table of the first four.
  std::vector<Gva> pages;

  [[nodiscard]] bool can(TableChange change) const;
  // `round`: repeated changes lead to another page or frame each time.
  [[nodiscard]] std::vector<TableEdit> edits(TableChange change, unsigned round = 0) const;
  // Two accesses to page 0, then one to each other page, of various kinds.
  [[nodiscard]] std::vector<Access> accesses() const;
  // Every page by reads, writes and fetches.
  [[nodiscard]] std::vector<Access> everything() const;
};

// `needs_updates`: A and D are clear at first.
FenceTables make_fence_tables(const StagePair& stages, bool needs_updates);

// The operations that fit a change of this stage.
std::vector<InvalidateOp> fitting_operations(const FenceTables& tables, bool host_stage);
// With the operands that concern these tables; one by address comes for each page.
std::vector<Invalidation> fence_operation(const FenceTables& tables, InvalidateOp op);
// The same operations with a tag that is not theirs; those without an operand are left out.
std::vector<Invalidation> foreign_operations(const FenceTables& tables);

}  // namespace nestwalk
