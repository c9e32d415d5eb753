// What a translation checker says of frames, and what it reports.
#include <algorithm>

#include "model/hypervisor/entry_meaning.h"
#include "model/hypervisor/table_reach.h"
#include "model/hypervisor/translation_checker.h"

namespace nestwalk {

std::optional<std::uint32_t> TranslationChecker::vm_of(ContextNumber context) const {
  if (software_.owners == nullptr) {
    return std::nullopt;
  }
  const FrameOwner owner = software_.owners->owner(contexts_[context].root());
  return owner.use == FrameUse::kHostTable ? std::optional(owner.vm) : std::nullopt;
}

// A walk ahead may end when the core runs another VM.
std::optional<std::uint32_t> TranslationChecker::vm_of(const Case& c) const {
  const std::optional<std::uint32_t>& told = cores_[c.where.core].vm;
  return told && c.path != TranslationPath::kPrefetch ? told : vm_of(c.context);
}

// The tables that hardware walks are the hypervisor's, although there is no host stage.
bool TranslationChecker::is_shadow(ContextNumber context) const {
  return !contexts_[context].walk.has_host && vm_of(context).has_value();
}

std::optional<ViolationKind> TranslationChecker::frame_problem(const Case& c, bool is_current,
                                                               Gpa gpa) const {
  const std::optional<std::uint32_t> vm = vm_of(c);
  Translation in_vm = c.answer;
  in_vm.gpa = gpa;
  bool is_protected =
      software_.is_write_protected && software_.is_write_protected(vm.value_or(0), in_vm);
  if (software_.owners != nullptr) {
    const FrameOwner owner = software_.owners->owner(c.answer.hpa);
    if (owner.use == FrameUse::kFree) {
      return ViolationKind::kFreedFrame;
    }
    if (owner.use == FrameUse::kHostTable || owner.use == FrameUse::kVmm) {
      return ViolationKind::kForbiddenFrame;
    }
    if (vm && owner.vm != *vm) {
      return ViolationKind::kForeignFrame;
    }
    is_protected |= owner.use == FrameUse::kGuestTable && is_shadow(c.context);
  }
  // Of a change under way, and of what is stale, other rules say what is allowed.
  const bool is_quiet = inside_.empty() || inside_[kHypervisorSoftware] == 0;
  const bool may_write = c.answer.guest.write() && c.answer.host.write();
  if (is_protected && may_write && is_current && is_quiet) {
    return ViolationKind::kWritableTable;
  }
  if (software_.is_clean_in_log && c.access.is_write() && is_current && is_quiet &&
      software_.is_clean_in_log(vm.value_or(0), in_vm)) {
    return ViolationKind::kLostDirtyRecord;
  }
  return std::nullopt;
}

bool TranslationChecker::check_frame(const Case& c, bool is_current, Gpa gpa) {
  const std::optional<ViolationKind> problem = frame_problem(c, is_current, gpa);
  if (!problem) {
    return true;
  }
  Violation violation;
  if (software_.owners != nullptr) {
    violation.owner = software_.owners->owner(c.answer.hpa);
  }
  if (is_current) {
    violation.current = c.answer;
  }
  return report(*problem, violation, c);
}

bool TranslationChecker::report_stale(const SparseMemory& memory, const Case& c, const Found& found,
                                      const LegalAnswers& answers) {
  Violation violation;
  if (!answers.list.empty() && answers.list.front().standing == Standing::kCurrent) {
    violation.current = answers.list.front().translation;
  }
  if (!found.is_found) {
    return report(ViolationKind::kUnexplained, violation, c);
  }
  violation.origin = found.origin;
  if (found.rival) {
    violation.former_root = contexts_[found.rival->number].root().value();
    return report(ViolationKind::kReusedTags, violation, c);
  }
  violation.last_drop = cores_[c.where.core].log.last_since(found.origin->change.when.event);
  if (found.standing == Standing::kDropped) {
    return report(ViolationKind::kUsedAfterDrop, violation, c);
  }
  violation.dropped_on = dropped_elsewhere(memory, c, *found.origin);
  return report(ViolationKind::kMissingInvalidation, violation, c);
}

std::optional<unsigned> TranslationChecker::dropped_elsewhere(const SparseMemory& memory,
                                                              const Case& c,
                                                              const LegalAnswer& origin) {
  for (unsigned core = 0; core < cores_.size(); ++core) {
    if (core == c.where.core) {
      continue;
    }
    const LegalAnswers answers = read(memory, core, c.context, c.access.address, Wanted::kAll);
    for (const LegalAnswer& answer : answers.list) {
      if (answer.translation == origin.translation && answer.standing == Standing::kDropped) {
        return core;
      }
    }
  }
  return std::nullopt;
}

bool TranslationChecker::report(ViolationKind kind, Violation violation, const Case& c) {
  ++statistics_.violations[static_cast<unsigned>(kind)];
  if (violations_.size() < options_.max_violations) {
    violation.kind = kind;
    violation.core = c.where.core;
    violation.when = stamp();
    violation.access = c.access;
    violation.path = c.path;
    violation.context = c.where.context;
    violation.answer = c.answer;
    violation.vm = vm_of(c);
    violations_.push_back(violation);
  }
  return false;
}

// ---- Bounded memory ----

void TranslationChecker::collect(const SparseMemory& memory) {
  const std::size_t num_before = history_.num_old_words();
  drop_dead_words();
  // A use that no walk gets to any more may be what keeps old words.
  const bool helps_little = 2 * history_.num_old_words() > num_before;
  if (history_.num_uses() > (helps_little ? kFirstUses : collect_uses_at_)) {
    history_.drop_uses(
        [&](Hpa frame, const TableUse& use) { return !is_needed(memory, frame, use); });
    last_change_ = ++event_;  // walks observe again what they depend on
    drop_dead_words();
    collect_uses_at_ = std::max(kFirstUses, 2 * history_.num_uses());
  }
  if (history_.num_old_words() > options_.max_old_words) {
    history_.forget_half();
  }
  collect_at_ = std::max(kFirstCollection, 2 * history_.num_old_words());
  const std::uint64_t oldest = history_.oldest_event();
  for (Core& core : cores_) {
    core.log.forget_before(oldest);
    core.guest_log.forget_before(oldest);
  }
}

void TranslationChecker::drop_dead_words() {
  history_.drop_old_words([this](const OldWord& old) { return !may_be_used(old); });
}

// A host stage is used by all contexts that have it, and its guest-physical mappings outlive them.
bool TranslationChecker::is_needed(const SparseMemory& memory, Hpa frame,
                                   const TableUse& use) const {
  const auto is_held = [&use](const Core& core) {
    return core.reference == use.context ||
           std::any_of(core.used.begin(), core.used.end(),
                       [&use](const UsedContext& used) { return used.number == use.context; });
  };
  return (use.stage == Stage::kHost || std::any_of(cores_.begin(), cores_.end(), is_held)) &&
         may_reach(memory, history_, contexts_, frame, use);
}

bool TranslationChecker::may_be_used(const OldWord& old) const {
  bool may_be = false;
  history_.for_each_use(old.ended.word, [&](const TableUse& use) {
    for (unsigned c = 0; c < cores_.size() && !may_be; ++c) {
      const bool has_run = !cores_[c].has_ended && (contexts_[use.context].cores >> c & 1U) != 0;
      may_be = has_run && may_be_used(old, use, cores_[c]);
    }
  });
  return may_be;
}

bool TranslationChecker::may_be_used(const OldWord& old, const TableUse& use,
                                     const Core& core) const {
  const CheckedContext& context = contexts_[use.context];
  const StageRules& rules = context.rules(use.stage);
  const EntryMeaning meaning = meaning_of(rules, use.stage, use.level, old.value);
  const bool is_pair = rules.format->entry_bytes == 4;
  if (!meaning.may_be_cached() && !is_pair) {
    return false;
  }
  CachedUse cached;
  cached.tags = context.walk.tags;
  cached.has_host = context.walk.has_host;
  cached.is_global = true;
  // No operation by address names it: a table entry leads to many pages.
  cached.address = Gva(std::uint64_t{1} << 62);
  CachedKinds kinds;
  const InvalidationLog& log = context.is_reference ? core.guest_log : core.log;
  if (use.stage == Stage::kHost) {
    kinds = {true, true, true};
    return !log.completed_drop(cached, old.ended.when.event, kinds).dropped;
  }
  const bool is_in_use = std::any_of(core.used.begin(), core.used.end(),
                                     [&](const UsedContext& u) { return u.number == use.context; });
  if (!is_in_use && !context.is_reference) {
    return false;
  }
  const std::uint64_t slot = old.ended.word.offset(kSmallPageBits) / rules.format->entry_bytes;
  const std::uint64_t address = use.base + (slot << rules.format->level[use.level].index_low);
  if (is_pair) {
    kinds.structures = true;
  } else if (meaning.kind == EntryKind::kLeaf) {
    cached.is_global = meaning.global;
    cached.address = Gva(address);
    cached.guest_page_bits = static_cast<std::uint8_t>(rules.format->page_bits(use.level));
  } else {
    kinds.structures = true;
    cached.is_global = context.may_have_global(Gva(address));
  }
  return !log.completed_drop(cached, old.ended.when.event, kinds).dropped;
}

// ---- Statistics ----

void CheckerStatistics::register_stats(StatGroup& group) const {
  group.counter("translations", &translations, "count", "Translations that the checker heard of.");
  group.counter("checked", &checked, "count", "Of these, held against the tables.");
  group.counter("current", &current, "count", "What the tables said at that moment.");
  group.counter("stale", &stale, "count",
                "What they said before a change whose invalidation was still to come.");
  group.counter("undecided", &undecided, "count",
                "Not judged: too much history was forgotten, or too many histories were possible.");
  group.counter("table_reads", &table_reads, "count", "Times the checker read the tables itself.");
  group.counter("changes", &changes, "count",
                "Writes to tables that ended something which could be cached.");
  group.counter("invalidations", &invalidations, "count", "Invalidations acknowledged.");
  group.counter("most_old_words", &most_old_words, "entries",
                "Most table words of the past that were kept at a time.");
  group.counter("most_table_uses", &most_table_uses, "count",
                "Most ways to read a frame as a table that were known at a time, of all frames.");
  group.histogram("set_sizes", &set_sizes, "answers", "Answers that were legal for an access.");
  StatGroup& kinds = group.group("violations");
  for (unsigned kind = 0; kind < kNumViolationKinds; ++kind) {
    kinds.counter(kViolationKindNames[kind], &violations[kind], "count",
                  text_of(static_cast<ViolationKind>(kind)));
  }
}

}  // namespace nestwalk
