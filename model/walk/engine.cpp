#include "model/walk/engine.h"

namespace nestwalk {

namespace {

constexpr bool is_canonical(const PagingFormat& format, std::uint64_t address) {
  if (!format.sign_extended) {
    return true;
  }
  const std::uint64_t upper = mask(63, format.input_bits - 1U);
  return (address & upper) == 0 || (address & upper) == upper;
}

}  // namespace

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

// ---- Guest stage ----

bool WalkEngine::begin() {
  guest_rights_ = {};
  if (!context_.has_guest) {
    g_ = is_pdpte_load_ ? 3 : 0;
    state_ = State::kFinal;
    return false;
  }
  const PagingFormat& format = *guest_rules_.format;
  if (!is_canonical(format, access_.address.value())) {
    return fault(FaultKind::kNonCanonical, 0, {0, 0});
  }
  if (context_.has_guest_cache) {
    state_ = State::kGuestLookedUp;
    step_.address = access_.address.value();
    return ask(StepKind::kLookup, Stage::kGuest, {format.levels, 0});
  }
  start_guest_at_root();
  return false;
}

void WalkEngine::start_guest_at_root() {
  const PagingFormat& format = *guest_rules_.format;
  g_ = format.levels;
  base_ = context_.guest_root & format.root_mask;
  base_is_gpa_ = context_.has_host;
  first_g_ = g_;
  state_ = State::kGuestEntry;
}

bool WalkEngine::guest_looked_up(const Answer& answer) {
  if (answer.kind != AnswerKind::kHit) {
    start_guest_at_root();
    return false;
  }
  const Resume& resume = answer.resume;
  g_ = resume.next_level;
  first_g_ = g_;
  base_ = resume.base;
  base_is_gpa_ = resume.is_gpa;
  guest_rights_ = resume.guest;
  entry_host_ = resume.table;
  state_ = State::kGuestEntry;
  return false;
}

bool WalkEngine::guest_entry() {
  const PagingFormat& format = *guest_rules_.format;
  if (g_ == 3 && context_.uses_pdpte_registers()) {
    const std::uint64_t entry = context_.pdptes.entry[format.index(3, access_.address.value())];
    if (!is_present(guest_rules_, entry)) {
      return guest_fault(false, false, false);
    }
    base_ = table_address(guest_rules_, entry);
    g_ = 2;
    first_g_ = 2;
  }
  const std::uint64_t address =
      base_ + format.index(g_, access_.address.value()) * format.entry_bytes;
  entry_gpa_ = Gpa(address);
  if (base_is_gpa_) {
    start_host_walk(entry_gpa_, HostPurpose::kGuestTable);
    return false;
  }
  entry_hpa_ = Hpa(address);
  state_ = State::kGuestRead;
  return false;
}

bool WalkEngine::guest_read() {
  step_.hpa = entry_hpa_;
  step_.gpa = entry_gpa_;
  step_.bytes = guest_rules_.format->entry_bytes;
  state_ = State::kGuestReadDone;
  return ask(StepKind::kRead, Stage::kGuest, {g_, 0});
}

bool WalkEngine::guest_read_done(const Answer& answer) {
  if (answer.kind != AnswerKind::kValue) {
    return memory_error();
  }
  const std::uint64_t entry = answer.value;
  const EntryKind kind = classify(guest_rules_, g_, entry);
  if (kind == EntryKind::kNotPresent) {
    return guest_fault(false, false, false);
  }
  if (kind == EntryKind::kMalformed) {
    return guest_fault(true, true, false);
  }
  guest_rights_ &= guest_rights(guest_rules_, g_, entry);
  guest_[g_] = {entry_hpa_, entry_gpa_, entry, guest_rights_, entry_host_};
  if (kind == EntryKind::kTable) {
    base_ = table_address(guest_rules_, entry);
    base_is_gpa_ = context_.has_host;
    --g_;
    state_ = State::kGuestEntry;
    return false;
  }
  leaf_g_ = g_;
  const GuestVerdict verdict =
      judge_guest(access_, context_.control, guest_rights_,
                  static_cast<unsigned>(field(entry, x86::kPkeyLow, x86::kPkeyWidth)),
                  guest_rules_.format->has_protection_keys);
  if (!verdict.permitted) {
    return guest_fault(true, false, verdict.key_denies);
  }
  cursor_g_ = first_g_;
  state_ = State::kGuestUpdate;
  return false;
}

bool WalkEngine::guest_update() {
  for (; cursor_g_ >= leaf_g_; --cursor_g_) {
    const GuestRecord& record = guest_[cursor_g_];
    const std::uint64_t missing = missing_accessed_dirty(
        guest_rules_, cursor_g_, record.value, cursor_g_ == leaf_g_ && access_.is_write());
    if (missing == 0) {
      continue;
    }
    g_ = cursor_g_;
    entry_gpa_ = record.gpa;
    if (context_.has_host && !record.host.write()) {
      // EPT without A/D: only now the entry is written. Read and write, not the final translation.
      host_gpa_ = record.gpa;
      host_access_ = {HostPurpose::kGuestTable, access_.type};
      return fault(
          FaultKind::kEptViolation,
          ept_qualification(context_, host_access_, record.host) | bit(ept::qualification::kWrite),
          {cursor_g_, 0});
    }
    step_.hpa = record.hpa;
    step_.gpa = record.gpa;
    step_.bytes = guest_rules_.format->entry_bytes;
    step_.expected = record.value;
    step_.desired = record.value | missing;
    state_ = State::kGuestUpdated;
    return ask(StepKind::kUpdate, Stage::kGuest, {cursor_g_, 0});
  }
  cursor_g_ = first_g_;
  state_ = context_.has_guest_cache ? State::kGuestFill : State::kFinal;
  return false;
}

bool WalkEngine::guest_updated(const Answer& answer) {
  if (answer.kind != AnswerKind::kStored) {
    return answer.kind == AnswerKind::kLost ? restart_or_fail() : memory_error();
  }
  guest_[cursor_g_].value = step_.desired;
  --cursor_g_;
  state_ = State::kGuestUpdate;
  return false;
}

bool WalkEngine::guest_fill() {
  if (cursor_g_ <= leaf_g_) {
    state_ = State::kFinal;
    return false;
  }
  const PagingFormat& format = *guest_rules_.format;
  const GuestRecord& passed = guest_[cursor_g_];
  const GuestRecord& below = guest_[cursor_g_ - 1];
  Resume& resume = step_.resume;
  resume = {};
  resume.next_level = static_cast<std::uint8_t>(cursor_g_ - 1);
  resume.guest = passed.rights;
  resume.is_gpa = context_.has_host && !context_.combined_guest_cache;
  if (resume.is_gpa || !context_.has_host) {
    resume.base = table_address(guest_rules_, passed.value);
  } else {
    // A combined entry carries the host rights of the next table's page: without them a warm walk
    // could not judge its A/D writes.
    resume.base = below.hpa.value() -
                  format.index(resume.next_level, access_.address.value()) * format.entry_bytes;
    resume.table = below.host;
  }
  step_.address = access_.address.value();
  step_.level = cursor_g_;
  const Position position{cursor_g_, 0};
  --cursor_g_;
  return ask(StepKind::kFill, Stage::kGuest, position);
}

bool WalkEngine::guest_fault(bool present, bool reserved, bool key_denies) {
  return fault(FaultKind::kGuestPageFault,
               page_fault_code(access_, context_, present, reserved, key_denies), {g_, 0});
}

// ---- The final translation ----

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

// ---- Host stage ----

void WalkEngine::start_host_walk(Gpa gpa, HostPurpose purpose) {
  host_gpa_ = gpa;
  host_access_ = {purpose, access_.type, !context_.has_guest || guest_rights_.user()};
  state_ = State::kHostBegin;
}

bool WalkEngine::host_begin() {
  const PagingFormat& format = *host_rules_.format;
  h_ = format.levels;
  host_rights_ = {};
  if (host_gpa_.offset(format.input_bits) != host_gpa_.value()) {
    host_rights_.bits = 0;
    return host_fault(false, false);
  }
  if (context_.has_host_cache) {
    state_ = State::kHostLookedUp;
    step_.address = host_gpa_.value();
    return ask(StepKind::kLookup, Stage::kHost, host_position());
  }
  host_base_ = context_.host_root & format.root_mask;
  first_h_ = h_;
  state_ = State::kHostEntry;
  return false;
}

bool WalkEngine::host_looked_up(const Answer& answer) {
  const PagingFormat& format = *host_rules_.format;
  if (answer.kind == AnswerKind::kHit) {
    const Resume& resume = answer.resume;
    const bool wants_dirty =
        host_rules_.has_accessed_dirty && is_host_write(context_, host_access_);
    if (resume.next_level > 0) {
      h_ = resume.next_level;
      first_h_ = h_;
      host_base_ = resume.base;
      host_rights_ = resume.host;
      state_ = State::kHostEntry;
      return false;
    }
    if (host_permits(context_, host_access_, resume.host) && (resume.dirty || !wants_dirty)) {
      host_rights_ = resume.host;
      host_page_bits_ = resume.page_bits;
      host_dirty_ = resume.dirty || !host_rules_.has_accessed_dirty;
      host_result_ = Hpa(resume.base | host_gpa_.offset(resume.page_bits));
      state_ = State::kHostDone;
      return false;
    }
    // A cached page that does not serve this access is a miss: the walk decides, from the root.
  }
  h_ = format.levels;
  first_h_ = h_;
  host_rights_ = {};
  host_base_ = context_.host_root & format.root_mask;
  state_ = State::kHostEntry;
  return false;
}

bool WalkEngine::host_entry() {
  const PagingFormat& format = *host_rules_.format;
  step_.hpa = Hpa(host_base_ + format.index(h_, host_gpa_.value()) * format.entry_bytes);
  step_.gpa = host_gpa_;
  step_.bytes = format.entry_bytes;
  state_ = State::kHostReadDone;
  return ask(StepKind::kRead, Stage::kHost, host_position());
}

bool WalkEngine::host_read_done(const Answer& answer) {
  if (answer.kind != AnswerKind::kValue) {
    return memory_error();
  }
  const std::uint64_t entry = answer.value;
  const EntryKind kind = classify(host_rules_, h_, entry);
  if (kind == EntryKind::kNotPresent) {
    host_rights_ &= HostRights{HostRights::kUser};
    return host_fault(false, false);
  }
  if (kind == EntryKind::kMalformed) {
    return host_fault(true, true);
  }
  host_rights_ &= host_rights(host_rules_, h_, entry);
  host_[h_] = {step_.hpa, entry, host_rights_};
  if (kind == EntryKind::kTable) {
    host_base_ = table_address(host_rules_, entry);
    --h_;
    state_ = State::kHostEntry;
    return false;
  }
  return host_leaf_reached();
}

bool WalkEngine::host_leaf_reached() {
  leaf_h_ = h_;
  if (!host_permits(context_, host_access_, host_rights_)) {
    return host_fault(true, false);
  }
  host_page_bits_ = static_cast<std::uint8_t>(host_rules_.format->page_bits(leaf_h_));
  host_result_ = Hpa(page_address(host_rules_, leaf_h_, host_[leaf_h_].value) |
                     host_gpa_.offset(host_page_bits_));
  cursor_h_ = first_h_;
  state_ = State::kHostUpdate;
  return false;
}

bool WalkEngine::host_update() {
  for (; cursor_h_ >= leaf_h_; --cursor_h_) {
    const HostRecord& record = host_[cursor_h_];
    const std::uint64_t missing =
        missing_accessed_dirty(host_rules_, cursor_h_, record.value,
                               cursor_h_ == leaf_h_ && is_host_write(context_, host_access_));
    if (missing == 0) {
      continue;
    }
    step_.hpa = record.hpa;
    step_.gpa = host_gpa_;
    step_.bytes = host_rules_.format->entry_bytes;
    step_.expected = record.value;
    step_.desired = record.value | missing;
    state_ = State::kHostUpdated;
    return ask(StepKind::kUpdate, Stage::kHost, {g_, cursor_h_});
  }
  host_dirty_ = is_dirty(host_rules_, host_[leaf_h_].value);
  cursor_h_ = first_h_;
  state_ = context_.has_host_cache ? State::kHostFill : State::kHostDone;
  return false;
}

bool WalkEngine::host_updated(const Answer& answer) {
  if (answer.kind != AnswerKind::kStored) {
    return answer.kind == AnswerKind::kLost ? restart_or_fail() : memory_error();
  }
  host_[cursor_h_].value = step_.desired;
  --cursor_h_;
  state_ = State::kHostUpdate;
  return false;
}

bool WalkEngine::host_fill() {
  if (cursor_h_ < leaf_h_) {
    state_ = State::kHostDone;
    return false;
  }
  const HostRecord& record = host_[cursor_h_];
  Resume& resume = step_.resume;
  resume = {};
  resume.host = record.rights;
  if (cursor_h_ > leaf_h_) {
    resume.next_level = static_cast<std::uint8_t>(cursor_h_ - 1);
    resume.base = table_address(host_rules_, record.value);
  } else {
    resume.base = page_address(host_rules_, leaf_h_, record.value);
    resume.page_bits = host_page_bits_;
    resume.dirty = host_dirty_;
  }
  step_.address = host_gpa_.value();
  step_.level = cursor_h_;
  const Position position{g_, cursor_h_};
  --cursor_h_;
  return ask(StepKind::kFill, Stage::kHost, position);
}

bool WalkEngine::host_done() {
  if (host_access_.purpose != HostPurpose::kGuestTable) {
    return done();
  }
  entry_hpa_ = host_result_;
  entry_host_ = host_rights_;
  state_ = State::kGuestRead;
  return false;
}

bool WalkEngine::host_fault(bool present, bool malformed) {
  if (context_.is_npt()) {
    return fault(FaultKind::kNestedPageFault,
                 nested_page_fault_code(context_, host_access_, present, malformed),
                 host_position());
  }
  if (malformed) {
    return fault(FaultKind::kEptMisconfiguration, 0, host_position());
  }
  return fault(FaultKind::kEptViolation, ept_qualification(context_, host_access_, host_rights_),
               host_position());
}

// ---- Ends ----

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
