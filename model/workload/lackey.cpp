#include "model/workload/lackey.h"

#include <limits>

#include "model/workload/trace_frame.h"

namespace nestwalk {
namespace {

// The value of a hexadecimal digit, or 16.
unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<unsigned>(c - 'a') + 10;
  }
  return 16;
}

}  // namespace

// A line is "I  ADDRESS,SIZE" or " L ADDRESS,SIZE" (L, S or M): three characters of kind, a
// hexadecimal address, a decimal size.
void LackeyParser::feed(std::string_view text, std::vector<LackeyLine>& lines) {
  using Kind = LackeyLine::Kind;
  for (const char c : text) {
    if (c == '\n') {
      finish_line(lines);
      continue;
    }
    switch (state_) {
      case State::kFirst:
        line_ = {};
        has_digits_ = false;
        size_ = 0;
        state_ = c == 'I' || c == ' ' ? State::kSecond : State::kOther;
        line_.kind = c == 'I' ? Kind::kInstruction : Kind::kLoad;
        break;
      case State::kSecond:
        state_ = State::kThird;
        if (line_.kind == Kind::kInstruction) {
          state_ = c == ' ' ? State::kThird : State::kOther;
        } else if (c == 'S') {
          line_.kind = Kind::kStore;
        } else if (c == 'M') {
          line_.kind = Kind::kModify;
        } else if (c != 'L') {
          state_ = State::kOther;
        }
        break;
      case State::kThird:
        state_ = c == ' ' ? State::kAddress : State::kOther;
        break;
      case State::kAddress:
        if (c == ',' && has_digits_) {
          state_ = State::kSize;
        } else if (const unsigned digit = hex_digit(c); digit < 16) {
          line_.address = (line_.address << 4) | digit;
          has_digits_ = true;
        } else {
          state_ = State::kOther;
        }
        break;
      case State::kSize:
        if (c >= '0' && c <= '9' && size_ <= std::numeric_limits<std::uint16_t>::max()) {
          size_ = size_ * 10 + static_cast<unsigned>(c - '0');
        } else {
          state_ = State::kOther;
        }
        break;
      case State::kOther:
        break;
    }
  }
}

void LackeyParser::finish_line(std::vector<LackeyLine>& lines) {
  if (state_ == State::kSize && size_ > 0 && size_ <= std::numeric_limits<std::uint16_t>::max()) {
    line_.size_bytes = static_cast<std::uint16_t>(size_);
    lines.push_back(line_);
  }
  state_ = State::kFirst;
}

void LackeyCoalescer::convert(const LackeyLine& line, std::vector<TraceRecord>& records) {
  using Kind = LackeyLine::Kind;
  if (line.kind == Kind::kInstruction) {
    ++num_pending_;
    const std::uint64_t last = (line.address + line.size_bytes - 1) / kFetchLineBytes;
    for (std::uint64_t at = line.address / kFetchLineBytes; at <= last; ++at) {
      if (at * kFetchLineBytes != line_address_) {
        line_address_ = at * kFetchLineBytes;
        add(AccessType::kFetch, line_address_, kFetchLineBytes, records);
      }
    }
    return;
  }
  if (line.kind != Kind::kStore) {
    add(AccessType::kRead, line.address, line.size_bytes, records);
  }
  if (line.kind != Kind::kLoad) {
    add(AccessType::kWrite, line.address, line.size_bytes, records);
  }
}

void LackeyCoalescer::add(AccessType type, std::uint64_t address, std::uint16_t size_bytes,
                          std::vector<TraceRecord>& records) {
  TraceRecord& record = records.emplace_back();
  record.address = Gva(address);
  record.type = type;
  record.size_bytes = size_bytes;
  record.num_instructions = num_pending_;
  num_pending_ = 0;
}

}  // namespace nestwalk
