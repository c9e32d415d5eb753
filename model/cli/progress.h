// The progress line of a long run, on a terminal only.
//
//   ProgressLine line(streams.err, is_terminal(2));
//   line.show("native", done, total);
//   line.clear();
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace nestwalk {

[[nodiscard]] bool is_terminal(int file_descriptor);

class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool is_on) : out_(out), is_on_(is_on) {}

  // Redraws the line if a tenth of a second has passed.
  void show(std::string_view label, std::uint64_t done, std::optional<std::uint64_t> total);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  bool is_on_;
  bool is_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
};

}  // namespace nestwalk
