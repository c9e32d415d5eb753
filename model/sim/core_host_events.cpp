// What a VM's host events do, on the core and the time of the virtual CPU that runs when they are
// due. Natively there is no hypervisor to do anything.
#include <algorithm>
#include <vector>

#include "model/hypervisor/host_actions.h"
#include "model/sim/core_driver.h"
#include "model/sim/run_machine.h"

namespace nestwalk {

namespace {

// Frames as ranges, neighbours together.
std::vector<GuestRange> ranges_of(std::vector<Gpa> frames) {
  std::sort(frames.begin(), frames.end());
  std::vector<GuestRange> ranges;
  for (const Gpa frame : frames) {
    const Gpa end = frame + bit(kSmallPageBits);
    if (!ranges.empty() && ranges.back().end == frame) {
      ranges.back().end = end;
    } else {
      ranges.push_back({frame, end});
    }
  }
  return ranges;
}

}  // namespace

void CoreDriver::serve_host_events() {
  Run::Machine& guest = machine();
  while (const HostEventParams* event = guest.host_events.take_due(guest.num_accesses)) {
    if (run_.hypervisor_) {
      slot_.core.drain();
      serve_host_event(*event);
    }
  }
}

void CoreDriver::serve_host_event(const HostEventParams& event) {
  Run::Machine& guest = machine();
  const std::uint64_t length_bytes =
      event.length_bytes != 0 ? event.length_bytes
                              : run_.params_.vms[guest.index].vm.memory_bytes - event.start;
  const std::uint64_t num_frames = length_bytes >> kSmallPageBits;
  std::vector<GuestRange> ranges;
  if (event.action == HostAction::kBalloonInflate || event.action == HostAction::kBalloonDeflate) {
    const SoftwareGuard guard(guest.lock, slot_);
    ranges = ranges_of(event.action == HostAction::kBalloonInflate
                           ? guest.kernel->inflate_balloon(vcpu(), num_frames)
                           : guest.kernel->deflate_balloon(vcpu(), num_frames));
  } else {
    ranges.push_back({Gpa(event.start), Gpa(event.start + length_bytes)});
  }
  vcpu().run_hypervisor([&](const HostContext& context, const FlushTargets& targets) {
    HostActions(context, targets).run(event.action, ranges);
  });
}

}  // namespace nestwalk
