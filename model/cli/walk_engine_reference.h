// The reference engine of `nestwalk walk`: the walk engine and its untimed driver over a memory of
// words, with every entry read and every A/D update written down.
//
//   ReferenceWalkService service;
//   service.load(request.memory);
//   const WalkAnswer answer = service.walk(request.context, request.access);
//
// Not for timing: it knows no cycles and no caches.
#pragma once

#include <vector>

#include "model/cli/entry_memory.h"
#include "model/sim/walk_service.h"

namespace nestwalk {

class ReferenceWalkService final : public WalkService {
 public:
  void load(const std::vector<MemoryWord>& memory) override;
  WalkAnswer walk(const WalkContext& context, const Access& access) override;

 private:
  EntryMemory memory_;
};

}  // namespace nestwalk
