#include "model/walk/engine.h"

namespace nestwalk {

WalkEngine::WalkEngine(const WalkContext& context, const Access& access)
    : context_(context), access_(access) {
  if (context_.has_guest) {
    guest_rules_ = guest_rules(context_);
  }
  if (context_.has_host) {
    host_rules_ = host_rules(context_);
  }
}

WalkEngine WalkEngine::for_pdpte_load(const WalkContext& context) {
  const std::uint64_t root = context.guest_root & format_of(FormatId::kX86Pae).root_mask;
  WalkContext without_guest = context;
  without_guest.has_guest = false;
  WalkEngine engine(without_guest, Access{Gva(root), AccessType::kRead, Privilege::kSupervisor});
  engine.is_pdpte_load_ = true;
  return engine;
}

const Step& WalkEngine::next(const Answer& answer) {
  for (;;) {
    bool asked = false;
    switch (state_) {
      case State::kBegin:
        asked = begin();
        break;
      case State::kGuestLookedUp:
        asked = guest_looked_up(answer);
        break;
      case State::kGuestEntry:
        asked = guest_entry();
        break;
      case State::kGuestRead:
        asked = guest_read();
        break;
      case State::kGuestReadDone:
        asked = guest_read_done(answer);
        break;
      case State::kGuestUpdate:
        asked = guest_update();
        break;
      case State::kGuestUpdated:
        asked = guest_updated(answer);
        break;
      case State::kGuestFill:
        asked = guest_fill();
        break;
      case State::kFinal:
        asked = final();
        break;
      case State::kHostBegin:
        asked = host_begin();
        break;
      case State::kHostLookedUp:
        asked = host_looked_up(answer);
        break;
      case State::kHostEntry:
        asked = host_entry();
        break;
      case State::kHostReadDone:
        asked = host_read_done(answer);
        break;
      case State::kHostUpdate:
        asked = host_update();
        break;
      case State::kHostUpdated:
        asked = host_updated(answer);
        break;
      case State::kHostFill:
        asked = host_fill();
        break;
      case State::kHostDone:
        asked = host_done();
        break;
    }
    if (asked) {
      return step_;
    }
  }
}

bool WalkEngine::ask(StepKind kind, Stage stage, Position position) {
  step_.kind = kind;
  step_.stage = stage;
  step_.position = position;
  return true;
}

Position WalkEngine::host_position() const {
  return {g_, h_};
}

bool WalkEngine::final() {
  Gpa gpa = Gpa(access_.address.value());
  if (context_.has_guest) {
    const unsigned page_bits = guest_rules_.format->page_bits(leaf_g_);
    gpa = Gpa(page_address(guest_rules_, leaf_g_, guest_[leaf_g_].value) |
              access_.address.offset(page_bits));
    g_ = 0;
  }
  if (context_.has_host) {
    start_host_walk(gpa, is_pdpte_load_ ? HostPurpose::kPdpteLoad : HostPurpose::kFinal);
    return false;
  }
  host_gpa_ = gpa;
  host_result_ = identity(gpa);
  host_page_bits_ = kNoPageBits;
  host_dirty_ = true;
  host_rights_ = {};
  return done();
}

bool WalkEngine::done() {
  Translation& t = step_.translation;
  t = {};
  t.gpa = host_gpa_;
  t.hpa = host_result_;
  t.host_page_bits = host_page_bits_;
  t.host = host_rights_;
  t.dirty = host_dirty_;
  if (context_.has_guest) {
    const std::uint64_t leaf = guest_[leaf_g_].value;
    t.guest_page_bits = static_cast<std::uint8_t>(guest_rules_.format->page_bits(leaf_g_));
    t.guest = guest_rights_;
    t.dirty = t.dirty && is_dirty(guest_rules_, leaf);
    t.global = (leaf & bit(x86::kGlobal)) != 0;
    if (guest_rules_.format->has_protection_keys) {
      t.protection_key = static_cast<std::uint8_t>(field(leaf, x86::kPkeyLow, x86::kPkeyWidth));
    }
  }
  return ask(StepKind::kDone, Stage::kHost, {0, 0});
}

bool WalkEngine::restart_or_fail() {
  if (++num_restarts_ > kMaxRestarts) {
    return memory_error();
  }
  state_ = State::kBegin;
  return false;
}

bool WalkEngine::memory_error() {
  return fault(FaultKind::kMemoryError, 0, step_.position);
}

bool WalkEngine::fault(FaultKind kind, std::uint64_t code, Position position) {
  Fault& f = step_.fault;
  f = {};
  f.kind = kind;
  f.code = code;
  f.address = access_.address;
  f.position = position;
  f.has_gpa = kind == FaultKind::kEptViolation || kind == FaultKind::kEptMisconfiguration ||
              kind == FaultKind::kNestedPageFault;
  if (f.has_gpa) {
    f.gpa = host_gpa_;
  }
  return ask(StepKind::kFault, Stage::kGuest, position);
}

}  // namespace nestwalk
