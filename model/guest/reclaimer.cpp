#include "model/guest/reclaimer.h"

#include <optional>

#include "model/guest/page_split.h"

namespace nestwalk {

Gva Reclaimer::scan(Gva start, Gva end) {
  return visit_leaves(tables_, root_, start, end,
                      [this](TableRef at, Gva address, std::uint64_t entry) {
                        return look_at(at, address, entry);
                      });
}

LeafVisit Reclaimer::look_at(TableRef at, Gva address, std::uint64_t entry) {
  const EntryCodec& codec = tables_.codec();
  if (EntryCodec::is_swapped(entry) ||
      (zone_ == FrameZone::kLow && !tables_.frames().is_low(codec.page(at.level, entry)))) {
    return LeafVisit::kGoOn;
  }
  ++tables_.statistics().reclaim_scans;
  tables_.spend(params_.scan_cycles);
  if ((entry & bit(x86::kAccessed)) != 0) {
    const Swap swap{codec.bytes(), entry, entry & ~bit(x86::kAccessed)};
    if (!tables_.replace(at, address, swap)) {
      return LeafVisit::kAgain;  // the MMU has set D meanwhile
    }
    has_changed_ = true;
    return LeafVisit::kGoOn;
  }
  if (at.level > 1) {
    const bool is_split = split_leaf(tables_, at, address);
    has_changed_ |= is_split;
    return is_split ? LeafVisit::kAgain : LeafVisit::kGoOn;
  }
  return unmap(at, address, entry);
}

// Written since it was last in swap: D says so. But a frame that several hold is written by none of
// them, so that what is remembered of it is true whatever D says.
LeafVisit Reclaimer::unmap(TableRef at, Gva address, std::uint64_t entry) {
  const EntryCodec& codec = tables_.codec();
  const Gpa frame = codec.page(at.level, entry);
  const bool is_shared = tables_.is_shared(frame, kSmallPageBits);
  const bool may_be_written = !is_shared && (entry & bit(x86::kDirty)) != 0;
  const std::optional<SwapSlot> kept =
      may_be_written ? std::nullopt : tables_.swap().remembered(frame);
  if (kept) {
    tables_.swap().hold(*kept);
  }
  const std::optional<SwapSlot> slot = kept ? kept : tables_.swap().allocate();
  if (!slot) {
    ++tables_.statistics().swap_full;
    return LeafVisit::kGoOn;  // others may be in swap already
  }
  if (!tables_.replace(at, address, {codec.bytes(), entry, EntryCodec::swapped(*slot)})) {
    tables_.swap().release(*slot);
    return LeafVisit::kAgain;  // the MMU has set A or D meanwhile: it is in use
  }
  has_changed_ = true;
  victims_.push_back({frame, *slot, !kept});
  if (EntryCodec::is_present(entry)) {
    unmapped_.push_back(address.page(kSmallPageBits));
  }
  return victims_.size() < params_.batch_pages ? LeafVisit::kGoOn : LeafVisit::kStop;
}

void Reclaimer::release() {
  for (const Victim& victim : victims_) {
    ++tables_.statistics().pages_reclaimed;
    if (victim.is_written) {
      ++tables_.statistics().swap_writes;
      tables_.spend(params_.write_cycles);
      tables_.swap().fill(victim.slot, tables_.read(victim.frame));
      if (tables_.is_shared(victim.frame, kSmallPageBits)) {
        tables_.swap().remember(victim.frame, victim.slot);
      }
    }
    tables_.release_page(victim.frame, kSmallPageBits);
  }
  victims_.clear();
  unmapped_.clear();
}

}  // namespace nestwalk
