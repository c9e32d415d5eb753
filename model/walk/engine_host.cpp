// The host stage of a walk: EPT and NPT, for guest paging structures and for the final page.
#include "model/walk/engine.h"

namespace nestwalk {

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

}  // namespace nestwalk
