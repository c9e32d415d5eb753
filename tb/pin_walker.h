// A verilated walker behind its pins, one cycle at a time. No SystemC, no policy: who drives it
// sets what it offers in a cycle, lets the pins settle, sees what passes, and ticks.
//
//   const std::unique_ptr<PinWalker> walker = open_walker_set("one_slot");   // walker_set.h
//   walker->offer(&request);
//   walker->set_ready({.read = true, .update = true, .response = true, .acknowledge = true});
//   const PinWalker::Cycle& cycle = walker->settle();   // what passes in this cycle
//   walker->tick();
//
// A record that is offered stays offered until it is taken. Protocol assertions of the RTL bench
// end in failures(). Each set of RTL parameters is a shared library that has its own implementation
// (pin_walker.cpp); what changes here needs all of them built again, which walker_set.cpp sees to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tb/walker_record.h"
#include "tb/walker_structures.h"

namespace nestwalk {

struct PinStimulus;

class PinWalker {
 public:
  struct Ready {
    bool read = true;
    bool update = true;
    bool response = true;
    bool acknowledge = true;
  };

  struct TableRequest {
    std::uint8_t slot = 0;
    Stage stage = Stage::kGuest;
    Position position;
    std::uint8_t bytes = 8;
    Hpa hpa;
    std::uint64_t expected = 0;  // updates
    std::uint64_t desired = 0;
  };

  // What nested TLB or walk caches do for a walk.
  struct CacheOperation {
    enum class Kind : std::uint8_t { kLookup, kFill, kDrop };
    Kind kind = Kind::kLookup;
    std::uint8_t slot = 0;
    Stage stage = Stage::kGuest;
    Position position;
    Gva address;  // of the access
    Gpa gpa;      // under translation, host stage; of what is dropped
    InvalidateOp drop = InvalidateOp::kPageFault;
    bool is_hit = false;
    Resume resume;  // filled, or found
  };

  // What passes in one cycle.
  struct Cycle {
    bool has_accept = false;
    bool has_read = false;
    bool has_update = false;
    bool has_response = false;
    bool has_invalidation = false;
    bool has_acknowledge = false;
    bool has_cache = false;
    std::uint8_t accept_slot = 0;
    std::uint8_t response_slot = 0;
    std::uint16_t killed = 0;     // a bit for each slot
    std::uint16_t restarted = 0;  // likewise
    TableRequest read;
    TableRequest update;
    CacheOperation cache;
    WalkerResponse response;
  };

  PinWalker() = default;
  virtual ~PinWalker() = default;
  PinWalker(const PinWalker&) = delete;
  PinWalker& operator=(const PinWalker&) = delete;

  [[nodiscard]] virtual unsigned slots() const = 0;
  [[nodiscard]] virtual unsigned max_restarts() const = 0;
  [[nodiscard]] virtual WalkerStructures structures() const = 0;
  virtual void reset() = 0;
  // As when it is switched on: registers at random, from the seed, then a reset.
  virtual void power_up(std::uint64_t seed) = 0;
  // From now on it has a bug of tb/rtl_bugs.h, by number; 0: none. False: it has no such switch.
  virtual bool switch_bug(unsigned number) { return number == 0; }
  // Writes what lines, branches and bits the RTL has used so far (code_coverage.h). False: it does
  // not count them, or the file cannot be written.
  [[nodiscard]] virtual bool write_coverage(const std::string& path) {
    (void)path;
    return false;
  }

  // Inputs of the cycle under way. nullptr: nothing is offered.
  virtual void offer(const WalkerRequest* request) = 0;
  virtual void offer(const Invalidation* invalidation) = 0;
  virtual void set_ready(const Ready& ready) = 0;
  // Answers of the memory, one of each kind in a cycle.
  virtual void answer_read(std::uint8_t slot, const Answer& answer) = 0;
  virtual void answer_update(std::uint8_t slot, AnswerKind answer) = 0;
  virtual void answer_nothing() = 0;

  virtual const Cycle& settle() = 0;
  virtual void tick() = 0;

  // Puts the stimulus on the pins, cycle by cycle, and nothing else; the responses that were taken.
  virtual std::uint64_t replay(const PinStimulus& stimulus) = 0;

  // Protocol assertions that failed, with what they say.
  [[nodiscard]] virtual const std::vector<std::string>& failures() const = 0;
  virtual void forget_failures() = 0;
};

}  // namespace nestwalk
