// The verilated walker behind its pins, one cycle at a time. No SystemC, no policy: who drives it
// sets what it offers in a cycle, lets the pins settle, sees what passes, and ticks.
//
//   PinWalker walker;
//   walker.offer(&request);
//   walker.set_ready({.read = true, .update = true, .response = true, .acknowledge = true});
//   const PinWalker::Cycle& cycle = walker.settle();   // what passes in this cycle
//   walker.tick();
//
// A record that is offered stays offered until it is taken. Protocol assertions of the RTL bench
// end in failures().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tb/walker_record.h"

namespace nestwalk {

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

  // What the nested TLB does for a walk.
  struct NtlbOperation {
    enum class Kind : std::uint8_t { kLookup, kFill, kDrop };
    Kind kind = Kind::kLookup;
    std::uint8_t slot = 0;
    Position position;
    Gpa gpa;
    bool is_hit = false;
    Resume page;  // filled, or hit
    Tags tags;    // those of a guest-physical mapping
  };

  // What passes in one cycle.
  struct Cycle {
    bool has_accept = false;
    bool has_read = false;
    bool has_update = false;
    bool has_response = false;
    bool has_invalidation = false;
    bool has_acknowledge = false;
    bool has_ntlb = false;
    std::uint8_t accept_slot = 0;
    std::uint8_t response_slot = 0;
    std::uint16_t killed = 0;     // a bit for each slot
    std::uint16_t restarted = 0;  // likewise
    TableRequest read;
    TableRequest update;
    NtlbOperation ntlb;
    WalkerResponse response;
  };

  PinWalker();
  ~PinWalker();
  PinWalker(const PinWalker&) = delete;
  PinWalker& operator=(const PinWalker&) = delete;

  [[nodiscard]] unsigned slots() const;
  [[nodiscard]] unsigned max_restarts() const;
  [[nodiscard]] unsigned ntlb_entries() const;
  void reset();

  // Inputs of the cycle under way. nullptr: nothing is offered.
  void offer(const WalkerRequest* request);
  void offer(const Invalidation* invalidation);
  void set_ready(const Ready& ready);
  // Answers of the memory, one of each kind in a cycle.
  void answer_read(std::uint8_t slot, const Answer& answer);
  void answer_update(std::uint8_t slot, AnswerKind answer);
  void answer_nothing();

  const Cycle& settle();
  void tick();

  // Protocol assertions that failed, with what they say.
  [[nodiscard]] static const std::vector<std::string>& failures();
  static void forget_failures();

 private:
  void sample();
  void sample_ntlb();
  void sample_response();

  struct Pins;
  std::unique_ptr<Pins> pins_;
  Cycle cycle_;
};

}  // namespace nestwalk
