#include "model/walk/engine.h"

#include "model/arch/check.h"

namespace nestwalk {

WalkEngine::WalkEngine(const WalkContext& context) : context_(context) {
  fatal_unless(agile_problem(context_).empty(), agile_problem(context_));
  if (context_.has_guest) {
    guest_rules_ = guest_rules(context_);
    register_level_ = context_.uses_pdpte_registers() ? 3 : 0;
  }
  if (context_.has_host) {
    host_rules_ = host_rules(context_);
    table_need_ = host_need({HostPurpose::kGuestTable});
  }
  if (context_.has_guest && context_.has_host) {
    // Without agile paging too: a walk cache may still hold entries of when it was on.
    shadow_rules_ = shadow_rules(context_);
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

void WalkEngine::start(const Access& access) {
  access_ = access;
  num_restarts_ = 0;
  state_ = State::kStarted;
}

void WalkEngine::answered(const Answer& answer) {
  switch (state_) {
    case State::kStarted:
      return begin();
    case State::kGuestLookup:
      return guest_looked_up(answer);
    case State::kGuestRead:
      return guest_read_done(answer);
    case State::kGuestUpdate:
      return guest_updated(answer);
    case State::kGuestFill:
      return guest_fill();
    case State::kHostLookup:
      return host_looked_up(answer);
    case State::kHostRead:
      return host_read_done(answer);
    case State::kHostUpdate:
      return host_updated(answer);
    case State::kHostFill:
      return host_fill();
    case State::kEnded:
      break;
  }
  fatal("a walk that has ended, or was not started, has no next step");
}

void WalkEngine::final() {
  Gpa gpa = Gpa(access_.address.value());
  if (context_.has_guest) {
    const unsigned page_bits = guest_rules_.format->page_bits(leaf_g_);
    gpa = Gpa(page_address(guest_rules_, leaf_g_, guest_[leaf_g_].value) |
              access_.address.offset(page_bits));
    g_ = 0;
  }
  const bool is_shadow_leaf = context_.has_guest && guest_[leaf_g_].is_shadow;
  if (context_.has_host && !is_shadow_leaf) {
    const bool user_page = !context_.has_guest || guest_rights_.user();
    return host_begin(gpa,
                      host_need({is_pdpte_load_ ? HostPurpose::kPdpteLoad : HostPurpose::kFinal,
                                 access_.type, user_page}));
  }
  h_ = 0;
  host_gpa_ = gpa;
  host_result_ = identity(gpa);
  host_page_bits_ = kNoPageBits;
  host_dirty_ = true;
  host_rights_ = {};
  done();
}

void WalkEngine::done() {
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
  ask(StepKind::kDone, Stage::kHost, {0, 0}, State::kEnded);
}

void WalkEngine::restart_or_fail() {
  if (++num_restarts_ > kMaxRestarts) {
    return memory_error();
  }
  begin();
}

void WalkEngine::memory_error() {
  fault(FaultKind::kMemoryError, 0, step_.position);
}

void WalkEngine::fault(FaultKind kind, std::uint64_t code, Position position) {
  Fault& f = step_.fault;
  f = {};
  f.kind = kind;
  f.code = code;
  f.address = access_.address;
  f.position = position;
  f.in_shadow = kind == FaultKind::kGuestPageFault && in_shadow_;
  f.has_gpa = kind == FaultKind::kEptViolation || kind == FaultKind::kEptMisconfiguration ||
              kind == FaultKind::kNestedPageFault;
  if (f.has_gpa) {
    f.gpa = host_gpa_;
  }
  ask(StepKind::kFault, Stage::kGuest, position, State::kEnded);
}

}  // namespace nestwalk
