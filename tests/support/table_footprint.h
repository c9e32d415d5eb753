// Which bytes serve as which entries for a set of accesses, as the second witness reads and writes
// them: whether the tables of a random case mean one thing each.
//
//   TableFootprint footprint;
//   footprint.add(oracle_translate(context, access, memory));
//   if (footprint.overlaps()) { ... }    // a change of one entry is a change of another one too
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "tests/support/oracle.h"

namespace nestwalk {

// What the accesses of a case read and write, entry by entry.
class TableFootprint {
 public:
  void add(const OracleResult& result) {
    for (const OracleReference& reference : result.references) {
      for (std::uint64_t unit = 0; unit < reference.size; unit += 4) {
        const auto [place, is_new] =
            entries_.try_emplace((reference.hpa + unit).value(), role_of(reference));
        if (!is_new && place->second != role_of(reference)) {
          is_mixed_ = true;
        }
      }
      references_.push_back(reference);
    }
    is_written_ = is_written_ || !result.writes.empty();
  }

  // Some bytes serve as entries of two kinds.
  [[nodiscard]] bool overlaps() const { return is_mixed_; }
  // A walk's own A/D bits then change what an entry says in its other role: that is a change
  // without an invalidation.
  [[nodiscard]] bool changes_itself() const { return is_mixed_ && is_written_; }
  [[nodiscard]] const std::vector<OracleReference>& references() const { return references_; }

 private:
  using Role = std::tuple<Stage, bool, unsigned>;  // stage, whether of the shadow, and level

  static Role role_of(const OracleReference& reference) {
    return {reference.stage, reference.is_shadow,
            reference.stage == Stage::kGuest ? reference.position.g : reference.position.h};
  }

  std::map<std::uint64_t, Role> entries_;
  std::vector<OracleReference> references_;
  bool is_mixed_ = false;
  bool is_written_ = false;
};

}  // namespace nestwalk
