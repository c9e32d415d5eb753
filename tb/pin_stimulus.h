// What a bench has put on the pins of a walker, cycle by cycle: to be played again without the
// bench. For the comparison of speeds: the same stimulus with nothing beside the verilated walker.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "tb/walker_record.h"

namespace nestwalk {

struct PinStimulus {
  enum Flag : std::uint8_t {
    kRequest = 1,    // offered from this cycle on: the next of `requests`
    kNoRequest = 2,  // no longer offered
    kInvalidation = 4,
    kNoInvalidation = 8,
    kReadData = 16,
    kReadError = 32,
    kUpdateDone = 64,
  };
  struct Cycle {
    std::uint64_t data = 0;
    std::uint8_t flags = 0;
    std::uint8_t ready = 0;  // read, update, response, acknowledge, from bit 0
    std::uint8_t data_slot = 0;
    std::uint8_t done_slot = 0;
    std::uint8_t done_outcome = 0;  // as on the pin: stored, lost, error
  };

  std::vector<Cycle> cycles;
  std::deque<WalkerRequest> requests;
  std::deque<Invalidation> invalidations;
};

}  // namespace nestwalk
