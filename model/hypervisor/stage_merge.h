// Host pages put together again: a large entry takes the place of a table full of pages with the
// same rights, with A and D of any of them.
//
//   StageMerger merger(stage, targets);
//   merger.merge_range(start, end, {.level = 2, .may_copy = false});
//
// In place, where the frames lie as one large frame: one store makes the change, one flush follows
// for all blocks together (leaf-ness changed: SDM vol. 3, "Guidelines for use of the INVEPT
// instruction"), and only then are the tables free. What the MMU has set in a table up to the
// flush is gathered after it.
// By copying, where frame and size change together: the manual asks to clear the entry and to flush
// before the large page appears (SDM vol. 3, "Details of TLB use"); a flush for each block.
// Not while a dirty log covers a block: it wants small pages, or pages left as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

struct MergeRequest {
  unsigned level = 2;  // of the large pages
  bool may_copy = false;
};

struct MergeCount {
  std::uint64_t num_merged = 0;
  std::uint64_t num_collapsed = 0;  // by copying
  std::uint64_t num_refused = 0;    // tables that stay
};

class StageMerger {
 public:
  StageMerger(HostStage& stage, const FlushTargets& targets) : stage_(stage), targets_(targets) {}

  // Every whole block of the level in [start, end) that is backed by a table of pages.
  MergeCount merge_range(Gpa start, Gpa end, const MergeRequest& request);

 private:
  // What a table holds, if it can become a page.
  struct Block {
    HostEntry link;  // the entry that points to the table
    Hpa table;
    std::uint64_t attributes = 0;  // of all pages, without A and D
    std::vector<Hpa> frames;
  };
  [[nodiscard]] std::optional<Block> read_block(const HostEntry& link);
  [[nodiscard]] bool is_contiguous(const Block& block) const;
  [[nodiscard]] std::uint64_t large_entry(const Block& block, Hpa frame) const;
  // A and D of any page of the table.
  [[nodiscard]] std::uint64_t gather_flags(const Block& block);
  void merge_in_place(Block& block);
  void finish_merges();
  [[nodiscard]] bool collapse(Block& block);

  HostStage& stage_;
  const FlushTargets& targets_;
  std::vector<Block> unflushed_;  // merged, the tables not yet free
};

}  // namespace nestwalk
