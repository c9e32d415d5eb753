// The host stage of a walk: EPT and NPT, for guest paging structures and for the final page.
#include "model/walk/engine.h"

namespace nestwalk {

WalkEngine::HostNeed WalkEngine::host_need(const HostAccess& access) const {
  return {access, required_host_rights(context_, access), is_host_write(context_, access)};
}

void WalkEngine::host_begin(Gpa gpa, const HostNeed& need) {
  host_gpa_ = gpa;
  host_need_ = need;
  host_path_ = {};
  host_start_rights_ = {};
  h_ = host_rules_.format->levels;
  if ((gpa.value() & host_rules_.beyond_input) != 0) {
    host_start_rights_.bits = 0;
    return host_fault(false, false);
  }
  if (context_.has_host_cache) {
    step_.address = gpa.value();
    return ask(StepKind::kLookup, Stage::kHost, {g_, h_}, State::kHostLookup);
  }
  start_host_at_root();
}

void WalkEngine::start_host_at_root() {
  const PagingFormat& format = *host_rules_.format;
  h_ = format.levels;
  ask_host_entries(context_.host_root & format.root_mask);
}

void WalkEngine::ask_host_entries(std::uint64_t table) {
  first_h_ = h_;
  host_first_table_ = table;
  step_.gpa = host_gpa_;
  step_.bytes = host_rules_.format->entry_bytes;
  step_.is_shadow = false;
  ask(StepKind::kRead, Stage::kHost, {g_, h_}, State::kHostRead);
  locate_host_entry(table);
}

void WalkEngine::host_looked_up(const Answer& answer) {
  if (answer.kind != AnswerKind::kHit) {
    return start_host_at_root();
  }
  const Resume& resume = answer.resume;
  if (resume.next_level > 0) {
    h_ = resume.next_level;
    host_start_rights_ = resume.host;
    return ask_host_entries(resume.base);
  }
  const bool lacks_dirty = !resume.dirty && host_rules_.has_accessed_dirty && host_need_.is_write;
  if (!resume.host.has_all(host_need_.rights) || lacks_dirty) {
    // A cached page that does not serve this access is a miss: the walk decides, from the root.
    return start_host_at_root();
  }
  host_rights_ = resume.host;
  host_page_bits_ = resume.page_bits;
  host_dirty_ = resume.dirty || !host_rules_.has_accessed_dirty;
  host_result_ = Hpa(resume.base | host_gpa_.offset(resume.page_bits));
  host_done();
}

void WalkEngine::host_read_done(const Answer& answer) {
  if (answer.kind != AnswerKind::kValue) {
    return memory_error();
  }
  const std::uint64_t entry = answer.value;
  const bool is_plain_leaf = host_rules_.level[h_].is_plain_leaf(entry);
  switch (is_plain_leaf ? EntryKind::kLeaf : classify(host_rules_, h_, entry)) {
    case EntryKind::kNotPresent:
      host_start_rights_ &= HostRights{HostRights::kUser};
      return host_fault(false, false);
    case EntryKind::kMalformed:
      return host_fault(true, true);
    case EntryKind::kTable:
      pass_host_entry(entry);
      return descend_host(entry);
    case EntryKind::kLeaf:
      pass_host_entry(entry);
      return host_leaf_reached(entry);
  }
}

void WalkEngine::pass_host_entry(std::uint64_t entry) {
  host_path_.pass(host_rules_, h_, entry);
  host_[h_] = entry;
}

void WalkEngine::host_leaf_reached(std::uint64_t entry) {
  leaf_h_ = h_;
  host_leaf_hpa_ = step_.hpa;
  host_rights_ = host_start_rights_;
  host_rights_ &= host_path_.host(host_rules_);
  if (!host_rights_.has_all(host_need_.rights)) {
    return host_fault(true, false);
  }
  host_page_bits_ = host_rules_.level[h_].page_bits;
  host_result_ = Hpa(page_address(host_rules_, leaf_h_, entry) | host_gpa_.offset(host_page_bits_));
  if (host_path_.lacks_nothing(host_rules_, entry, host_need_.is_write)) {
    return host_updates_done();
  }
  cursor_h_ = first_h_;
  host_update();
}

void WalkEngine::host_update() {
  for (; cursor_h_ >= leaf_h_; --cursor_h_) {
    const std::uint64_t entry = host_[cursor_h_];
    const std::uint64_t missing = missing_accessed_dirty(
        host_rules_, cursor_h_, entry, cursor_h_ == leaf_h_ && host_need_.is_write);
    if (missing == 0) {
      continue;
    }
    const std::uint64_t table = cursor_h_ == first_h_
                                    ? host_first_table_
                                    : table_address(host_rules_, host_[cursor_h_ + 1]);
    h_ = cursor_h_;
    step_.hpa = host_entry_at(table);
    step_.gpa = host_gpa_;
    step_.bytes = host_rules_.format->entry_bytes;
    step_.is_shadow = false;
    step_.expected = entry;
    step_.desired = entry | missing;
    return ask(StepKind::kUpdate, Stage::kHost, {g_, cursor_h_}, State::kHostUpdate);
  }
  host_updates_done();
}

void WalkEngine::host_updates_done() {
  host_dirty_ = is_dirty(host_rules_, host_[leaf_h_]);
  if (!context_.has_host_cache) {
    return host_done();
  }
  cursor_h_ = first_h_;
  host_fill_rights_ = host_start_rights_;
  host_fill();
}

void WalkEngine::host_updated(const Answer& answer) {
  if (answer.kind != AnswerKind::kStored) {
    return answer.kind == AnswerKind::kLost ? restart_or_fail() : memory_error();
  }
  host_[cursor_h_] = step_.desired;
  --cursor_h_;
  host_update();
}

void WalkEngine::host_fill() {
  if (cursor_h_ < leaf_h_) {
    return host_done();
  }
  const std::uint64_t entry = host_[cursor_h_];
  host_fill_rights_ &= host_rights(host_rules_, cursor_h_, entry);
  Resume& resume = step_.resume;
  resume = {};
  resume.host = host_fill_rights_;
  if (cursor_h_ > leaf_h_) {
    resume.next_level = static_cast<std::uint8_t>(cursor_h_ - 1);
    resume.base = table_address(host_rules_, entry);
  } else {
    resume.base = page_address(host_rules_, leaf_h_, entry);
    resume.page_bits = host_page_bits_;
    resume.dirty = host_dirty_;
  }
  step_.address = host_gpa_.value();
  step_.level = cursor_h_;
  ask(StepKind::kFill, Stage::kHost, {g_, cursor_h_}, State::kHostFill);
  --cursor_h_;
}

void WalkEngine::host_done() {
  if (host_need_.access.purpose != HostPurpose::kGuestTable) {
    return done();
  }
  entry_hpa_ = host_result_;
  entry_host_ = host_rights_;
  guest_read();
}

void WalkEngine::host_fault(bool present, bool malformed) {
  const Position position{g_, h_};
  if (context_.is_npt()) {
    return fault(FaultKind::kNestedPageFault,
                 nested_page_fault_code(context_, host_need_.access, present, malformed), position);
  }
  if (malformed) {
    return fault(FaultKind::kEptMisconfiguration, 0, position);
  }
  HostRights rights = host_start_rights_;
  rights &= host_path_.host(host_rules_);
  fault(FaultKind::kEptViolation, ept_qualification(context_, host_need_.access, rights), position);
}

}  // namespace nestwalk
