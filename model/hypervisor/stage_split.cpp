#include "model/hypervisor/stage_split.h"

namespace nestwalk {
namespace {

// The first piece of a large page; each further one lies one page on.
std::uint64_t first_piece(const EntryView& large) {
  const std::uint64_t size = large.level - 1 > 1 ? bit(x86::kPageSize) : 0;
  return large.attributes() | large.address() | size;
}

void fill_table(HostStage& stage, const HostEntry& large, Hpa table) {
  const unsigned level = large.level - 1;
  const std::uint64_t first = first_piece(stage.view(large));
  const std::uint64_t size = bit(stage.format().page_bits(level));
  for (std::uint64_t i = 0; i < bit(stage.format().level[level].index_bits); ++i) {
    HostEntry piece{large.start + i * size, table + i * stage.format().entry_bytes, 0, level};
    stage.store(piece, first + i * size);
  }
}

void split_down(HostStage& stage, HostEntry& leaf, Gpa start, Gpa end, SplitCount& count) {
  if (leaf.level == 1) {
    return;
  }
  if (!split_leaf(stage, leaf)) {
    ++count.num_refused;
    return;
  }
  ++count.num_split;
  if (leaf.level > 2) {
    stage.for_each_leaf(std::max(start, leaf.start),
                        std::min(end, leaf.start + bit(stage.page_bits(leaf))),
                        [&](HostEntry& piece) { split_down(stage, piece, start, end, count); });
  }
}

}  // namespace

bool split_leaf(HostStage& stage, HostEntry& large) {
  const std::optional<Hpa> table = stage.allocate_table();
  if (!table) {
    ++stage.statistics().splits_refused;
    return false;
  }
  stage.spend(stage.params().page_update_cycles);
  std::uint64_t link = 0;
  do {  // filled before it is linked, and again if the MMU has set A or D meanwhile
    fill_table(stage, large, *table);
    const bool is_accessed = stage.view(large).is_accessed() && stage.vm().has_accessed_dirty();
    link = stage.table(large.level, *table) | (is_accessed ? stage.accessed_bit() : 0);
  } while (!stage.swap(large, link));
  ++stage.statistics().pages_split[large.level - 2];
  return true;
}

SplitCount split_range(HostStage& stage, Gpa start, Gpa end) {
  SplitCount count;
  stage.for_each_leaf(start, end,
                      [&](HostEntry& leaf) { split_down(stage, leaf, start, end, count); });
  return count;
}

SplitCount split_at(HostStage& stage, Gpa boundary) {
  SplitCount count;
  if (boundary.value() >= stage.vm().params.memory_bytes) {
    return count;
  }
  for (;;) {
    HostEntry leaf = stage.find(boundary);
    if (!stage.view(leaf).is_leaf() || leaf.start == boundary) {
      return count;
    }
    if (!split_leaf(stage, leaf)) {
      ++count.num_refused;
      return count;
    }
    ++count.num_split;
  }
}

}  // namespace nestwalk
