// The modes and registers of a walk in words, one line each for guest, host and control.
#pragma once

#include <string>

#include "model/walk/context.h"

namespace nestwalk {

[[nodiscard]] std::string describe_machine(const WalkContext& context);

}  // namespace nestwalk
