// Work that no process asks for: frames made free under memory pressure, and large pages made of
// small ones. Linux has threads for both (kswapd, khugepaged); here the CPU whose page fault makes
// them due does the work.
#include "model/guest/collapser.h"
#include "model/guest/guest_kernel.h"
#include "model/guest/reclaimer.h"

namespace nestwalk {
namespace {

// The first takes the A bits, the second finds old pages, the third those that were used meanwhile.
constexpr unsigned kMaxRoundsInVain = 3;

}  // namespace

void GuestKernel::keep_watermarks(CpuPort& port) {
  const ReclaimParams& params = machine_.params.reclaim;
  if (params.swap_bytes == 0) {
    return;
  }
  if (memory_.frames.num_free() < params.low_pages) {
    reclaim(port, FrameZone::kAny, params.high_pages);
  }
  if (memory_.frames.has_high() && memory_.frames.num_free_low() < params.low_pages) {
    reclaim(port, FrameZone::kLow, params.high_pages);
  }
}

bool GuestKernel::reclaim_more(CpuPort& port, std::uint64_t num_pages) {
  if (machine_.params.reclaim.swap_bytes == 0) {
    return false;
  }
  const FrameZone zone = memory_.frames.shortage();
  const std::uint64_t before = memory_.frames.num_free_in(zone);
  reclaim(port, zone, before + num_pages);
  return memory_.frames.num_free_in(zone) > before;
}

void GuestKernel::reclaim(CpuPort& port, FrameZone zone, std::uint64_t wanted_free) {
  ++statistics_.reclaims;
  for (unsigned in_vain = 0; in_vain < kMaxRoundsInVain;) {
    const std::uint64_t before = statistics_.pages_reclaimed;
    if (reclaim_round(port, zone, wanted_free)) {
      return;
    }
    in_vain = statistics_.pages_reclaimed != before ? 0 : in_vain + 1;
  }
}

// All pages once, from the hand of the clock on. True as soon as enough frames are free.
bool GuestKernel::reclaim_round(CpuPort& port, FrameZone zone, std::uint64_t wanted_free) {
  TableEditor tables = editor(port, Cause::kGuestReclaim);
  const auto is_enough = [&] { return memory_.frames.num_free_in(zone) >= wanted_free; };
  for_each_piece(reclaim_hand_, [&](Process& process, const GuestRegion& piece) {
    Reclaimer reclaimer(tables, machine_.params.reclaim, process.root, zone);
    for (Gva at = piece.start; at < piece.end() && !is_enough();) {
      at = reclaimer.scan(at, piece.end());
      reclaim_hand_ = {process.id, at};
      // One flush for the whole batch, before any frame of it can be used again.
      const std::vector<Gva>& pages = reclaimer.unmapped();
      statistics_.reclaim_flushes += pages.empty() ? 0 : 1;
      if (pages.size() == 1) {
        drop_pages(port, process, pages);
      } else if (!pages.empty()) {
        drop_all(port, process);
      }
      reclaimer.release();
    }
    return !is_enough();
  });
  return is_enough();
}

void GuestKernel::collapse_if_due(CpuPort& port) {
  const CollapseParams& params = machine_.params.collapse;
  constexpr unsigned kLevel = 2;
  const PagingFormat& format = format_of(machine_.params.format);
  if (params.every_faults == 0 || statistics_.faults % params.every_faults != 0 ||
      !has_leaf_at(format, kLevel, machine_.control)) {
    return;
  }
  const unsigned bits = format.page_bits(kLevel);
  std::uint64_t left = params.blocks;
  for_each_piece(collapse_hand_, [&](Process& process, const GuestRegion& piece) {
    Gva block = (piece.start + (bit(bits) - 1)).page(bits);
    for (; left != 0 && block + bit(bits) <= piece.end(); block = block + bit(bits)) {
      --left;
      ++statistics_.collapse_scans;
      collapse(port, process, piece.rights, block);
      collapse_hand_ = {process.id, block + bit(bits)};
    }
    return left != 0;
  });
}

void GuestKernel::collapse(CpuPort& port, Process& process, GuestRegionRights rights, Gva block) {
  TableEditor tables = editor(port, Cause::kGuestCollapse);
  Collapser collapser(tables, machine_.params, process.root, block);
  if (!collapser.is_candidate()) {
    return;
  }
  const unsigned bits = tables.format().page_bits(2);
  const ReclaimParams& reclaim = machine_.params.reclaim;
  const bool is_short = reclaim.swap_bytes != 0 &&
                        memory_.frames.num_free() < reclaim.low_pages + bit(bits - kSmallPageBits);
  const std::optional<Gpa> large = is_short ? std::nullopt : tables.allocate_uncleared(bits);
  if (!large) {
    ++statistics_.collapses_without_frame;
    return;
  }
  collapser.detach();
  drop_pages(port, process, collapser.pages(), TablesAre::kFreed);
  collapser.attach(*large, rights);
  ++statistics_.collapses;
}

}  // namespace nestwalk
