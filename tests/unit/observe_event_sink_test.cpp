#include "model/observe/event_sink.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

Event at_cycle(std::uint64_t cycle, EventKind kind = EventKind::kRead) {
  Event event;
  event.cycle = cycle;
  event.kind = kind;
  return event;
}

TEST(EventPort, DoesNotEvenMakeAnEventWhenOff) {
  EventPort port;
  int num_made = 0;
  const auto make = [&] {
    ++num_made;
    return at_cycle(1);
  };
  port.emit(make);
  EXPECT_FALSE(port.is_on());
  EXPECT_EQ(num_made, 0);
  VectorEventSink sink;
  port.connect(&sink);
  port.emit(make);
  EXPECT_EQ(num_made, 1);
  port.connect(nullptr);
  port.emit(make);
  EXPECT_EQ(num_made, 1);
  ASSERT_EQ(sink.events().size(), 1U);
  EXPECT_EQ(sink.events()[0].cycle, 1U);
}

TEST(RingEventSink, KeepsTheNewestOldestFirst) {
  for (std::uint64_t num_events = 0; num_events <= 10; ++num_events) {
    RingEventSink ring(4);
    for (std::uint64_t cycle = 0; cycle < num_events; ++cycle) {
      ring.record(at_cycle(cycle));
    }
    const std::uint64_t num_kept = num_events < 4 ? num_events : 4;
    const auto events = ring.events();
    ASSERT_EQ(events.size(), num_kept);
    for (std::uint64_t i = 0; i < num_kept; ++i) {
      EXPECT_EQ(events[i].cycle, num_events - num_kept + i);
    }
    EXPECT_EQ(ring.num_recorded(), num_events);
  }
}

TEST(CountingEventSink, CountsByKind) {
  CountingEventSink sink;
  sink.record(at_cycle(1, EventKind::kRead));
  sink.record(at_cycle(2, EventKind::kKill));
  sink.record(at_cycle(3, EventKind::kRead));
  EXPECT_EQ(sink.count(EventKind::kRead), 2U);
  EXPECT_EQ(sink.count(EventKind::kKill), 1U);
  EXPECT_EQ(sink.count(EventKind::kFill), 0U);
}

}  // namespace
}  // namespace nestwalk
