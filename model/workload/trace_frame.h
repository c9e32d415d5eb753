// The records of one frame as bytes, and back. A frame stands alone: both sides start it from the
// same empty state. Raw bytes of a frame:
//
//   length of the tokens, length of the data addresses (numbers); tokens; data addresses; lines
//
// Token: bits 7:6 read, write, fetch, other; 5:4 size; 3:0 instructions, 15 = a number follows.
//   Size of data: 8, 4, 1, or 3 = a number follows. Fetch: 0 = a 64-byte line, whose distance in
//   lines from the fetch before is in `lines`; 3 = distance in bytes, and a size follows.
//   Other: size 0 = the process is now another (its number follows); 1 = an event (kind, process it
//   is about, region).
// A data address is the distance to the nearest of the last eight places that were used: low three
//   bits of the first byte say which, the rest is the folded distance. A place more than a page
//   away from all of them replaces the least recent one. So stack, heap and tables each keep their
//   own small distances.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "model/workload/bytes.h"
#include "model/workload/stream.h"

namespace nestwalk {

inline constexpr std::uint64_t kFetchLineBytes = 64;

// The last places that data accesses went to, most recent first.
class RecentPlaces {
 public:
  static constexpr unsigned kCount = 8;

  struct Distance {
    unsigned place = 0;
    std::uint64_t folded = 0;
  };

  [[nodiscard]] Distance nearest(std::uint64_t address) const;
  // Both sides call it after each data access; returns the address.
  std::uint64_t move_to(Distance distance);

 private:
  std::array<std::uint64_t, kCount> places_{};
};

// What both sides know between two records.
struct FrameState {
  RecentPlaces places;
  std::uint64_t line_address = 0;
  std::uint32_t process = 0;
};

class FrameEncoder {
 public:
  void append(const TraceRecord& record);
  [[nodiscard]] std::uint64_t num_records() const { return num_records_; }
  [[nodiscard]] std::size_t size_bytes() const {
    return tokens_.size() + data_.size() + lines_.size();
  }
  // The raw bytes; the encoder is empty again.
  [[nodiscard]] Bytes take();

 private:
  void put_token(unsigned kind, unsigned size, std::uint64_t num_instructions);
  void put_event(const TraceRecord& record);
  void put_fetch(const TraceRecord& record);
  void put_data(const TraceRecord& record);

  FrameState state_;
  Bytes tokens_;
  Bytes data_;
  Bytes lines_;
  std::uint64_t num_records_ = 0;
};

class FrameDecoder {
 public:
  // Nothing to decode.
  FrameDecoder() = default;
  explicit FrameDecoder(Bytes raw);

  // Returns the number of records written to the front of `out`, 0 at the end. Events are appended
  // to `events`, which must outlive the records.
  [[nodiscard]] std::size_t next_batch(std::span<TraceRecord> out, std::deque<TraceEvent>& events);
  // The bytes are not what an encoder makes.
  [[nodiscard]] bool failed() const;
  [[nodiscard]] std::size_t memory_bytes() const { return raw_ == nullptr ? 0 : raw_->capacity(); }

 private:
  bool decode(TraceRecord& record, std::deque<TraceEvent>& events);

  std::shared_ptr<const Bytes> raw_;  // the cursors point into it; copies share it
  ByteCursor tokens_;
  ByteCursor data_;
  ByteCursor lines_;
  FrameState state_;
  bool malformed_ = false;
};

}  // namespace nestwalk
