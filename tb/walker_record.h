// What passes at the boundary of the RTL walker, in the model's own types.
//
// A Record is one event of a walk with everything that passes with it. The bench writes it from the
// pins; the scoreboard judges it. Not for what happens inside the walker.
#pragma once

#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/event.h"
#include "model/arch/fault.h"
#include "model/arch/invalidation.h"
#include "model/arch/resume.h"
#include "model/arch/translation.h"
#include "model/walk/context.h"
#include "model/walk/step.h"

namespace nestwalk {

struct WalkerRequest {
  std::uint8_t id = 0;  // comes back with the response
  WalkContext context;
  Access access;
  bool is_pdpte_load = false;  // the host walk of a CR3 load: WalkEngine::for_pdpte_load(context)
};

struct WalkerResponse {
  std::uint8_t id = 0;
  bool is_translation = false;
  Translation translation;
  Fault fault;
  unsigned num_restarts = 0;
  friend bool operator==(const WalkerResponse&, const WalkerResponse&) = default;
};

struct Record {
  Event event;
  std::uint64_t expected = 0;  // kUpdate: the word that is to be replaced
  WalkerRequest request;       // kAccept
  WalkerResponse response;     // kRespond
  Invalidation invalidation;   // kInvalidate
  bool is_by_fault = false;    // kInvalidate: what a fault of the slot's walk drops by itself
  bool is_hit = false;         // kLookup
  Resume resume;               // kFill; kLookup, if it is a hit
};

// Place of a record within its cycle (Event::order).
inline constexpr std::uint8_t kInvalidateOrder = 0;
inline constexpr std::uint8_t kFillOrder = 1;
inline constexpr std::uint8_t kLookupOrder = 2;
inline constexpr std::uint8_t kFirstSlotOrder = 3;  // of slot 0

}  // namespace nestwalk
