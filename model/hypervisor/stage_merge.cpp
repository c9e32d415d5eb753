#include "model/hypervisor/stage_merge.h"

namespace nestwalk {

MergeCount StageMerger::merge_range(Gpa start, Gpa end, const MergeRequest& request) {
  MergeCount count;
  const unsigned bits = stage_.format().page_bits(request.level);
  const std::uint64_t size = bit(bits);
  const std::optional<DirtyLog>& log = stage_.vm().dirty_log;
  for (Gpa at = (start + (size - 1)).page(bits); at + size <= end; at = at + size) {
    if (!stage_.page_fits(at, request.level)) {
      return count;
    }
    const std::optional<HostEntry> link = stage_.find(at, request.level);
    if (!link || !stage_.view(*link).is_table()) {
      continue;
    }
    std::optional<Block> block;
    if (!log || !log->overlaps(at, bits)) {
      block = read_block(*link);
    }
    if (block && is_contiguous(*block)) {
      merge_in_place(*block);
      ++count.num_merged;
    } else if (block && request.may_copy && collapse(*block)) {
      ++count.num_collapsed;
    } else {
      ++count.num_refused;
    }
  }
  finish_merges();
  PagerStatistics& statistics = stage_.statistics();
  statistics.pages_merged[request.level - 2] += count.num_merged;
  statistics.pages_collapsed[request.level - 2] += count.num_collapsed;
  statistics.merges_refused += count.num_refused;
  return count;
}

std::optional<StageMerger::Block> StageMerger::read_block(const HostEntry& link) {
  Block block{link, Hpa(stage_.view(link).address()), 0, {}};
  const std::uint64_t flags = stage_.accessed_bit() | stage_.dirty_bit();
  bool is_whole = true;
  stage_.for_each_entry(link, block.table, [&](const HostEntry& page) {
    const EntryView view = stage_.view(page);
    const std::uint64_t attributes = view.attributes() & ~flags;
    if (block.frames.empty()) {
      block.attributes = attributes;
    }
    is_whole = is_whole && view.is_leaf() && attributes == block.attributes;
    block.frames.emplace_back(view.address());
  });
  return is_whole ? std::optional(std::move(block)) : std::nullopt;
}

bool StageMerger::is_contiguous(const Block& block) const {
  const Hpa first = block.frames.front();
  if (first.offset(stage_.page_bits(block.link)) != 0) {
    return false;
  }
  const unsigned piece_bits = stage_.format().page_bits(block.link.level - 1);
  for (std::size_t i = 0; i < block.frames.size(); ++i) {
    if (block.frames[i] != first + (std::uint64_t{i} << piece_bits)) {
      return false;
    }
  }
  return true;
}

std::uint64_t StageMerger::large_entry(const Block& block, Hpa frame) const {
  return block.attributes | frame.value() | bit(x86::kPageSize);
}

std::uint64_t StageMerger::gather_flags(const Block& block) {
  const std::uint64_t flags = stage_.accessed_bit() | stage_.dirty_bit();
  HostEntry link = block.link;  // its level and start, whatever it says now
  std::uint64_t gathered = 0;
  stage_.for_each_entry(link, block.table,
                        [&](const HostEntry& page) { gathered |= page.value & flags; });
  return stage_.vm().has_accessed_dirty() ? gathered : 0;
}

void StageMerger::merge_in_place(Block& block) {
  stage_.spend(stage_.params().page_update_cycles);
  const std::uint64_t large = large_entry(block, block.frames.front()) | gather_flags(block);
  stage_.change(block.link, [&](std::uint64_t) { return large; });
  unflushed_.push_back(std::move(block));
}

void StageMerger::finish_merges() {
  if (unflushed_.empty()) {
    return;
  }
  stage_.flush(targets_);
  for (Block& block : unflushed_) {
    const std::uint64_t late = gather_flags(block);
    stage_.change(block.link, [&](std::uint64_t word) { return word | late; });
    stage_.free_table(block.table);
  }
  unflushed_.clear();
}

bool StageMerger::collapse(Block& block) {
  const unsigned bits = stage_.page_bits(block.link);
  const unsigned piece_bits = stage_.format().page_bits(block.link.level - 1);
  const std::optional<Hpa> frame = stage_.take(bits, FrameUse::kGuestFrame);
  if (!frame) {
    return false;
  }
  stage_.spend(stage_.params().frame_allocation_cycles + stage_.params().page_update_cycles);
  stage_.unlink(block.link);
  stage_.flush(targets_);
  for (std::size_t i = 0; i < block.frames.size(); ++i) {
    stage_.copy(block.frames[i], *frame + (std::uint64_t{i} << piece_bits), piece_bits);
  }
  stage_.store(block.link, large_entry(block, *frame) | gather_flags(block));
  for (const Hpa piece : block.frames) {
    stage_.give_back(piece, piece_bits);
  }
  stage_.free_table(block.table);
  return true;
}

}  // namespace nestwalk
