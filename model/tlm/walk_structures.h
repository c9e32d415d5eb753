// Page-walk caches and nested TLB of one walker, as its walks use them: which structures a step of
// the walk engine asks, for how long, and what it leaves there. Knows latencies and no time.
//
//   WalkStructures structures(params);
//   structures.prepare(engine, context);
//   structures.lookup_cycles(step); structures.lookup(engine.context(), step);
//   structures.fill(engine.context(), step);
//
// The same object serves blocking and non-blocking walks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/arch/invalidation.h"
#include "model/lookup/nested_tlb.h"
#include "model/lookup/walk_cache.h"
#include "model/params/machine.h"
#include "model/walk/context.h"
#include "model/walk/engine.h"
#include "model/walk/entry_rules.h"
#include "model/walk/step.h"

namespace nestwalk {

class WalkStructures {
 public:
  explicit WalkStructures(const WalkerParams& params);

  // Makes the engine ready for walks in a context with the structures that this walker has. Returns
  // false, and does nothing, if it is.
  bool prepare(WalkEngine& engine, const WalkContext& context) const;

  // Steps of kind kLookup. Nested TLB and host walk cache are asked together: the slower one
  // decides the time.
  [[nodiscard]] std::uint32_t lookup_cycles(const Step& step) const;
  std::optional<Resume> lookup(const WalkContext& context, const Step& step);
  void fill(const WalkContext& context, const Step& step);

  // Whether fill() keeps what the step offers.
  [[nodiscard]] bool takes(const Step& step) const {
    return step.stage == Stage::kHost && step.resume.next_level == 0
               ? ntlb_.serves(step.position)
               : pwc_.has_prefixes(step.stage);
  }
  // Whether there is a structure that may hold something a fault drops.
  [[nodiscard]] bool concerned_by(const Fault& fault) const {
    const bool is_of_host =
        fault.kind == FaultKind::kEptViolation || fault.kind == FaultKind::kNestedPageFault;
    return pwc_.has_prefixes(Stage::kGuest) ||
           (is_of_host && (ntlb_.is_present() || pwc_.has_prefixes(Stage::kHost)));
  }

  // Walk caches of table words, asked by kRead.
  [[nodiscard]] bool has_words(Stage stage) const { return pwc_.has_words(stage); }
  [[nodiscard]] bool has_words() const {
    return has_words(Stage::kGuest) || has_words(Stage::kHost);
  }
  [[nodiscard]] std::uint32_t word_cycles() const { return pwc_latency_; }
  std::optional<std::uint64_t> read_word(const Step& step) {
    return pwc_.read(step.hpa, step.stage);
  }
  // Counts the invalidations that dropped words of a stage. Words have no tags: what a transaction
  // brings that was sent before the last one may be old for another context, whoever's it is.
  [[nodiscard]] std::uint64_t word_epoch(Stage stage) const {
    return word_epochs_[static_cast<unsigned>(stage)];
  }
  // Keeps what memory said, if it is of a kind that may be kept.
  void keep_word(const WalkEngine& engine, const Step& step, std::uint64_t word) {
    if (has_words(step.stage)) {
      keep_table_pointer(engine.rules(step), step, word);
    }
  }
  // After an update: `is_stored` false means that the word may be another one by now.
  void updated_word(const Step& step, bool is_stored);

  std::uint64_t invalidate(const Invalidation& invalidation);
  void flush();

  [[nodiscard]] const WalkCache& walk_cache() const { return pwc_; }
  [[nodiscard]] const NestedTlb& nested_tlb() const { return ntlb_; }

 private:
  [[nodiscard]] bool asks_nested_tlb(const Step& step) const {
    return step.stage == Stage::kHost && ntlb_.serves(step.position);
  }
  [[nodiscard]] static PwcQuery query(const WalkContext& context, const Step& step);
  void keep_table_pointer(const StageRules& rules, const Step& step, std::uint64_t word);

  bool combined_;
  std::uint32_t pwc_latency_;
  std::uint32_t ntlb_latency_;
  WalkCache pwc_;
  NestedTlb ntlb_;
  std::array<std::uint64_t, 2> word_epochs_{};  // by stage
};

}  // namespace nestwalk
