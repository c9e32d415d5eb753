// The guest's side of a balloon: frames that it does without.
#include <algorithm>

#include "model/guest/guest_kernel.h"

namespace nestwalk {

std::vector<Gpa> GuestKernel::inflate_balloon(CpuPort& port, std::uint64_t num_frames) {
  std::vector<Gpa> given;
  while (given.size() < num_frames) {
    const std::optional<Gpa> frame = memory_.frames.allocate_page(kSmallPageBits);
    if (!frame) {
      break;
    }
    port.spend(Cause::kGuestSystemCall, machine_.params.frame_allocation_cycles);
    given.push_back(*frame);
  }
  balloon_.insert(balloon_.end(), given.begin(), given.end());
  return given;
}

std::vector<Gpa> GuestKernel::deflate_balloon(CpuPort& port, std::uint64_t num_frames) {
  const std::uint64_t num_taken = std::min<std::uint64_t>(num_frames, balloon_.size());
  const auto first = balloon_.end() - static_cast<std::ptrdiff_t>(num_taken);
  std::vector<Gpa> taken(first, balloon_.end());
  balloon_.erase(first, balloon_.end());
  for (const Gpa frame : taken) {
    port.spend(Cause::kGuestSystemCall, machine_.params.frame_allocation_cycles);
    memory_.frames.free(frame, kSmallPageBits);
  }
  return taken;
}

}  // namespace nestwalk
