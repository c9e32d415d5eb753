// What part of a simulation is recorded as waves.
//
//   WaveWindow window;
//   window.from = *parse_wave_point("walk:250");   // or "120000", a cycle
//
// Empty: all of it. Not for statistics regions, which count accesses.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nestwalk {

// A cycle, or a walk by its number from 1.
struct WavePoint {
  bool is_walk = false;
  std::uint64_t number = 0;
  friend constexpr bool operator==(const WavePoint&, const WavePoint&) = default;
};

struct WaveWindow {
  std::optional<WavePoint> from;
  std::optional<WavePoint> to;
  // So many cycles before and after the first failure; without one nothing is written.
  std::optional<std::uint64_t> around_failure_cycles;
};

inline constexpr std::string_view kWavePointForms = "a cycle, such as 120000, or walk:N, N from 1";

[[nodiscard]] inline std::optional<WavePoint> parse_wave_point(std::string_view text) {
  constexpr std::string_view kWalk = "walk:";
  WavePoint point;
  point.is_walk = text.starts_with(kWalk);
  if (point.is_walk) {
    text.remove_prefix(kWalk.size());
  }
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, point.number);
  if (error != std::errc{} || rest != end || (point.is_walk && point.number == 0)) {
    return std::nullopt;
  }
  return point;
}

}  // namespace nestwalk
