// The clock over the pages of one process: a page whose A bit is set loses it and is passed over;
// one without it goes to swap. A large page that is old is split first. A bit is cleared without a
// flush, as Linux does on x86: a CPU that has the page cached may go on unseen, which costs the
// page its place but nobody its data.
//
//   Reclaimer reclaimer(tables, params, process.root, {FrameZone::kAny});
//   Gva hand = reclaimer.scan(start, end);     // entries name slots now
//   ... flush reclaimer.unmapped() on every CPU ...
//   reclaimer.release();                       // writes what is not in swap yet, frees the frames
//
// A page that was not written since it was read from swap is not written again. Of a frame that
// several processes hold, one holder is taken. Not for: when, and how much.
#pragma once

#include <cstdint>
#include <vector>

#include "model/guest/leaf_visit.h"
#include "model/guest/table_editor.h"

namespace nestwalk {

class Reclaimer {
 public:
  Reclaimer(TableEditor& tables, const ReclaimParams& params, Gpa root, FrameZone zone)
      : tables_(tables), params_(params), root_{root, tables.format().levels}, zone_(zone) {}

  // Until a batch is full or the end is reached; returns where the next scan begins.
  [[nodiscard]] Gva scan(Gva start, Gva end);

  // Pages that a CPU may have cached.
  [[nodiscard]] const std::vector<Gva>& unmapped() const { return unmapped_; }
  // Whether scans have changed anything: bits cleared, pages split or unmapped.
  [[nodiscard]] bool has_changed() const { return has_changed_; }
  [[nodiscard]] bool has_victims() const { return !victims_.empty(); }

  void release();

 private:
  struct Victim {
    Gpa frame;
    SwapSlot slot{};
    bool is_written = false;  // not in swap yet
  };

  [[nodiscard]] LeafVisit look_at(TableRef at, Gva address, std::uint64_t entry);
  [[nodiscard]] LeafVisit unmap(TableRef at, Gva address, std::uint64_t entry);

  TableEditor& tables_;
  const ReclaimParams& params_;
  TableRef root_;
  FrameZone zone_;
  std::vector<Victim> victims_;
  std::vector<Gva> unmapped_;
  bool has_changed_ = false;
};

}  // namespace nestwalk
