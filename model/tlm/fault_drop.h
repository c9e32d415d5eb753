// What a fault itself drops from TLBs, walk caches and nested TLB: whatever is cached for its
// addresses, so that a stale entry with fewer rights cannot make the fault come back for ever.
//
//   walk_cache.invalidate(invalidation_by_fault(fault, context.tags));
#pragma once

#include "model/arch/fault.h"
#include "model/arch/invalidation.h"
#include "model/arch/tags.h"

namespace nestwalk {

// Sources: Intel SDM vol. 3, 4.10.4.1 (page faults) and "Operations that invalidate cached
// mappings" (EPT violations). For #NPF the same as for an EPT violation.
constexpr Invalidation invalidation_by_fault(const Fault& fault, const Tags& tags) {
  Invalidation drop;
  drop.tags = tags;
  drop.address = fault.address;
  drop.gpa = fault.gpa;
  switch (fault.kind) {
    case FaultKind::kEptViolation:
      drop.op = InvalidateOp::kEptViolation;
      break;
    case FaultKind::kNestedPageFault:
      drop.op = InvalidateOp::kNestedPageFault;
      drop.rules = TagRules::kAmd;
      break;
    default:
      drop.op = InvalidateOp::kPageFault;
      break;
  }
  return drop;
}

}  // namespace nestwalk
