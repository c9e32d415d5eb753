// The walk engine: what a walk means. It performs no I/O and knows no time. It asks by steps and is
// answered; a driver decides how each step is carried out and what it costs. A plain state machine,
// so a walk can be copied at any point.
//
//   WalkEngine engine(context, access);
//   Answer answer;
//   for (;;) {
//     const Step& step = engine.next(answer);  // perform it, fill `answer`, until kDone or kFault
//   }
//
// Order of events (Intel SDM vol. 3; design notes in docs/architecture.md): guest levels from the
// root, each with its host walk and that walk's own A/D; guest rights; guest A from root to leaf and
// D of the leaf, each judged for host write permission; the final host walk. A guest fault writes no
// guest A/D; a fault of the final host walk leaves the guest's A/D written.
// Not for: caching (the driver's), invalidation of walks in flight (the driver's).
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/walk/context.h"
#include "model/walk/step.h"

namespace nestwalk {
