// What happened at a walker's boundary: one record per engine step. The TLM walker writes it, the
// RTL walker exports the same fields, and the scoreboard steps an engine beside them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/position.h"
#include "model/arch/resume.h"

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

// What a lookup has found. Nested TLB and host walk cache are asked together.
enum class LookupOutcome : std::uint8_t { kMiss, kWalkCache, kNestedTlb };
inline constexpr std::array<std::string_view, 3> kLookupOutcomeNames = {"miss", "pwc_hit",
                                                                        "ntlb_hit"};

constexpr LookupOutcome outcome_of_hit(const Resume& resume) {
  return resume.next_level == 0 ? LookupOutcome::kNestedTlb : LookupOutcome::kWalkCache;
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
  // Read data; update: new word; respond: HPA or error code; invalidate: the operation.
  std::uint64_t value = 0;
  LookupOutcome found = LookupOutcome::kMiss;  // lookup
  bool is_translation = false;                 // respond; if not:
  FaultKind fault = FaultKind::kGuestPageFault;
  AccessType access = AccessType::kRead;  // accept, and which stages there are to walk
  bool has_guest = false;
  bool has_host = false;
  bool is_shadow = false;  // read, update: an entry of the shadow (agile)
};

}  // namespace nestwalk
