// When the host events of one VM are due, in accesses of its processes.
//
//   HostEvents events(params.host_events);
//   events.next();                         // kNever, or the count at which one is due
//   while (const HostEventParams* event = events.take_due(num_accesses)) { ... }
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "model/params/hypervisor.h"

namespace nestwalk {

class HostEvents {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  HostEvents() = default;
  explicit HostEvents(const std::vector<HostEventParams>& events);

  [[nodiscard]] std::uint64_t next() const;
  // The earliest that is due, of several at once the first of the list; nullptr: none is.
  [[nodiscard]] const HostEventParams* take_due(std::uint64_t num_accesses);

 private:
  struct Timed {
    HostEventParams event;
    std::uint64_t due = 0;
  };
  std::vector<Timed> events_;  // in the order of the list
};

}  // namespace nestwalk
