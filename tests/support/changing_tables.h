// Random tables with accesses that use them again and again, and changes of these tables with the
// invalidations that the manuals ask for: for tests in which caches must not show.
//
//   ChangingTables tables;
//   if (make_changing_tables({FormatId::kX86Pae, FormatId::kEptFourLevel}, seed, tables)) {
//     ... walk tables.accesses over tables.memory ...
//     for (const Invalidation& i : change_entry(tables, memory, random)) { ... }
//     if (tables.footprint.overlaps()) { ... no more is known about this case ... }
//   }
//
// Not for real systems' shapes: see random_tables.h.
#pragma once

#include <cstdint>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/invalidation.h"
#include "model/walk/context.h"
#include "tests/support/random_tables.h"
#include "tests/support/table_footprint.h"
#include "tests/support/test_random.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

struct ChangingTables {
  WalkContext context;  // with tags, and PDPTEs where they are used
  WordMemory memory;
  std::vector<Access> accesses;
  TableFootprint footprint;
};

// False: the case has no accesses that mean something.
[[nodiscard]] bool make_changing_tables(const StagePair& stages, std::uint64_t seed,
                                        ChangingTables& result);

// Flips a bit of an entry that the case uses, in `memory`, and adds to the footprint what its
// accesses use from then on. Returns the invalidations that must follow; none: nothing changed.
[[nodiscard]] std::vector<Invalidation> change_entry(ChangingTables& tables, WordMemory& memory,
                                                     SplitMix64& random);

}  // namespace nestwalk
