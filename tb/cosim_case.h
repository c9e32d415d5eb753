// One case of a co-simulation: tables, control bits, accesses and surroundings drawn from a seed,
// on a bench whose walker starts with registers at random. The same seed gives the same case,
// whatever ran before.
//
//   CosimCase test(params, seed);
//   test.run(bench);                 // until params.walks_per_case walks have been answered
//   bench.problems();
#pragma once

#include <cstdint>
#include <vector>

#include "model/params/cosim.h"
#include "tb/cosim_memory.h"
#include "tb/draws.h"
#include "tb/random_entries.h"
#include "tb/walker_bench.h"

namespace nestwalk {

class CosimCase {
 public:
  CosimCase(const CosimParams& params, std::uint64_t seed);

  // Ends early when the bench has something to object to.
  void run(WalkerBench& bench);

  [[nodiscard]] const WalkContext& context() const { return context_; }
  [[nodiscard]] const CosimMemory& memory() const { return memory_; }
  [[nodiscard]] std::uint64_t num_walks() const { return num_walks_; }
  [[nodiscard]] std::uint64_t num_resets() const { return num_resets_; }

 private:
  [[nodiscard]] WalkContext draw_context();
  [[nodiscard]] EntryMood draw_mood();
  [[nodiscard]] BenchParams draw_surroundings();
  [[nodiscard]] unsigned up_to(unsigned most) {
    return static_cast<unsigned>(random_.below(std::uint64_t{most} + 1));
  }
  [[nodiscard]] Tags draw_tags();
  [[nodiscard]] WalkerRequest draw_request();
  [[nodiscard]] Invalidation draw_invalidation();
  void load_pdptes();
  void schedule_invalidation(std::uint64_t now);

  const CosimParams& params_;
  std::uint64_t seed_;
  Draws random_;  // one order of draws: context, mood, surroundings, then as the case runs
  WalkContext context_;
  EntryMood mood_;
  BenchParams surroundings_;
  EntryInventor inventor_;
  CosimMemory memory_;
  std::vector<Access> used_;  // accesses so far
  std::uint8_t next_id_ = 0;
  std::uint64_t start_ = 0;  // cycle
  std::uint64_t next_invalidation_ = 0;
  std::uint64_t num_walks_ = 0;
  std::uint64_t num_resets_ = 0;
};

}  // namespace nestwalk
