// What happened at a walker's boundary: one record per engine step. The TLM walker writes it, the
// RTL walker exports the same fields, and the scoreboard steps an engine beside them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/position.h"

namespace nestwalk {

enum class EventKind : std::uint8_t {
  kInvalidate,
  kFill,
  kLookup,
  kAccept,
  kRead,
  kReadData,
  kUpdate,
  kRespond,
  kRestart,
  kKill,
};
inline constexpr unsigned kNumEventKinds = 10;

inline constexpr std::array<std::string_view, kNumEventKinds> kEventKindNames = {
    "invalidate", "fill",   "lookup",  "accept",  "read",
    "read_data",  "update", "respond", "restart", "kill"};

constexpr std::string_view name_of(EventKind kind) {
  return kEventKindNames[static_cast<unsigned>(kind)];
}

struct Event {
  std::uint64_t cycle = 0;
  std::uint8_t order = 0;  // within the cycle: invalidate, fill, lookup, then slot number
  std::uint8_t slot = 0;
  EventKind kind = EventKind::kAccept;
  Stage stage = Stage::kGuest;
  Position position;
  std::uint8_t bytes = 0;
  std::uint64_t address = 0;  // lookup: GVA or GPA; read, update: HPA; fill: first address covered
  std::uint64_t value = 0;    // read data; update: new word; respond: HPA or error code
};

}  // namespace nestwalk
