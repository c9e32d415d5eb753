// The memory trace that Valgrind's lackey prints, as lines and then as records of a stream.
//
//   LackeyParser parser;
//   parser.feed("I  0401ab70,3\n S 1fff000688,8\n", lines);   // any pieces, cut anywhere
//   LackeyCoalescer().convert(line, records);
//
// Lines that are not accesses (its banner, a summary, messages of Valgrind) are passed over.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/workload/stream.h"

namespace nestwalk {

struct LackeyLine {
  enum class Kind : std::uint8_t { kInstruction, kLoad, kStore, kModify };
  Kind kind = Kind::kInstruction;
  std::uint64_t address = 0;
  std::uint16_t size_bytes = 0;
  friend bool operator==(const LackeyLine&, const LackeyLine&) = default;
};

class LackeyParser {
 public:
  // Appends the lines that are complete; the rest waits for the next piece.
  void feed(std::string_view text, std::vector<LackeyLine>& lines);

 private:
  void finish_line(std::vector<LackeyLine>& lines);

  enum class State : std::uint8_t { kFirst, kSecond, kThird, kAddress, kSize, kOther };
  State state_ = State::kFirst;
  bool has_digits_ = false;
  std::uint64_t size_ = 0;
  LackeyLine line_;
};

// One fetch record per change of the 64-byte line that execution is in, one read per load, one
// write per store, a read and a write for a modify. Every instruction is counted in the first
// record that it or a later one makes.
class LackeyCoalescer {
 public:
  void convert(const LackeyLine& line, std::vector<TraceRecord>& records);
  // Instructions that no record has counted yet.
  [[nodiscard]] std::uint64_t num_pending_instructions() const { return num_pending_; }

 private:
  void add(AccessType type, std::uint64_t address, std::uint16_t size_bytes,
           std::vector<TraceRecord>& records);

  std::uint64_t line_address_ = ~std::uint64_t{0};  // no line is there
  std::uint64_t num_pending_ = 0;
};

}  // namespace nestwalk
