// All answers that a core may give for one address: the tables' own, and those of histories whose
// invalidation has not been acknowledged. A recursive reading of the tables that takes for each
// word every value that it had, also of different times: through walk caches an upper entry may be
// old and a lower one new.
//
//   const LegalAnswers answers = legal_answers(memory, history, contexts, judge, {number,
//   address}); for (const LegalAnswer& a : answers.list) { a.standing; a.translation; }
//
// Shares no code with the walk engine, only what one entry says (walk/entry_rules.h). A walk that
// faults has no answer: nothing of it is cached.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "model/arch/translation.h"
#include "model/hypervisor/invalidation_log.h"
#include "model/hypervisor/table_history.h"

namespace nestwalk {

// How an answer stands to the tables, from best to worst.
enum class Standing : std::uint8_t {
  kCurrent,
  kStale,      // some core may still use it, and the software is not done with the change
  kForgotten,  // hardware may use it, but the software is done and has not invalidated it
  kDropped,    // hardware may not use it: it was invalidated
};

struct LegalAnswer {
  Translation translation;
  Standing standing = Standing::kCurrent;
  // Of the worst old word, unless current.
  TableChange change;
  Stage stage = Stage::kGuest;
  std::uint8_t level = 0;
  bool is_leaf = true;
  std::optional<LoggedInvalidation> dropped_by;  // kDropped
};

struct LegalAnswers {
  std::vector<LegalAnswer> list;  // no two of one translation; the current one first
  bool is_cut = false;            // there may be more: a bound was hit, or history forgotten
  bool has_old_words = false;     // on the way, whether or not they may still be used

  // That hardware may give.
  [[nodiscard]] unsigned num_legal() const;
};

// What decides how an old word stands.
struct HistoryJudge {
  const InvalidationLog* log = nullptr;
  // Whether the software that made the change says that it is done with it.
  std::function<bool(const TableChange&)> is_settled;
  // Leaves out what was dropped, as soon as that is certain.
  bool only_usable = false;
};

struct AddressInContext {
  ContextNumber context = 0;
  Gva address;
};

inline constexpr unsigned kMaxOldSteps = 4096;  // looked at for one address

// Adds the frames on the way to the history.
[[nodiscard]] LegalAnswers legal_answers(const SparseMemory& memory, TableHistory& history,
                                         const CheckedContexts& contexts, const HistoryJudge& judge,
                                         const AddressInContext& where);

}  // namespace nestwalk
