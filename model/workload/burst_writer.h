// Where an algorithm writes the accesses of one of its steps, a burst. The room is checked by
// whoever hands it out, against the longest burst of the algorithm.
//
//   writer.read(column);          // counts its instructions
//   writer.write(parent);
//   writer.unmap(region);         // an event is the last record of its burst
//
// Not a buffer: it writes straight into the batch of whoever reads the stream, where that has room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/workload/stream.h"

namespace nestwalk {

inline constexpr std::uint64_t kWordBytes = 8;  // all accesses of generators are words

inline TraceRecord event_record(const TraceEvent& event) {
  TraceRecord record;
  record.event = &event;
  return record;
}
inline TraceEvent unmap_event(Gva start, std::uint64_t length_bytes) {
  TraceEvent event;
  event.kind = TraceEventKind::kUnmap;
  event.region.start = start;
  event.region.length_bytes = length_bytes;
  return event;
}

class BurstWriter {
 public:
  // `event` holds the event of the burst, if it has one.
  BurstWriter(TraceRecord* out, TraceEvent& event, std::uint32_t instructions_per_access)
      : out_(out), event_(event), instructions_per_access_(instructions_per_access) {}

  void read(Gva address) { access(address, AccessType::kRead, instructions_per_access_); }
  void write(Gva address) { access(address, AccessType::kWrite, instructions_per_access_); }
  // The second half of an instruction that reads and writes.
  void write_back(Gva address) { access(address, AccessType::kWrite, 0); }

  void map(Region region) {
    TraceEvent event;
    event.kind = TraceEventKind::kMap;
    event.region = std::move(region);
    put_event(std::move(event));
  }
  void unmap(Gva start, std::uint64_t length_bytes) { put_event(unmap_event(start, length_bytes)); }

  [[nodiscard]] TraceRecord* end() const { return out_; }
  [[nodiscard]] bool has_event() const { return has_event_; }

 private:
  void access(Gva address, AccessType type, std::uint32_t num_instructions) {
    TraceRecord record;
    record.address = address;
    record.num_instructions = num_instructions;
    record.size_bytes = static_cast<std::uint16_t>(kWordBytes);
    record.type = type;
    *out_++ = record;
  }
  void put_event(TraceEvent event) {
    event_ = std::move(event);
    *out_++ = event_record(event_);
    has_event_ = true;
  }

  TraceRecord* out_;
  TraceEvent& event_;
  std::uint32_t instructions_per_access_;
  bool has_event_ = false;
};

}  // namespace nestwalk
