#include "model/sim/host_events.h"

#include <algorithm>

namespace nestwalk {

HostEvents::HostEvents(const std::vector<HostEventParams>& events) {
  for (const HostEventParams& event : events) {
    events_.push_back({event, event.at_accesses});
  }
}

std::uint64_t HostEvents::next() const {
  std::uint64_t earliest = kNever;
  for (const Timed& timed : events_) {
    earliest = std::min(earliest, timed.due);
  }
  return earliest;
}

const HostEventParams* HostEvents::take_due(std::uint64_t num_accesses) {
  const auto first = std::min_element(events_.begin(), events_.end(),
                                      [](const Timed& a, const Timed& b) { return a.due < b.due; });
  if (first == events_.end() || first->due > num_accesses) {
    return nullptr;
  }
  const std::uint64_t period = first->event.every_accesses;
  first->due = period == 0 ? kNever : first->due + period;
  return &first->event;
}

}  // namespace nestwalk
