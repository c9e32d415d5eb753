// What a translation checker has found, with all that is needed to locate it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/translation.h"
#include "model/hypervisor/legal_answers.h"
#include "model/memory/frame_owner.h"
#include "model/walk/translation_observer.h"

namespace nestwalk {

enum class ViolationKind : std::uint8_t {
  kMissingInvalidation,  // stale, and the software is done with the change without invalidating it
  kUsedAfterDrop,        // stale, although the invalidation was acknowledged
  kReusedTags,           // of other tables, which used the same tags before
  kUnexplained,          // no value that the tables ever had gives this
  kFreedFrame,
  kForeignFrame,     // of another VM
  kForbiddenFrame,   // the hypervisor's own, or a table of the host stage
  kWritableTable,    // a guest's table, or another protected frame, may be written past the pager
  kLostDirtyRecord,  // a write to a page that the dirty log says is clean
  kAgainstGuestTables,  // shadow paging: what the guest's own tables do not permit
};
inline constexpr unsigned kNumViolationKinds = 10;

inline constexpr std::array<std::string_view, kNumViolationKinds> kViolationKindNames = {
    "missing_invalidation", "used_after_drop",     "reused_tags",     "unexplained",
    "freed_frame",          "foreign_frame",       "forbidden_frame", "writable_table",
    "lost_dirty_record",    "against_guest_tables"};

constexpr std::string_view name_of(ViolationKind kind) {
  return kViolationKindNames[static_cast<unsigned>(kind)];
}

struct Violation {
  ViolationKind kind = ViolationKind::kUnexplained;
  unsigned core = 0;
  CheckerStamp when;
  Access access;
  TranslationPath path = TranslationPath::kWalk;
  WalkContext context;
  Translation answer;
  std::optional<Translation> current;           // what the tables say now; nothing: no translation
  std::optional<LegalAnswer> origin;            // the history that explains the answer
  std::optional<LoggedInvalidation> last_drop;  // on this core since the change, covering it or not
  std::optional<unsigned> dropped_on;           // another core, which was told in time
  std::uint64_t former_root = 0;                // kReusedTags
  FrameOwner owner;                 // of the frame; kFreedFrame, kForeignFrame, kForbiddenFrame
  std::optional<std::uint32_t> vm;  // whose context it is
};

// What a kind means, in a sentence.
[[nodiscard]] std::string_view text_of(ViolationKind kind);

// The cached structure that must have held what is wrong, as far as the path tells.
[[nodiscard]] std::string structure_of(const Violation& violation);
// The invalidation that would have prevented it.
[[nodiscard]] std::string missing_of(const Violation& violation);
// Several lines: what was accessed, what was answered, what is wrong, what was missing.
[[nodiscard]] std::string text_of(const Violation& violation);

}  // namespace nestwalk
