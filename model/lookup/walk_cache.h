// The page-walk cache (PWC): upper-level entries, in one of two families.
//
// By address prefix (per level, or all levels in one array): a hit skips the levels above and says
// where the walk goes on.
//   WalkCache pwc(PwcParams{});
//   const PwcQuery query{Stage::kGuest, MappingKind::kCombined, gva.value(), tags, &format};
//   pwc.fill(query, /*level=*/3, resume);  // the level-3 entry was passed: next_level is 2
//   if (const auto resume = pwc.lookup(query)) { ... }
// By the entry's own physical address (AMD style): a hit saves the read of one word, not the step.
//   if (const auto word = pwc.read(hpa, Stage::kGuest)) { ... }
//   pwc.fill_word(hpa, word, Stage::kGuest);
//
// Leaves are never cached. In the second family that is up to the caller, and so is caching only
// words that are present and well-formed; update_word() keeps words true to our own A/D updates,
// and drop_word() follows an update that was lost. Words carry no tags: an invalidation drops all
// words of a stage or none. Not for pages: see tlb.h and nested_tlb.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/paging_format.h"
#include "model/arch/position.h"
#include "model/arch/resume.h"
#include "model/arch/tags.h"
#include "model/lookup/entry_key.h"
#include "model/lookup/set_assoc_array.h"
#include "model/params/structures.h"

namespace nestwalk {

struct PwcLevelStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  friend bool operator==(const PwcLevelStats&, const PwcLevelStats&) = default;
};

// Of one stage. Levels are probed from the deepest up and the first hit ends the search, so a level
// counts a lookup only if no deeper one hit. Laws: lookups = hits + misses, each and in total;
// fills = evictions + replaced + invalidated + entries present.
struct PwcStats {
  PwcLevelStats total;                                // of searches by prefix; of reads of words
  std::array<PwcLevelStats, kMaxLevels + 1> level{};  // [2] to [5], by prefix only
  std::uint64_t fills = 0;
  std::uint64_t evictions = 0;  // of this stage's entries, whichever stage wanted the room
  std::uint64_t replaced = 0;   // by a fill of the same entry
  std::uint64_t invalidated = 0;
  std::uint64_t collateral = 0;  // of those, prefix entries that extent exact would have kept
  friend bool operator==(const PwcStats&, const PwcStats&) = default;
};

struct PwcQuery {
  Stage stage = Stage::kGuest;
  MappingKind kind = MappingKind::kLinear;  // guest stage: linear, combined; host: guest-physical
  std::uint64_t address = 0;                // guest stage: GVA; host: GPA
  Tags tags;
  const PagingFormat* format = nullptr;  // of the stage
};

using PwcEntry = CachedEntry<Resume>;

struct PwcWord {
  Hpa hpa;
  std::uint64_t value = 0;
  Stage stage = Stage::kGuest;
  friend constexpr bool operator==(const PwcWord&, const PwcWord&) = default;
};

class WalkCache {
 public:
  explicit WalkCache(const PwcParams& params, std::uint64_t seed = 0);

  // Whether lookup() and fill(), or read() and fill_word(), do anything for this stage.
  [[nodiscard]] bool has_prefixes(Stage stage) const {
    const bool by_prefix =
        organisation_ == PwcOrganisation::kPerLevel || organisation_ == PwcOrganisation::kUnified;
    return by_prefix && (stage == Stage::kGuest || host_stage_);
  }
  [[nodiscard]] bool has_words(Stage stage) const {
    return organisation_ == PwcOrganisation::kPhysical2d ||
           (organisation_ == PwcOrganisation::kPhysical && stage == Stage::kGuest);
  }

  // The deepest hit; the level that hit is next_level + 1.
  std::optional<Resume> lookup(const PwcQuery& query);
  void fill(const PwcQuery& query, unsigned level, const Resume& resume);

  // A 4-byte entry is a word of its own.
  std::optional<std::uint64_t> read(Hpa hpa, Stage stage);
  void fill_word(Hpa hpa, std::uint64_t word, Stage stage);
  void update_word(Hpa hpa, std::uint64_t word);  // if it is cached, for whichever stage
  void drop_word(Hpa hpa);

  // Returns the number of entries and words dropped.
  std::size_t invalidate(const Invalidation& invalidation);
  std::size_t flush();

  // visit(const PwcEntry&); the prefix family.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& array : prefixes_) {
      array.for_each(visit);
    }
  }
  // visit(const PwcWord&)
  template <class Visit>
  void for_each_word(Visit visit) const {
    for (const auto& array : words_) {
      array.for_each(visit);
    }
  }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const PwcStats& stats(Stage stage) const {
    return stats_[static_cast<unsigned>(stage)];
  }
  void reset_stats() { stats_ = {}; }

  friend bool operator==(const WalkCache&, const WalkCache&) = default;

 private:
  static constexpr unsigned kNumStages = 2;
  static constexpr unsigned kNumLevels = kMaxLevels - 1;  // 2 to 5

  [[nodiscard]] unsigned unit_of(Stage stage) const {
    return sharing_ == PwcSharing::kShared ? 0 : static_cast<unsigned>(stage);
  }
  [[nodiscard]] SetAssocArray<PwcEntry>& prefix_array(Stage stage, unsigned level);
  [[nodiscard]] PwcStats& stats_of(Stage stage) { return stats_[static_cast<unsigned>(stage)]; }
  template <class Drop>
  std::size_t drop_prefixes_if(Drop drop);
  template <class Drop>
  std::size_t drop_words_if(Drop drop);

  PwcOrganisation organisation_;
  PwcSharing sharing_;
  bool host_stage_;
  InvalidateExtent extent_;
  // By unit and level (unified: level 2 stands for all). An unused array is absent.
  std::array<SetAssocArray<PwcEntry>, kNumStages * kNumLevels> prefixes_;
  std::array<SetAssocArray<PwcWord>, kNumStages> words_;
  std::array<PwcStats, kNumStages> stats_{};
};

}  // namespace nestwalk
