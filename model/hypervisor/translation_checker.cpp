#include "model/hypervisor/translation_checker.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/arch/check.h"
#include "model/hypervisor/entry_meaning.h"

namespace nestwalk {
namespace {

// The tags by which a core could take a translation of one context for one of another.
bool have_same_tags(const WalkContext& a, const WalkContext& b, bool is_global) {
  return a.has_host == b.has_host && a.tags.vpid == b.tags.vpid && a.tags.asid == b.tags.asid &&
         (!a.has_host || a.tags.ep4ta == b.tags.ep4ta) && (is_global || a.tags.pcid == b.tags.pcid);
}

Translation at_offset(Translation t, std::uint64_t offset) {
  t.gpa = t.gpa + offset;
  t.hpa = t.hpa + offset;
  return t;
}

}  // namespace

std::uint64_t CheckerStatistics::num_violations() const {
  return std::accumulate(violations.begin(), violations.end(), std::uint64_t{0});
}

TranslationChecker::TranslationChecker(const CheckerOptions& options)
    : options_(options),
      cores_(options.num_cores),
      records_(kNumRecords),
      block_changes_(kNumBlocks) {
  fatal_unless(options.num_cores <= 64 && options.every != 0,
               "a checker knows up to 64 cores and checks every n-th translation");
}

CheckerStamp TranslationChecker::stamp() const {
  return {event_, cycles_ ? cycles_() : 0, statistics_.translations, kHypervisorSoftware};
}

// ---- Contexts of a core ----

ContextNumber TranslationChecker::enter_context(const ObservedContext& where) {
  Core& core = cores_[where.core];
  if (core.has_context && core.version == where.version) {
    return core.context;
  }
  leave_context(core);
  const ContextNumber number = contexts_.number_of(where.context);
  contexts_.add_core(number, where.core);
  core.has_context = true;
  core.version = where.version;
  core.context = number;
  core.has_rivals = false;
  bool is_known = false;
  for (UsedContext& used : core.used) {
    if (used.number == number) {
      is_known = true;
      used.may_hold_own = true;
      used.may_hold_global = true;
    } else if (used.may_hold_own &&
               have_same_tags(contexts_[used.number].walk, where.context, false) &&
               !have_same_tables(contexts_[used.number].walk, where.context)) {
      core.has_rivals = true;
    }
  }
  if (!is_known) {
    core.used.push_back({number, event_, true, true});
  }
  return number;
}

void TranslationChecker::leave_context(Core& core) {
  if (!core.has_context) {
    return;
  }
  core.has_context = false;
  for (UsedContext& used : core.used) {
    if (used.number == core.context) {
      used.last_use = core.last_access;
    }
  }
}

// ---- What happens ----

void TranslationChecker::on_walk(const SparseMemory& memory, const ObservedContext& where,
                                 const Access& access) {
  if (cores_[where.core].has_ended) {
    return;
  }
  const ContextNumber context = enter_context(where);
  Record& record = record_of(access.address);
  if (is_valid(record, access.address, context) || !contexts_[context].has_tables()) {
    return;
  }
  const LegalAnswers answers = read(memory, where.core, context, access.address, Wanted::kUsable);
  if (answers.num_legal() == 1 && answers.list.front().standing == Standing::kCurrent) {
    remember(record, where.core, context, access.address, answers.list.front().translation);
  }
}

void TranslationChecker::on_write(const SparseMemory& memory, const WrittenRange& range) {
  if (range.num_bytes == 0) {
    return;
  }
  CheckerStamp when = stamp();
  when.event = event_ + 1;
  when.software = kernel_of(0);
  if (software_.owners != nullptr) {
    const FrameOwner owner = software_.owners->owner(range.address);
    when.software = owner.use == FrameUse::kGuestFrame || owner.use == FrameUse::kGuestTable
                        ? kernel_of(owner.vm)
                        : kHypervisorSoftware;
  }
  note_scope(history_.on_write(memory, contexts_, range, when));
  statistics_.most_table_uses =
      std::max<std::uint64_t>(statistics_.most_table_uses, history_.num_uses());
  if (history_.num_old_words() > collect_at_ || history_.num_uses() > collect_uses_at_) {
    collect(memory);
  }
}

void TranslationChecker::note_scope(const ChangeScope& scope) {
  if (!scope.ends_something) {
    return;
  }
  ++event_;
  ++statistics_.changes;
  if (scope.is_wide) {
    last_change_ = event_;
  }
  for (const std::uint64_t block : scope.blocks) {
    block_changes_[block % kNumBlocks] = event_;
  }
  all_due_until_ = statistics_.translations + options_.every;
  statistics_.most_old_words =
      std::max<std::uint64_t>(statistics_.most_old_words, history_.num_old_words());
}

void TranslationChecker::on_acknowledged(unsigned number, const Invalidation& invalidation) {
  ++event_;
  ++statistics_.invalidations;
  Core& core = cores_[number];
  if (core.has_ended) {
    return;
  }
  leave_context(core);
  if (history_.num_old_words() != 0) {
    core.log.add(event_, invalidation);
  }
  if (names_an_address(invalidation.op)) {
    return;
  }
  for (UsedContext& used : core.used) {
    const WalkContext& context = contexts_[used.number].walk;
    CachedUse use;
    use.tags = context.tags;
    use.has_host = context.has_host;
    const Cover own = cover_of(invalidation, use);
    used.may_hold_own &= !(own.translation && own.structures);
    use.is_global = true;
    used.may_hold_global &= !cover_of(invalidation, use).translation;
  }
  std::erase_if(core.used,
                [](const UsedContext& u) { return !u.may_hold_own && !u.may_hold_global; });
}

void TranslationChecker::set_vm(unsigned core, std::uint32_t vm) {
  cores_[core].vm = vm;
}

void TranslationChecker::on_core_ended(unsigned number) {
  Core& core = cores_[number];
  leave_context(core);
  core = {};
  core.has_ended = true;
}

void TranslationChecker::software_entered(SoftwareNumber software) {
  if (software >= inside_.size()) {
    inside_.resize(software + 1);
    done_.resize(software + 1);
  }
  ++inside_[software];
}

void TranslationChecker::software_left(SoftwareNumber software) {
  fatal_unless(software < inside_.size() && inside_[software] != 0,
               "a handler is left that was entered");
  if (--inside_[software] == 0) {
    done_[software] = event_;
  }
}

// ---- Checks ----

bool TranslationChecker::is_due() {
  if (options_.every == 1) {
    return true;
  }
  if (statistics_.translations <= all_due_until_) {
    return true;
  }
  if (statistics_.translations < next_due_) {
    return false;
  }
  next_due_ = statistics_.translations + options_.every;
  return true;
}

bool TranslationChecker::on_translation(const SparseMemory& memory, const ObservedContext& where,
                                        const Access& access, const Translation& answer,
                                        TranslationPath path) {
  ++statistics_.translations;
  cores_[where.core].last_access = event_;
  if (!is_due()) {
    return true;
  }
  fatal_unless(!cores_[where.core].has_ended, "a core that has ended makes no access");
  const ContextNumber number = enter_context(where);
  const Core& core = cores_[where.core];
  const Case c{where, access, answer, path, number};
  Record& record = record_of(access.address);
  const bool is_known = is_valid(record, access.address, number) && record.vm == core.vm &&
                        (record.core == where.core || history_.num_old_words() == 0) &&
                        !core.has_rivals;
  if (is_known &&
      gives_no_more(answer, at_offset(record.first, access.address.offset(kSmallPageBits)))) {
    ++statistics_.checked;
    ++statistics_.current;
    statistics_.set_sizes.add(1);
    Gpa gpa = answer.gpa;
    if (!check_reference(memory, c, record, gpa)) {
      return false;
    }
    if (software_.is_write_protected == nullptr && software_.is_clean_in_log == nullptr &&
        (software_.owners == nullptr || software_.owners->version() == record.owners_version)) {
      return true;
    }
    const bool is_good = check_frame(c, true, gpa);
    if (is_good && software_.owners != nullptr && path != TranslationPath::kPrefetch) {
      record.owners_version = software_.owners->version();
    }
    return is_good;
  }
  return check_read(memory, c);
}

LegalAnswers TranslationChecker::read(const SparseMemory& memory, unsigned core,
                                      ContextNumber context, Gva address, Wanted wanted) {
  ++statistics_.table_reads;
  HistoryJudge judge;
  judge.only_usable = wanted == Wanted::kUsable;
  judge.log = contexts_[context].is_reference ? &cores_[core].guest_log : &cores_[core].log;
  judge.is_settled = [this](const TableChange& change) {
    return is_settled(change.when.software, change.when.event);
  };
  return legal_answers(memory, history_, contexts_, judge, {context, address});
}

TranslationChecker::Found TranslationChecker::find(const LegalAnswers& answers,
                                                   const Translation& answer) {
  Found found;
  for (const LegalAnswer& legal : answers.list) {
    if (gives_no_more(answer, legal.translation) &&
        (!found.is_found || legal.standing < found.standing)) {
      found.is_found = true;
      found.standing = legal.standing;
      found.origin = legal;
    }
  }
  return found;
}

bool TranslationChecker::check_read(const SparseMemory& memory, const Case& c) {
  if (!contexts_[c.context].has_tables()) {
    return true;
  }
  if (c.answer.global && contexts_[c.context].walk.has_guest) {
    CheckedContext& context = contexts_[c.context];
    context.global_parts.set(context.part_of(c.access.address.value()));
  }
  LegalAnswers answers = read(memory, c.where.core, c.context, c.access.address, Wanted::kUsable);
  const bool is_cut = answers.is_cut;
  const unsigned num_legal = answers.num_legal();
  Found found = find(answers, c.answer);
  if (!found.is_found) {
    answers = read(memory, c.where.core, c.context, c.access.address, Wanted::kAll);
    found = find(answers, c.answer);
  }
  if (!found.is_found || found.standing > Standing::kStale) {
    const Found rival = find_among_rivals(memory, c);
    if (rival.is_found && (!found.is_found || rival.standing < found.standing)) {
      found = rival;
    }
  }
  ++statistics_.checked;
  statistics_.set_sizes.add(num_legal);
  if (!found.is_found && is_cut) {
    ++statistics_.undecided;
    return true;
  }
  if (!found.is_found || found.standing > Standing::kStale) {
    return report_stale(memory, c, found, answers);
  }
  const bool is_current = found.standing == Standing::kCurrent;
  ++(is_current ? statistics_.current : statistics_.stale);
  Record& record = record_of(c.access.address);
  record.page = ~std::uint64_t{0};
  record.permitted = 0;
  Gpa gpa = c.answer.gpa;
  const bool is_good = check_reference(memory, c, record, gpa) && check_frame(c, is_current, gpa);
  if (is_good && is_current && num_legal == 1 && !cores_[c.where.core].has_rivals) {
    const std::uint16_t permitted = record.permitted;
    const Gpa reference_gpa = record.reference_gpa;
    remember(record, c.where.core, c.context, c.access.address, found.origin->translation);
    record.permitted = permitted;
    record.reference_gpa = reference_gpa;
    if (software_.owners != nullptr && c.path != TranslationPath::kPrefetch) {
      record.owners_version = software_.owners->version();
    }
  }
  return is_good;
}

void TranslationChecker::remember(Record& record, unsigned core, ContextNumber context, Gva address,
                                  const Translation& translation) {
  const std::uint64_t offset = address.offset(kSmallPageBits);
  record.page = address.value() >> kSmallPageBits;
  record.read_at = event_;
  record.owners_version = ~std::uint64_t{0};  // its frame has yet to be looked at
  record.context = context;
  record.core = core;
  record.vm = cores_[core].vm;
  record.permitted = 0;
  record.first = translation;
  record.first.gpa = Gpa(translation.gpa.value() - offset);
  record.first.hpa = Hpa(translation.hpa.value() - offset);
}

// The same tags served for other tables on this core, and what they left is not known to be gone.
TranslationChecker::Found TranslationChecker::find_among_rivals(const SparseMemory& memory,
                                                                const Case& c) {
  Found best;
  const std::vector<UsedContext> used_contexts = cores_[c.where.core].used;
  for (const UsedContext& used : used_contexts) {
    const WalkContext& other = contexts_[used.number].walk;
    const bool may_hold = c.answer.global ? used.may_hold_global : used.may_hold_own;
    if (used.number == c.context || !may_hold ||
        !have_same_tags(other, c.where.context, c.answer.global)) {
      continue;
    }
    Found found =
        find(read(memory, c.where.core, used.number, c.access.address, Wanted::kAll), c.answer);
    if (!found.is_found) {
      continue;
    }
    const std::optional<std::uint32_t> vm = vm_of(c.context);
    if (found.standing <= Standing::kStale &&
        (is_settled(kHypervisorSoftware, used.last_use) ||
         is_settled(kernel_of(vm.value_or(0)), used.last_use))) {
      found.standing = Standing::kForgotten;
    }
    found.rival = used;
    if (!best.is_found || found.standing < best.standing) {
      best = found;
    }
  }
  return best;
}

}  // namespace nestwalk
