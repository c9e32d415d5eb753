// The end of a walk in words: what was found, or which rule was broken, by which entry, and in
// which manual the rule stands.
#pragma once

#include <string>

#include "model/sim/walk_service.h"

namespace nestwalk {

[[nodiscard]] std::string describe_outcome(const WalkContext& context, const Access& access,
                                           const WalkAnswer& answer);

}  // namespace nestwalk
