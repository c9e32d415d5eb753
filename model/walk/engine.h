// The walk engine: what a walk means. It performs no I/O and knows no time. It asks by steps and is
// answered; a driver decides how each step is carried out and what it costs. A plain state machine,
// so a walk can be copied at any point.
//
//   WalkEngine engine(context, access);
//   Answer answer;
//   for (;;) {
//     const Step& step = engine.next(answer);  // perform it, fill `answer`, until kDone or kFault
//   }
//
// Order of events (Intel SDM vol. 3): guest levels from the root, each with its host walk and that
// walk's own A/D once its rights have passed; guest rights; guest A from root to leaf with D of the
// leaf, each judged for host write permission; the final host walk. A guest fault writes no guest
// A/D; a fault of the final host walk leaves the guest's A/D written.
// Agile paging: the guest stage begins with entries of the shadow, whose tables need no host walk;
// below a switching bit it goes on in the guest's own tables. Both parts are one path: rights, A
// and D, fills and restarts are as in a nested walk, and what the shadow's entries name is an HPA
// with every host right. A leaf of the shadow is the end, without a final host walk. Not for:
// caching and invalidation of walks in flight, which are the driver's.
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/walk/context.h"
#include "model/walk/entry_rules.h"
#include "model/walk/permissions.h"
#include "model/walk/stage_rules.h"
#include "model/walk/step.h"

namespace nestwalk {

class WalkEngine {
 public:
  // A lost A/D update restarts the walk; after this many it ends in a memory error, because some
  // other agent then changes the entry faster than a walk can read it.
  static constexpr unsigned kMaxRestarts = 64;

  // Ready for walks in this context, each begun by start().
  explicit WalkEngine(const WalkContext& context);
  WalkEngine(const WalkContext& context, const Access& access) : WalkEngine(context) {
    start(access);
  }

  // The host walk of a CR3 load with PAE: translates the guest-physical address of the PDPTEs.
  static WalkEngine for_pdpte_load(const WalkContext& context);

  // Begins a walk and forgets the one before, ended or not.
  void start(const Access& access);

  // The next step. `answer` answers the step returned before; the first call ignores it. Must not
  // be called again after kDone or kFault. The reference holds until the next call.
  const Step& next(const Answer& answer) {
    if (!passes_host_table(answer)) {
      answered(answer);
    }
    return step_;
  }

  [[nodiscard]] unsigned num_restarts() const { return num_restarts_; }
  [[nodiscard]] const WalkContext& context() const { return context_; }
  // Of a stage that the context has.
  [[nodiscard]] const StageRules& rules(Stage stage) const {
    return stage == Stage::kGuest ? guest_rules_ : host_rules_;
  }
  // Of the entry that a step reads or updates.
  [[nodiscard]] const StageRules& rules(const Step& step) const {
    return step.is_shadow ? shadow_rules_ : rules(step.stage);
  }

  // Where a leaf entry of the walk just translated stands, if its page is a small one. For who
  // looks ahead (WalkHints).
  struct LeafPlace {
    bool is_small = false;
    std::uint64_t input = 0;  // the GVA or GPA that the entry translates
    Hpa entry;
  };
  [[nodiscard]] LeafPlace leaf_place(Stage stage) const {
    if (stage == Stage::kGuest) {
      return {context_.has_guest && leaf_g_ == 1, access_.address.value(), guest_[1].hpa};
    }
    // Not of a page that a nested TLB knew: its entry was not read.
    return {context_.has_host && h_ == 1 && leaf_h_ == 1, host_gpa_.value(), host_leaf_hpa_};
  }

 private:
  // What the engine waits for: the answer to the step it asked last.
  enum class State : std::uint8_t {
    kStarted,
    kGuestLookup,
    kGuestRead,
    kGuestUpdate,
    kGuestFill,
    kHostLookup,
    kHostRead,
    kHostUpdate,
    kHostFill,
    kEnded,
  };

  struct GuestRecord {
    Hpa hpa;
    Gpa gpa;
    std::uint64_t value = 0;
    HostRights host;  // of the page that holds the entry
    bool is_shadow = false;
  };
  struct HostNeed {
    HostAccess access;
    HostRights rights;
    bool is_write = false;
  };

