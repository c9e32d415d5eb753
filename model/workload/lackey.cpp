#include "model/workload/lackey.h"

#include <charconv>
#include <system_error>

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

std::optional<LackeyLine> parse_lackey_line(std::string_view line) {
  using Kind = LackeyLine::Kind;
  constexpr std::size_t kKindLength = 3;
  if (line.size() < kKindLength + 3 || line[2] != ' ') {  // a digit, the comma, a digit
    return std::nullopt;
  }
  LackeyLine parsed;
  if (line[0] == 'I' && line[1] == ' ') {
    parsed.kind = Kind::kInstruction;
  } else if (line[0] == ' ' && (line[1] == 'L' || line[1] == 'S' || line[1] == 'M')) {
    parsed.kind = line[1] == 'L' ? Kind::kLoad : line[1] == 'S' ? Kind::kStore : Kind::kModify;
  } else {
    return std::nullopt;
  }
  std::size_t at = kKindLength;
  for (unsigned digit = 0; at < line.size() && (digit = hex_digit(line[at])) < 16; ++at) {
    parsed.address = (parsed.address << 4) | digit;
  }
  if (at == kKindLength || at > kKindLength + 16 || at == line.size() || line[at] != ',') {
    return std::nullopt;
  }
  const char* const end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data() + at + 1, end, parsed.size_bytes);
  if (error != std::errc() || stop != end || parsed.size_bytes == 0) {
    return std::nullopt;
  }
  return parsed;
}

void LackeyParser::feed(std::string_view text, LackeyLines& out) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      rest_ += text;
      return;
    }
    std::string_view line = text.substr(0, end);
    if (!rest_.empty()) {
      rest_ += line;
      line = rest_;
    }
    if (const std::optional<LackeyLine> access = parse_lackey_line(line)) {
      out.lines.push_back(*access);
    } else {
      out.lines.push_back({.kind = LackeyLine::Kind::kText, .address = out.texts.size()});
      out.texts.emplace_back(line);
    }
    rest_.clear();
    text.remove_prefix(end + 1);
  }
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
