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
#include "tests/support/word_memory.h"

namespace nestwalk {

// splitmix64 (Steele, Lea, Flood 2014): equal on every machine, unlike the std distributions.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool percent(unsigned probability) { return below(100) < probability; }

 private:
  std::uint64_t state_;
};

// The pair of stages; absent: guest paging off, or no host stage.
struct StagePair {
  std::optional<FormatId> guest;
  std::optional<FormatId> host;
};

// All 35 pairs, the identity included.
std::vector<StagePair> all_stage_pairs();

struct RandomCase {
  std::uint64_t seed = 0;
  WalkContext context;  // without PDPTEs: load them first where context.uses_pdpte_registers()
  WordMemory memory;
  std::vector<Access> accesses;
};

RandomCase make_random_case(const StagePair& stages, std::uint64_t seed);

}  // namespace nestwalk