  // Each of these takes the walk on to its next step, which is in step_ when it returns.
  void answered(const Answer& answer);
  void begin();
  void guest_looked_up(const Answer& answer);
  void guest_entry();  // locates the guest entry of level g_
  void guest_read();
  void guest_read_done(const Answer& answer);
  void guest_leaf_reached(std::uint64_t entry);
  void guest_update();
  void guest_updated(const Answer& answer);
  void guest_updates_done();
  void guest_fill();
  void ask_guest_fill();
  void final();
  void host_begin(Gpa gpa, const HostNeed& need);
  void host_looked_up(const Answer& answer);
  void host_read_done(const Answer& answer);
  void host_leaf_reached(std::uint64_t entry);
  void host_update();
  void host_updated(const Answer& answer);
  void host_updates_done();
  void host_fill();
  void host_done();
  void restart_or_fail();
  void done();
  void fault(FaultKind kind, std::uint64_t code, Position position);
  void guest_fault(bool present, bool reserved, bool key_denies);
  void host_fault(bool present, bool malformed);
  void memory_error();

  void start_guest_at_root();
  void take_shadow_pointer(std::uint64_t table, bool is_switch);
  void start_host_at_root();
  void pass_guest_entry(std::uint64_t entry);
  void pass_host_entry(std::uint64_t entry);
  void ask(StepKind kind, Stage stage, Position position, State state) {
    step_.kind = kind;
    step_.stage = stage;
    step_.position = position;
    state_ = state;
  }
  void ask_host_entries(std::uint64_t table);  // from level h_ on
  [[nodiscard]] HostNeed host_need(const HostAccess& access) const;

  // The step that a nested walk makes 15 times in 24: a usual pointer to the next host table.
  bool passes_host_table(const Answer& answer) {
    if (state_ != State::kHostRead || answer.kind != AnswerKind::kValue) {
      return false;
    }
    const LevelRules& level = host_rules_.level[h_];
    if (!level.is_plain_table(answer.value)) {
      return false;
    }
    host_[h_] = answer.value;
    host_path_.pass_with_rights(host_rules_, answer.value);
    descend_host(answer.value);
    return true;
  }
  void descend_host(std::uint64_t entry) {
    --h_;
    locate_host_entry(table_address(host_rules_, entry));
  }
  void locate_host_entry(std::uint64_t table) {
    step_.hpa = host_entry_at(table);
    step_.position.h = h_;
  }

  // Of level h_, in the table at this address.
  [[nodiscard]] Hpa host_entry_at(std::uint64_t table) const {
    return Hpa(table + host_rules_.level[h_].entry_offset(host_gpa_.value()));
  }

  State state_ = State::kEnded;

  // Host stage.
  std::uint8_t h_ = 0;
  std::uint8_t first_h_ = 0;
  std::uint8_t leaf_h_ = 0;
  std::uint8_t cursor_h_ = 0;  // update and fill loops
  std::uint8_t host_page_bits_ = kNoPageBits;
  bool host_dirty_ = true;
  HostRights host_start_rights_;  // of the cached entry that the walk resumed from
  HostRights host_rights_;        // of the whole path, once its leaf is reached
  HostRights host_fill_rights_;   // as far down as has been filled
  PathBits host_path_;
  Gpa host_gpa_;
  Hpa host_result_;
  Hpa host_leaf_hpa_;
  HostNeed host_need_;
  std::uint64_t host_first_table_ = 0;
  std::array<std::uint64_t, kMaxLevels + 1> host_{};  // the entries, by level

  // Guest stage.
  std::uint8_t g_ = 0;        // level wanted; 0: the data page
  std::uint8_t first_g_ = 0;  // level of the first entry read
  std::uint8_t leaf_g_ = 0;
  std::uint8_t cursor_g_ = 0;
  bool base_is_gpa_ = false;
  bool in_shadow_ = false;  // the table of level g_ is the shadow's
  GuestRights guest_start_rights_;
  GuestRights guest_rights_;
  GuestRights guest_fill_rights_;
  PathBits guest_path_;
  std::uint64_t base_ = 0;  // of the guest table of level g_
  Gpa base_gpa_;            // the same as a GPA
  Hpa entry_hpa_;
  Gpa entry_gpa_;
  HostRights entry_host_;
  std::array<GuestRecord, kMaxLevels + 1> guest_{};

  Access access_;
  unsigned num_restarts_ = 0;
  Step step_;

  // The same for every walk.
  WalkContext context_;
  StageRules guest_rules_;
  StageRules host_rules_;
  StageRules shadow_rules_;
  HostNeed table_need_;              // of a host walk to a guest table
  std::uint8_t register_level_ = 0;  // guest level whose entries are registers (PAE); 0: none
  bool is_pdpte_load_ = false;
};

}  // namespace nestwalk
