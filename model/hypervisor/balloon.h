// A balloon in a guest: memory that the guest gives back, and takes again by using it.
//
//   Balloon balloon({port, machine, frames, vm}, targets);
//   const BalloonCount count = balloon.inflate(start, end);
//   balloon.deflate(start, end);
//
// Inflating splits the host pages that the ends of a range cut, makes all in it not present,
// flushes once, and only then frees the frames (rights went from 1 to 0: SDM vol. 3, "Guidelines
// for use of the INVEPT instruction"). Content is gone, also what was swapped out. A page that
// cannot be freed stays with the guest. Deflating changes no entry: the next access finds nothing
// and gets a cleared frame; an access without deflating does the same.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

struct GuestRange {
  Gpa start;
  Gpa end;  // behind it
};

// Pages of 4 KiB; what the guest gave is the sum.
struct BalloonCount {
  std::uint64_t num_taken = 0;
  std::uint64_t num_absent = 0;   // had no frame
  std::uint64_t num_refused = 0;  // stay: no table was to be had to split their host page
};

class Balloon {
 public:
  Balloon(const HostContext& context, const FlushTargets& targets)
      : stage_(context, Cause::kBalloon), targets_(targets) {}

  // Any ranges, apart from each other; what of them is no whole small page of guest memory is not
  // the guest's to give. One flush for all.
  BalloonCount inflate(std::span<const GuestRange> ranges);
  BalloonCount inflate(Gpa start, Gpa end) { return inflate(std::array{GuestRange{start, end}}); }
  // Returns how many pages of 4 KiB were in the balloon.
  std::uint64_t deflate(Gpa start, Gpa end);

 private:
  // Makes one range not present; whether an entry has changed.
  [[nodiscard]] bool take(Gpa start, Gpa end, BalloonCount& count);

  HostStage stage_;
  const FlushTargets& targets_;
  std::vector<FrameBlock> frames_;  // taken, not yet free
};

}  // namespace nestwalk
