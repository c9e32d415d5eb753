// Nested TLB and walk caches of an RTL walker once more, made of the model's own classes. Told what
// the RTL does, in its order, it says what each lookup must have answered.
//
//   CacheMirror mirror(structures);
//   WalkEngine engine(mirror.context_for(context), access);  // asks what the RTL has
//   const std::optional<Resume> should = mirror.lookup(context, step);
//   mirror.fill(context, step);
//   mirror.invalidate(invalidation);
//
// Entries as in the RTL: fully associative, exact LRU, what no invalidation names survives.
#pragma once

#include <optional>

#include "model/arch/fault.h"
#include "model/arch/invalidation.h"
#include "model/lookup/nested_tlb.h"
#include "model/lookup/walk_cache.h"
#include "model/walk/context.h"
#include "model/walk/step.h"
#include "tb/walker_structures.h"

namespace nestwalk {

class CacheMirror {
 public:
  explicit CacheMirror(const WalkerStructures& structures);

  // The same context for a walker with these structures.
  [[nodiscard]] WalkContext context_for(const WalkContext& context) const;
  // A host lookup asks nested TLB and walk cache together: a page that is known counts.
  std::optional<Resume> lookup(const WalkContext& context, const Step& step);
  // Whether there is a structure for what the engine offers.
  [[nodiscard]] bool keeps(const Step& step) const;
  void fill(const WalkContext& context, const Step& step);
  void invalidate(const Invalidation& invalidation);
  // Whether a fault may have something to drop: otherwise the RTL spends no cycle on it.
  [[nodiscard]] bool concerns(const Fault& fault) const;

  [[nodiscard]] const WalkCache& guest_cache() const { return guest_; }
  [[nodiscard]] const WalkCache& host_cache() const { return host_; }
  [[nodiscard]] const NestedTlb& nested_tlb() const { return ntlb_; }

 private:
  bool has_guest_;
  bool has_host_;
  bool is_combined_;
  // Each stage has its own, with a size of its own.
  WalkCache guest_;
  WalkCache host_;
  NestedTlb ntlb_;
};

}  // namespace nestwalk
