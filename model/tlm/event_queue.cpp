#include "model/tlm/event_queue.h"

#include <bit>

namespace nestwalk {

EventQueue::EventQueue(sc_core::sc_module_name name, const ClockDomain& clock)
    : sc_module(name), clock_(clock), buckets_(kNumBuckets) {
  SC_HAS_PROCESS(EventQueue);
  SC_METHOD(dispatch);
  sensitive << event_;
  dont_initialize();
}

std::uint32_t EventQueue::make_event(EventTarget& target, unsigned kind, void* item,
                                     EventRank rank) {
  if (free_ == kNone) {
    free_ = static_cast<std::uint32_t>(events_.size());
    events_.push_back({nullptr, nullptr, 0, kNone, EventRank::kCore});
  }
  const std::uint32_t index = free_;
  Event& event = events_[index];
  free_ = event.next;
  event = {&target, item, kind, kNone, rank};
  return index;
}

void EventQueue::post(std::uint64_t delay_cycles, EventRank rank, EventTarget& target,
                      unsigned kind, void* item) {
  const std::uint64_t current = now();
  const std::uint64_t cycle = current + delay_cycles;
  const std::uint32_t event = make_event(target, kind, item, rank);
  ++num_pending_;
  if (!is_dispatching_) {
    take_in_far_events(current);
  }
  if (delay_cycles < kNumBuckets) {
    append(cycle, event);
  } else {
    far_.emplace(cycle, event);
  }
  if (!is_dispatching_ && cycle < notified_) {
    notified_ = cycle;
    event_.notify(clock_.cycles(cycle) - sc_core::sc_time_stamp());
  }
}

void EventQueue::append(std::uint64_t cycle, std::uint32_t event) {
  const std::uint64_t bucket = cycle % kNumBuckets;
  List& list = buckets_[bucket][static_cast<unsigned>(events_[event].rank)];
  if (list.head == kNone) {
    list.head = event;
  } else {
    events_[list.tail].next = event;
  }
  list.tail = event;
  busy_[bucket / kWordBits] |= std::uint64_t{1} << (bucket % kWordBits);
}

// Before anything is posted at `now`, so that events of one cycle stay in the order of posting.
void EventQueue::take_in_far_events(std::uint64_t now) {
  while (!far_.empty() && far_.begin()->first < now + kNumBuckets) {
    append(far_.begin()->first, far_.begin()->second);
    far_.erase(far_.begin());
  }
}

std::uint64_t EventQueue::next_cycle(std::uint64_t after) const {
  // Buckets in the order of time: the rest of the word of `after`, the following words, and at the
  // end the first word again, whose lower part lies a whole turn ahead.
  const std::uint64_t first = (after + 1) % kNumBuckets;
  std::uint64_t word = busy_[first / kWordBits] & (~std::uint64_t{0} << (first % kWordBits));
  for (std::uint64_t i = 0; i <= busy_.size(); ++i) {
    const std::uint64_t index = (first / kWordBits + i) % busy_.size();
    if (i != 0) {
      word = busy_[index];
    }
    if (word != 0) {
      const std::uint64_t bucket =
          index * kWordBits + static_cast<std::uint64_t>(std::countr_zero(word));
      return after + 1 + (bucket + kNumBuckets - first) % kNumBuckets;
    }
  }
  return far_.empty() ? kNever : far_.begin()->first;
}

void EventQueue::dispatch() {
  now_ = clock_.to_cycles_up(sc_core::sc_time_stamp());
  is_dispatching_ = true;
  take_in_far_events(now_);
  Bucket& bucket = buckets_[now_ % kNumBuckets];
  for (unsigned rank = 0; rank < kNumRanks;) {
    List& list = bucket[rank];
    if (list.head == kNone) {
      ++rank;
      continue;
    }
    const std::uint32_t index = list.head;
    const Event event = events_[index];
    list.head = event.next;
    events_[index].next = free_;
    free_ = index;
    --num_pending_;
    event.target->on_event(event.kind, event.item);
    rank = 0;  // the event may have posted one of an earlier rank in this cycle
  }
  busy_[now_ % kNumBuckets / kWordBits] &= ~(std::uint64_t{1} << (now_ % kWordBits));
  notified_ = next_cycle(now_);
  if (notified_ != kNever) {
    event_.notify(clock_.cycles(notified_ - now_));
  }
  is_dispatching_ = false;
}

}  // namespace nestwalk
