// The guest stage of a walk: levels, rights, accessed and dirty bits.
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

void WalkEngine::begin() {
  guest_start_rights_ = {};
  guest_path_ = {};
  in_shadow_ = false;
  if (!context_.has_guest) {
    g_ = is_pdpte_load_ ? 3 : 0;
    return final();
  }
  const PagingFormat& format = *guest_rules_.format;
  if (!is_canonical(format, access_.address.value())) {
    return fault(FaultKind::kNonCanonical, 0, {0, 0});
  }
  if (context_.has_guest_cache) {
    step_.address = access_.address.value();
    return ask(StepKind::kLookup, Stage::kGuest, {format.levels, 0}, State::kGuestLookup);
  }
  start_guest_at_root();
  guest_entry();
}

void WalkEngine::start_guest_at_root() {
  const PagingFormat& format = *guest_rules_.format;
  g_ = format.levels;
  first_g_ = g_;
  if (context_.has_shadow) {
    return take_shadow_pointer(context_.shadow_root & format.root_mask,
                               is_switching(context_.shadow_root));
  }
  base_ = context_.guest_root & format.root_mask;
  base_gpa_ = Gpa(base_);
  base_is_gpa_ = context_.has_host;
}

// What the shadow names is an HPA, whose page the hypervisor has made writable; the GPA of a guest
// table below a switching bit is not known.
void WalkEngine::take_shadow_pointer(std::uint64_t table, bool is_switch) {
  in_shadow_ = !is_switch;
  base_ = table;
  base_gpa_ = Gpa{};
  base_is_gpa_ = false;
  entry_host_ = {};
}

void WalkEngine::guest_looked_up(const Answer& answer) {
  if (answer.kind != AnswerKind::kHit) {
    start_guest_at_root();
    return guest_entry();
  }
  const Resume& resume = answer.resume;
  g_ = resume.next_level;
  first_g_ = g_;
  base_ = resume.base;
  base_gpa_ = resume.table_gpa;
  base_is_gpa_ = resume.is_gpa;
  guest_start_rights_ = resume.guest;
  entry_host_ = resume.table;
  in_shadow_ = resume.is_shadow;
  guest_entry();
}

void WalkEngine::guest_entry() {
  if (g_ == register_level_) {
    const std::uint64_t entry =
        context_.pdptes.entry[guest_rules_.format->index(3, access_.address.value())];
    if (!is_present(guest_rules_, entry)) {
      return guest_fault(false, false, false);
    }
    base_ = table_address(guest_rules_, entry);
    base_gpa_ = Gpa(base_);
    g_ = 2;
    first_g_ = 2;
  }
  const std::uint64_t offset = guest_rules_.level[g_].entry_offset(access_.address.value());
  entry_gpa_ = base_gpa_ + offset;
  if (base_is_gpa_) {
    return host_begin(entry_gpa_, table_need_);
  }
  entry_hpa_ = Hpa(base_ + offset);
  guest_read();
}

void WalkEngine::guest_read() {
  step_.hpa = entry_hpa_;
  step_.gpa = entry_gpa_;
  step_.bytes = guest_rules_.format->entry_bytes;
  step_.is_shadow = in_shadow_;
  ask(StepKind::kRead, Stage::kGuest, {g_, 0}, State::kGuestRead);
}

void WalkEngine::guest_read_done(const Answer& answer) {
  if (answer.kind != AnswerKind::kValue) {
    return memory_error();
  }
  const std::uint64_t entry = answer.value;
  const StageRules& rules = in_shadow_ ? shadow_rules_ : guest_rules_;
  const LevelRules& level = rules.level[g_];
  const EntryKind kind = level.is_plain_table(entry)  ? EntryKind::kTable
                         : level.is_plain_leaf(entry) ? EntryKind::kLeaf
                                                      : classify(rules, g_, entry);
  switch (kind) {
    case EntryKind::kNotPresent:
      return guest_fault(false, false, false);
    case EntryKind::kMalformed:
      return guest_fault(true, true, false);
    case EntryKind::kTable:
      pass_guest_entry(entry);
      if (in_shadow_) {
        take_shadow_pointer(table_address(rules, entry), is_switching(entry));
      } else {
        base_ = table_address(rules, entry);
        base_gpa_ = Gpa(base_);
        base_is_gpa_ = context_.has_host;
      }
      --g_;
      return guest_entry();
    case EntryKind::kLeaf:
      pass_guest_entry(entry);
      return guest_leaf_reached(entry);
  }
}

