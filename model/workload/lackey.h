// The memory trace that Valgrind's lackey prints, as lines and then as records of a stream.
//
//   LackeyParser parser;
//   LackeyLines lines;
//   parser.feed("I  0401ab70,3\n S 1fff000688,8\n", lines);   // any pieces, cut anywhere
//   LackeyCoalescer().convert(line, records);
//
// Every other line (its banner, system calls, messages of Valgrind) is handed on as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/workload/stream.h"

namespace nestwalk {

struct LackeyLine {
  enum class Kind : std::uint8_t { kInstruction, kLoad, kStore, kModify, kText };
  Kind kind = Kind::kInstruction;
  std::uint64_t address = 0;  // of a text: its place among the texts
  std::uint16_t size_bytes = 0;
  friend bool operator==(const LackeyLine&, const LackeyLine&) = default;
};

struct LackeyLines {
  std::vector<LackeyLine> lines;
  std::vector<std::string> texts;
  void clear() {
    lines.clear();
    texts.clear();
  }
};

// An access line, or nothing: "I  ADDRESS,SIZE" or " L ADDRESS,SIZE" (L, S or M), the address
// hexadecimal, the size decimal.
[[nodiscard]] std::optional<LackeyLine> parse_lackey_line(std::string_view line);

class LackeyParser {
 public:
  // Appends the lines that are complete; the rest waits for the next piece.
  void feed(std::string_view text, LackeyLines& out);
  // What follows the last line end, which may be cut off.
  [[nodiscard]] const std::string& rest() const { return rest_; }

 private:
  std::string rest_;
};

// One fetch record per change of the 64-byte line that execution is in, one read per load, one
// write per store, a read and a write for a modify. Every instruction is counted in the first
// record that it or a later one makes.
class LackeyCoalescer {
 public:
  void convert(const LackeyLine& line, std::vector<TraceRecord>& records);
  // Instructions that no record has counted yet; they are the caller's now.
  [[nodiscard]] std::uint64_t take_pending_instructions() { return std::exchange(num_pending_, 0); }

 private:
  void add(AccessType type, std::uint64_t address, std::uint16_t size_bytes,
           std::vector<TraceRecord>& records);

  std::uint64_t line_address_ = ~std::uint64_t{0};  // no line is there
  std::uint64_t num_pending_ = 0;
};

}  // namespace nestwalk
