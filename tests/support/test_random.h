// Draws for random tests: those of the bench's stimulus.
#pragma once

#include "tb/draws.h"

namespace nestwalk {

using SplitMix64 = Draws;

}  // namespace nestwalk
