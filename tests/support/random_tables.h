// Random page tables for every guest format over every host format, made reproducibly from a seed.
// Tables are grown on demand: an entry is invented when the second witness first reads it, so that
// every word a walk meets is meaningful. Frames are drawn partly from those in use: tables are
// shared, entries serve at several levels, guest tables lie on host tables.
//
//   const RandomCase random = make_random_case({FormatId::kX86Pae, FormatId::kEptFourLevel}, 7);
//   // random.context, random.accesses to be walked in order over a copy of random.memory
//
// Not for images of realistic shape: nothing here resembles an operating system.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/arch/access.h"
#include "model/walk/context.h"
#include "tests/support/test_random.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

// The pair of stages; absent: guest paging off, or no host stage.
struct StagePair {
  std::optional<FormatId> guest;
  std::optional<FormatId> host;
  bool is_agile = false;  // with a shadow that hands over to both of them
};

// All 35 pairs, the identity included.
std::vector<StagePair> all_stage_pairs();
// Those of agile paging: the long guests over every host format.
std::vector<StagePair> agile_stage_pairs();

struct RandomCase {
  std::uint64_t seed = 0;
  WalkContext context;  // without PDPTEs: load them first where context.uses_pdpte_registers()
  WordMemory memory;
  std::vector<Access> accesses;
};

RandomCase make_random_case(const StagePair& stages, std::uint64_t seed);

}  // namespace nestwalk
