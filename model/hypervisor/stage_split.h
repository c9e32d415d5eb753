// Large host pages put in pieces: a table of the same frames with the same rights takes the place
// of the large entry, A and D copied into every piece.
//
//   const SplitCount count = split_range(stage, start, end);
//   if (count.num_split != 0) { stage.flush(targets); }
//
// The pieces say what the large page said, so what is cached of it stays right and one store makes
// the change: the manual asks to clear the entry first only where frame or rights change with the
// size (SDM vol. 3, "Details of TLB use"). Before anything that differs from the large page may be
// relied on, the caller flushes ("Guidelines for use of the INVEPT instruction": bit 7 changed).
#pragma once

#include <cstdint>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

struct SplitCount {
  std::uint64_t num_split = 0;    // entries
  std::uint64_t num_refused = 0;  // no frame for the table
};

// Splits a leaf above level 1 into those of the next level. False if there is no frame for the
// table; nothing changed then.
[[nodiscard]] bool split_leaf(HostStage& stage, HostEntry& large);

// Every leaf that overlaps the range, down to pages of 4 KiB.
SplitCount split_range(HostStage& stage, Gpa start, Gpa end);

// Leaves that the boundary cuts, until it cuts none.
SplitCount split_at(HostStage& stage, Gpa boundary);

}  // namespace nestwalk
