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
// Not for: caching and invalidation of walks in flight, which are the driver's.
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/walk/context.h"
#include "model/walk/entry_rules.h"
#include "model/walk/permissions.h"
#include "model/walk/step.h"

namespace nestwalk {

class WalkEngine {
 public:
  // A lost A/D update restarts the walk; after this many it ends in a memory error, because some
  // other agent then changes the entry faster than a walk can read it.
  static constexpr unsigned kMaxRestarts = 64;

  WalkEngine(const WalkContext& context, const Access& access);

  // The host walk of a CR3 load with PAE: translates the guest-physical address of the PDPTEs.
  static WalkEngine for_pdpte_load(const WalkContext& context);

  // The next step. `answer` answers the step returned before; the first call ignores it. Must not
  // be called again after kDone or kFault. The reference holds until the next call.
  const Step& next(const Answer& answer);

  [[nodiscard]] unsigned num_restarts() const { return num_restarts_; }

 private:
  enum class State : std::uint8_t {
    kBegin,
    kGuestLookedUp,
    kGuestEntry,  // locate the guest entry of level g_
    kGuestRead,
    kGuestReadDone,
    kGuestUpdate,
    kGuestUpdated,
    kGuestFill,
    kFinal,
    kHostBegin,
    kHostLookedUp,
    kHostEntry,
    kHostReadDone,
    kHostUpdate,
    kHostUpdated,
    kHostFill,
    kHostDone,
  };

  struct GuestRecord {
    Hpa hpa;
    Gpa gpa;
    std::uint64_t value = 0;
    GuestRights rights;  // AND from the root, this entry included
    HostRights host;     // of the page that holds the entry
  };
  struct HostRecord {
    Hpa hpa;
    std::uint64_t value = 0;
    HostRights rights;  // AND from the root, this entry included
  };

  // Each handler either prepares step_ and returns true, or moves state_ on and returns false.
  bool begin();
  bool guest_looked_up(const Answer& answer);
  bool guest_entry();
  bool guest_read();
  bool guest_read_done(const Answer& answer);
  bool guest_update();
  bool guest_updated(const Answer& answer);
  bool guest_fill();
  bool final();
  bool host_begin();
  bool host_looked_up(const Answer& answer);
  bool host_entry();
  bool host_read_done(const Answer& answer);
  bool host_leaf_reached();
  bool host_update();
  bool host_updated(const Answer& answer);
  bool host_fill();
  bool host_done();

  void start_guest_at_root();
  void start_host_walk(Gpa gpa, HostPurpose purpose);
  bool restart_or_fail();
  bool ask(StepKind kind, Stage stage, Position position);
  bool done();
  bool fault(FaultKind kind, std::uint64_t code, Position position);
  bool guest_fault(bool present, bool reserved, bool key_denies);
  bool host_fault(bool present, bool malformed);
  bool memory_error();
  [[nodiscard]] Position host_position() const;

  WalkContext context_;
  Access access_;
  StageRules guest_rules_;
  StageRules host_rules_;
  State state_ = State::kBegin;
  bool is_pdpte_load_ = false;
  unsigned num_restarts_ = 0;

  // Guest stage.
  std::uint8_t g_ = 0;        // level wanted; 0: the data page
  std::uint8_t first_g_ = 0;  // level of the first entry read
  std::uint8_t leaf_g_ = 0;
  std::uint8_t cursor_g_ = 0;  // update and fill loops
  bool base_is_gpa_ = false;
  std::uint64_t base_ = 0;  // of the guest table of level g_
  Gpa base_gpa_;            // the same as a GPA
  GuestRights guest_rights_;
  Hpa entry_hpa_;
  Gpa entry_gpa_;
  HostRights entry_host_;
  std::array<GuestRecord, kMaxLevels + 1> guest_{};

  // Host stage.
  HostAccess host_access_;
  Gpa host_gpa_;
  Hpa host_result_;
  std::uint8_t h_ = 0;
  std::uint8_t first_h_ = 0;
  std::uint8_t leaf_h_ = 0;
  std::uint8_t cursor_h_ = 0;
  std::uint8_t host_page_bits_ = kNoPageBits;
  bool host_dirty_ = true;
  std::uint64_t host_base_ = 0;
  HostRights host_rights_;
  std::array<HostRecord, kMaxLevels + 1> host_{};

  Step step_;
};

}  // namespace nestwalk
