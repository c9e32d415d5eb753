// Where walker events go. A producer holds an EventPort; with no sink behind it an event costs one
// branch and is not even made.
//
//   EventPort events;
//   VectorEventSink recorder;
//   events.connect(&recorder);
//   events.emit([&] { return Event{.cycle = now, .kind = EventKind::kRead}; });
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/arch/check.h"
#include "model/arch/event.h"

namespace nestwalk {

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void record(const Event& event) = 0;
};

class EventPort {
 public:
  // nullptr: off. The sink must outlive the port or be taken off.
  void connect(EventSink* sink) { sink_ = sink; }
  [[nodiscard]] bool is_on() const { return sink_ != nullptr; }

  template <class MakeEvent>
  void emit(MakeEvent&& make_event) const {
    if (sink_ != nullptr) [[unlikely]] {
      sink_->record(make_event());
    }
  }

 private:
  EventSink* sink_ = nullptr;
};

// Keeps everything.
class VectorEventSink : public EventSink {
 public:
  void record(const Event& event) override { events_.push_back(event); }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  void clear() { events_.clear(); }

 private:
  std::vector<Event> events_;
};

// Keeps the newest, for the report of a failure.
class RingEventSink : public EventSink {
 public:
  explicit RingEventSink(std::size_t capacity) : capacity_(capacity) {
    fatal_unless(capacity != 0, "a ring holds at least one event");
  }
  void record(const Event& event) override {
    if (ring_.size() < capacity_) {
      ring_.push_back(event);
    } else {
      ring_[static_cast<std::size_t>(num_recorded_ % capacity_)] = event;
    }
    ++num_recorded_;
  }
  [[nodiscard]] std::uint64_t num_recorded() const { return num_recorded_; }
  // Oldest first.
  [[nodiscard]] std::vector<Event> events() const {
    std::vector<Event> ordered;
    ordered.reserve(ring_.size());
    const std::size_t oldest =
        ring_.size() < capacity_ ? 0 : static_cast<std::size_t>(num_recorded_ % capacity_);
    for (std::size_t i = 0; i < ring_.size(); ++i) {
      ordered.push_back(ring_[(oldest + i) % ring_.size()]);
    }
    return ordered;
  }

 private:
  std::size_t capacity_;
  std::vector<Event> ring_;
  std::uint64_t num_recorded_ = 0;
};

// Counts by kind.
class CountingEventSink : public EventSink {
 public:
  void record(const Event& event) override { ++counts_[static_cast<std::size_t>(event.kind)]; }
  [[nodiscard]] std::uint64_t count(EventKind kind) const {
    return counts_[static_cast<std::size_t>(kind)];
  }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(EventKind::kKill) + 1> counts_{};
};

}  // namespace nestwalk
