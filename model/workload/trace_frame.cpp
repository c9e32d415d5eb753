#include "model/workload/trace_frame.h"

#include <algorithm>
#include <utility>

#include "model/workload/trace_format.h"

namespace nestwalk {
namespace {

constexpr unsigned kOtherToken = 3;
constexpr unsigned kManyInstructions = 15;
constexpr unsigned kOtherSize = 3;
constexpr std::array<std::uint16_t, 3> kShortSizes = {8, 4, 1};
constexpr unsigned kProcessToken = 0;
constexpr unsigned kEventToken = 1;
constexpr std::uint64_t kNearFolded = 8192;  // one 4K page either way

// The first byte of a distance: more follows, four bits of distance, three bits of place.
void put_distance(Bytes& out, RecentPlaces::Distance distance) {
  const std::uint64_t rest = distance.folded >> 4;
  out.push_back(static_cast<std::uint8_t>((rest != 0 ? 0x80U : 0U) |
                                          ((distance.folded & 0xf) << 3) | distance.place));
  if (rest != 0) {
    put_varint(out, rest);
  }
}

RecentPlaces::Distance get_distance(ByteCursor& in) {
  const std::uint8_t first = in.byte();
  RecentPlaces::Distance distance;
  distance.place = first & 7U;
  distance.folded = (first >> 3) & 0xfU;
  if ((first & 0x80) != 0) {
    distance.folded |= in.varint() << 4;
  }
  return distance;
}

}  // namespace

RecentPlaces::Distance RecentPlaces::nearest(std::uint64_t address) const {
  Distance best{.place = 0, .folded = fold_sign(address - places_[0])};
  for (unsigned i = 1; i < kCount; ++i) {
    const std::uint64_t folded = fold_sign(address - places_[i]);
    if (folded < best.folded) {
      best = {.place = i, .folded = folded};
    }
  }
  return best;
}

std::uint64_t RecentPlaces::move_to(Distance distance) {
  const std::uint64_t address = places_[distance.place] + unfold_sign(distance.folded);
  const unsigned hole = distance.folded > kNearFolded ? kCount - 1 : distance.place;
  std::copy_backward(places_.begin(), places_.begin() + hole, places_.begin() + hole + 1);
  places_[0] = address;
  return address;
}

void FrameEncoder::append(const TraceRecord& record) {
  ++num_records_;
  if (record.process != state_.process) {
    put_token(kOtherToken, kProcessToken, 0);
    put_varint(tokens_, record.process);
    state_.process = record.process;
  }
  if (record.event != nullptr) {
    put_event(record);
  } else if (record.type == AccessType::kFetch) {
    put_fetch(record);
  } else {
    put_data(record);
  }
}

void FrameEncoder::put_token(unsigned kind, unsigned size, std::uint64_t num_instructions) {
  const auto count = std::min<std::uint64_t>(num_instructions, kManyInstructions);
  tokens_.push_back(static_cast<std::uint8_t>((kind << 6) | (size << 4) | count));
  if (count == kManyInstructions) {
    put_varint(tokens_, num_instructions);
  }
}

void FrameEncoder::put_event(const TraceRecord& record) {
  put_token(kOtherToken, kEventToken, record.num_instructions);
  tokens_.push_back(static_cast<std::uint8_t>(record.event->kind));
  put_varint(tokens_, record.event->target_process);
  put_region(tokens_, record.event->region);
}

void FrameEncoder::put_fetch(const TraceRecord& record) {
  const std::uint64_t address = record.address.value();
  const std::uint64_t distance = address - state_.line_address;
  if (address % kFetchLineBytes == 0 && record.size_bytes == kFetchLineBytes) {
    put_token(static_cast<unsigned>(AccessType::kFetch), 0, record.num_instructions);
    put_varint(lines_, fold_sign(distance) / kFetchLineBytes);
  } else {
    put_token(static_cast<unsigned>(AccessType::kFetch), kOtherSize, record.num_instructions);
    put_varint(tokens_, record.size_bytes);
    put_varint(lines_, fold_sign(distance));
  }
  state_.line_address = address / kFetchLineBytes * kFetchLineBytes;
}

void FrameEncoder::put_data(const TraceRecord& record) {
  const auto size = static_cast<unsigned>(
      std::find(kShortSizes.begin(), kShortSizes.end(), record.size_bytes) - kShortSizes.begin());
  put_token(static_cast<unsigned>(record.type), size, record.num_instructions);
  if (size == kOtherSize) {
    put_varint(tokens_, record.size_bytes);
  }
  const RecentPlaces::Distance distance = state_.places.nearest(record.address.value());
  put_distance(data_, distance);
  state_.places.move_to(distance);
}

Bytes FrameEncoder::take() {
  Bytes raw;
  raw.reserve(size_bytes() + 16);
  put_varint(raw, tokens_.size());
  put_varint(raw, data_.size());
  for (Bytes* part : {&tokens_, &data_, &lines_}) {
    raw.insert(raw.end(), part->begin(), part->end());
    part->clear();
  }
  state_ = {};
  num_records_ = 0;
  return raw;
}

FrameDecoder::FrameDecoder(Bytes raw) : raw_(std::make_shared<const Bytes>(std::move(raw))) {
  ByteCursor head(*raw_);
  const std::uint64_t tokens = head.varint();
  const std::uint64_t data = head.varint();
  const auto parts = std::span(*raw_).subspan(head.position());
  if (head.failed() || tokens > parts.size() || data > parts.size() - tokens) {
    malformed_ = true;
    return;
  }
  tokens_ = ByteCursor(parts.first(tokens));
  data_ = ByteCursor(parts.subspan(tokens, data));
  lines_ = ByteCursor(parts.subspan(tokens + data));
}

bool FrameDecoder::failed() const {
  return malformed_ || tokens_.failed() || data_.failed() || lines_.failed();
}

std::size_t FrameDecoder::next_batch(std::span<TraceRecord> out, std::deque<TraceEvent>& events) {
  std::size_t count = 0;
  while (count < out.size() && !tokens_.at_end() && !failed()) {
    if (decode(out[count], events)) {
      ++count;
    }
  }
  return count;
}

// False when the token made no record.
bool FrameDecoder::decode(TraceRecord& record, std::deque<TraceEvent>& events) {
  const unsigned token = tokens_.byte();
  const unsigned kind = token >> 6;
  const unsigned size = (token >> 4) & 3U;
  record = {};
  if (kind == kOtherToken && size == kProcessToken) {
    state_.process = static_cast<std::uint32_t>(tokens_.varint());
    return false;
  }
  record.process = state_.process;
  record.num_instructions = token & 0xfU;
  if (record.num_instructions == kManyInstructions) {
    record.num_instructions = tokens_.varint();
  }
  if (kind == kOtherToken) {
    TraceEvent event;
    const std::uint8_t event_kind = tokens_.byte();
    malformed_ = malformed_ || size != kEventToken || event_kind >= kNumTraceEventKinds;
    event.kind = static_cast<TraceEventKind>(event_kind);
    event.target_process = static_cast<std::uint32_t>(tokens_.varint());
    event.region = get_region(tokens_);
    record.event = &events.emplace_back(std::move(event));
    return true;
  }
  record.type = static_cast<AccessType>(kind);
  if (record.type == AccessType::kFetch) {
    const bool is_line = size == 0;
    record.size_bytes = is_line ? kFetchLineBytes : static_cast<std::uint16_t>(tokens_.varint());
    const std::uint64_t folded = lines_.varint();
    const std::uint64_t distance =
        is_line ? unfold_sign(folded) * kFetchLineBytes : unfold_sign(folded);
    record.address = Gva(state_.line_address + distance);
    state_.line_address = record.address.page(6).value();
    return true;
  }
  record.size_bytes =
      size == kOtherSize ? static_cast<std::uint16_t>(tokens_.varint()) : kShortSizes[size];
  record.address = Gva(state_.places.move_to(get_distance(data_)));
  return true;
}

}  // namespace nestwalk