void WalkEngine::pass_guest_entry(std::uint64_t entry) {
  guest_path_.pass(guest_rules_, g_, entry);
  guest_[g_] = {entry_hpa_, entry_gpa_, entry, entry_host_, in_shadow_};
}

void WalkEngine::guest_leaf_reached(std::uint64_t entry) {
  leaf_g_ = g_;
  guest_rights_ = guest_start_rights_;
  guest_rights_ &= guest_path_.guest(guest_rules_);
  const GuestVerdict verdict =
      judge_guest(access_, context_.control, guest_rights_,
                  static_cast<unsigned>(field(entry, x86::kPkeyLow, x86::kPkeyWidth)),
                  guest_rules_.format->has_protection_keys);
  if (!verdict.permitted) {
    return guest_fault(true, false, verdict.key_denies);
  }
  if (guest_path_.lacks_nothing(guest_rules_, entry, access_.is_write())) {
    return guest_updates_done();
  }
  cursor_g_ = first_g_;
  guest_update();
}

void WalkEngine::guest_update() {
  for (; cursor_g_ >= leaf_g_; --cursor_g_) {
    const GuestRecord& record = guest_[cursor_g_];
    const std::uint64_t missing = missing_accessed_dirty(
        guest_rules_, cursor_g_, record.value, cursor_g_ == leaf_g_ && access_.is_write());
    if (missing == 0) {
      continue;
    }
    if (context_.has_host && !record.host.write()) {
      // EPT without A/D: only now the entry is written. Read and write, not the final translation.
      host_gpa_ = record.gpa;
      return fault(FaultKind::kEptViolation,
                   ept_qualification(context_, table_need_.access, record.host) |
                       bit(ept::qualification::kWrite),
                   {cursor_g_, 0});
    }
    step_.hpa = record.hpa;
    step_.gpa = record.gpa;
    step_.bytes = guest_rules_.format->entry_bytes;
    step_.is_shadow = record.is_shadow;
    step_.expected = record.value;
    step_.desired = record.value | missing;
    return ask(StepKind::kUpdate, Stage::kGuest, {cursor_g_, 0}, State::kGuestUpdate);
  }
  guest_updates_done();
}

void WalkEngine::guest_updates_done() {
  if (!context_.has_guest_cache) {
    return final();
  }
  cursor_g_ = first_g_;
  guest_fill_rights_ = guest_start_rights_;
  guest_fill();
}

void WalkEngine::guest_updated(const Answer& answer) {
  if (answer.kind != AnswerKind::kStored) {
    return answer.kind == AnswerKind::kLost ? restart_or_fail() : memory_error();
  }
  guest_[cursor_g_].value = step_.desired;
  --cursor_g_;
  guest_update();
}

void WalkEngine::guest_fill() {
  if (cursor_g_ <= leaf_g_) {
    return final();
  }
  const PagingFormat& format = *guest_rules_.format;
  const GuestRecord& passed = guest_[cursor_g_];
  const GuestRecord& below = guest_[cursor_g_ - 1];
  guest_fill_rights_ &= guest_rights(guest_rules_, cursor_g_, passed.value);
  Resume& resume = step_.resume;
  resume = {};
  resume.next_level = static_cast<std::uint8_t>(cursor_g_ - 1);
  resume.guest = guest_fill_rights_;
  if (passed.is_shadow) {
    resume.base = table_address(shadow_rules_, passed.value);
    resume.is_shadow = !is_switching(passed.value);
    return ask_guest_fill();
  }
  resume.table_gpa = Gpa(table_address(guest_rules_, passed.value));
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
  ask_guest_fill();
}

void WalkEngine::ask_guest_fill() {
  step_.address = access_.address.value();
  step_.level = cursor_g_;
  ask(StepKind::kFill, Stage::kGuest, {cursor_g_, 0}, State::kGuestFill);
  --cursor_g_;
}

void WalkEngine::guest_fault(bool present, bool reserved, bool key_denies) {
  fault(FaultKind::kGuestPageFault,
        page_fault_code(access_, context_, present, reserved, key_denies), {g_, 0});
}

}  // namespace nestwalk
