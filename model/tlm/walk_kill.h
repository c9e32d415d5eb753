// Whether an invalidation concerns something under way that began earlier: a walk, or an access
// with its translation, which could use, cache or answer what the operation drops.
//
//   if (concerns(invalidation, slot.engine.context())) { kill(slot); }
//
// By tags alone. An address does not excuse a walk: it may have passed the entry that was changed
// on its way to another page, and its page may be larger than the address tells.
#pragma once

#include "model/arch/invalidation.h"
#include "model/lookup/invalidate.h"
#include "model/walk/context.h"

namespace nestwalk {

inline bool concerns(const Invalidation& invalidation, const WalkContext& context) {
  const InvalidationScope scope(invalidation);
  if (scope.drops_nothing()) {
    return false;
  }
  const auto drops_kind = [&](MappingKind kind) {
    EntryKey key;
    key.address = scope.address(kind);  // named by it, whatever it is
    key.tags = tags_for(kind, context.tags);
    key.kind = kind;
    if (scope.must_drop(key)) {
      return true;
    }
    key.global = kind != MappingKind::kGuestPhysical;  // its page may turn out to be global
    return key.global && scope.must_drop(key);
  };
  return context.has_host
             ? drops_kind(MappingKind::kCombined) || drops_kind(MappingKind::kGuestPhysical)
             : drops_kind(MappingKind::kLinear);
}

}  // namespace nestwalk
