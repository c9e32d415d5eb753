// The timing protocol: the TLM walker beside the RTL walker, each with a memory of its own that
// answers after the same times, and how many cycles they differ by, walk by walk.
//
//   TimingMatch match(machine);                  // machine.walker: see
//   configs/machines/rtl-match.yaml match.run(stimulus, tlm_memory, rtl_memory); // as often as
//   there are cases match.error().total_percent();
//
// The latency of a memory access is a hash of seed, walk and the number of the access in its walk,
// so that what one side does earlier or later changes no latency. An invalidation comes in the
// cycle after a certain access of a certain walk was asked for, on each side when that side is
// there. Each memory has one channel for what it brings of reads and one for answers to updates.
// Outcomes have to be equal, but for a D bit that one of several walks at a time sets and another
// may see. One per process: it has SystemC modules.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/page_walker.h"
#include "tb/walker_bench.h"

namespace nestwalk {

struct TimingStimulus {
  struct Walk {
    WalkContext context;
    Access access;  // no two of a stimulus have the same address
  };
  struct AnchoredInvalidation {
    std::uint32_t walk = 0;
    std::uint32_t access = 0;  // of that walk, reads and updates together
    Invalidation invalidation;
  };
  std::uint64_t seed = 1;
  std::uint32_t min_latency = 1;  // cycles
  std::uint32_t max_latency = 1;
  std::uint32_t window = 1;  // walks asked for at a time; 1: an empty machine
  std::vector<Walk> walks;
  std::vector<AnchoredInvalidation> invalidations;
};

// Cycles of the TLM walker less those of the RTL.
struct CycleError {
  std::uint64_t num_walks = 0;
  std::uint64_t tlm_cycles = 0;  // of all walks together, each from its slot to its answer
  std::uint64_t rtl_cycles = 0;
  std::uint64_t tlm_time = 0;  // from the first request to the last answer, of all stimuli
  std::uint64_t rtl_time = 0;
  std::map<std::int64_t, std::uint64_t> distribution;  // walks by their difference

  void add(std::uint64_t tlm, std::uint64_t rtl);
  [[nodiscard]] std::uint64_t max() const;
  [[nodiscard]] double mean() const;  // of its size
  // Of the sum over walks, and of the time.
  [[nodiscard]] double total_percent() const;
  [[nodiscard]] double time_percent() const;
  // Some lines.
  [[nodiscard]] std::string text() const;
};

class TimingMatch {
 public:
  // machine.walker.model is of no concern: both are made.
  explicit TimingMatch(MachineParams machine);
  ~TimingMatch();

  // Until all walks are answered. The memories hold the same at the beginning.
  void run(const TimingStimulus& stimulus, TableMemory& tlm_memory, TableMemory& rtl_memory);

  [[nodiscard]] const CycleError& error() const { return error_; }
  // Answers that differ, and what watches the RTL has found; none: all is well.
  [[nodiscard]] std::vector<std::string> problems() const;
  [[nodiscard]] PageWalker& tlm();
  [[nodiscard]] PageWalker& rtl();

 private:
  struct Answer {
    bool is_translation = false;
    Translation translation;
    Fault fault;
    std::uint64_t accept_cycle = 0;
    std::uint64_t answer_cycle = 0;
    bool is_accepted = false;
    bool is_answered = false;
    std::uint32_t num_accesses = 0;
  };
  class Side;

  void compare(bool has_races);
  static bool same_outcome(const Answer& tlm, const Answer& rtl, bool has_races);
  static std::string print(const Answer& answer);

  MachineParams machine_;
  ClockDomain clock_;
  EventQueue queue_;
  std::array<std::unique_ptr<Side>, 2> sides_;  // TLM, RTL
  CycleError error_;
  std::vector<std::string> problems_;
};

}  // namespace nestwalk
