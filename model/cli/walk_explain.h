// One walk as a person reads it: the grid of positions in the order they were visited, every entry
// with its address and meaning, what was skipped and why, and the outcome in words with the rule
// behind it.
//
//   std::string text = explain_walk(request.context, request.access, answer);
//
// It reads an answer and works for every engine; it decides nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "model/sim/walk_service.h"

namespace nestwalk {

[[nodiscard]] std::string explain_walk(const WalkContext& context, const Access& access,
                                       const WalkAnswer& answer);

// The references of the last attempt: a walk that lost an A/D update started again from its root.
[[nodiscard]] std::span<const EntryReference> last_attempt(const WalkAnswer& answer);

// The rules of the stage that an entry belongs to, and its level there.
[[nodiscard]] StageRules rules_of(const WalkContext& context, const EntryReference& reference);
[[nodiscard]] std::string name_of_entry(const WalkContext& context,
                                        const EntryReference& reference);
[[nodiscard]] constexpr unsigned level_of(const EntryReference& reference) {
  return reference.stage == Stage::kGuest ? reference.position.g : reference.position.h;
}

}  // namespace nestwalk
