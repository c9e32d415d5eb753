// The payload-event queue of all non-blocking modules of one platform: what happens in which cycle,
// and in which order within it. One SystemC activation serves a cycle, whatever happens in it.
//
//   queue.post(latency_cycles, EventRank::kResponse, *this, kDataReady, payload);
//   void on_event(unsigned kind, void* item) override { ... }   // in that cycle
//
// Within a cycle: invalidations, then responses (which fill), then requests (which look up), then
// cores, then the clock edge of what sees a whole cycle at once (an RTL model); events of one rank
// in the order in which they were posted. So results do not depend on the order in which SystemC
// runs processes. Not for LT, which annotates its time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <systemc>
#include <vector>

#include "model/tlm/clock_domain.h"

namespace nestwalk {

enum class EventRank : std::uint8_t { kInvalidate, kResponse, kRequest, kCore, kEdge };

class EventTarget {
 public:
  // `kind` and `item` as they were posted.
  virtual void on_event(unsigned kind, void* item) = 0;

 protected:
  ~EventTarget() = default;
};

class EventQueue : public sc_core::sc_module {
 public:
  EventQueue(sc_core::sc_module_name name, const ClockDomain& clock);

  // The event happens `delay_cycles` from now. From outside an event, such as a thread, at a time
  // between two cycles, "now" is the cycle that begins next.
  void post(std::uint64_t delay_cycles, EventRank rank, EventTarget& target, unsigned kind,
            void* item = nullptr);

  [[nodiscard]] std::uint64_t now() const {
    return is_dispatching_ ? now_ : clock_.to_cycles_up(sc_core::sc_time_stamp());
  }
  [[nodiscard]] std::size_t num_pending() const { return num_pending_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr unsigned kNumRanks = 5;
  static constexpr std::uint64_t kNumBuckets = 1024;  // cycles ahead that need no search
  static constexpr unsigned kWordBits = 64;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  struct Event {
    EventTarget* target;
    void* item;
    std::uint32_t kind;
    std::uint32_t next;  // of the same cycle and rank
    EventRank rank;
  };
  struct List {
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
  };
  using Bucket = std::array<List, kNumRanks>;

  void dispatch();
  void append(std::uint64_t cycle, std::uint32_t event);
  void take_in_far_events(std::uint64_t now);
  [[nodiscard]] std::uint64_t next_cycle(std::uint64_t after) const;
  std::uint32_t make_event(EventTarget& target, unsigned kind, void* item, EventRank rank);

  const ClockDomain& clock_;
  sc_core::sc_event event_;
  bool is_dispatching_ = false;
  std::uint64_t now_ = 0;
  std::uint64_t notified_ = kNever;  // the cycle that event_ will bring
  std::size_t num_pending_ = 0;
  std::vector<Event> events_;
  std::uint32_t free_ = kNone;
  std::vector<Bucket> buckets_;
  std::array<std::uint64_t, kNumBuckets / kWordBits> busy_{};  // a bit for each bucket
  std::multimap<std::uint64_t, std::uint32_t> far_;            // beyond the buckets, by cycle
};

}  // namespace nestwalk
