// The translation checker under shadow paging: what hardware answers by the hypervisor's tables
// against what the guest's own tables permit.
#include "model/hypervisor/translation_checker.h"

#include "model/walk/permissions.h"

namespace nestwalk {
namespace {

// A bit for each kind of access that rights tell apart.
std::uint16_t bit_of(const Access& access) {
  const unsigned who = access.implicit ? 2 : access.privilege == Privilege::kUser ? 0 : 1;
  return static_cast<std::uint16_t>(1U << (who * 3 + static_cast<unsigned>(access.type)));
}

// Accessed and dirty bits are the pager's to keep, and decide about no right.
bool permits(const WalkContext& reference, const Access& access, Translation t) {
  t.dirty = true;
  return cached_translation_serves(reference, access, t);
}

// Of those that permit the access to this place; or nothing.
const LegalAnswer* best_of(const LegalAnswers& answers, const WalkContext& reference,
                           const Access& access, Hpa place) {
  const LegalAnswer* best = nullptr;
  for (const LegalAnswer& answer : answers.list) {
    const bool fits =
        answer.translation.hpa == place && permits(reference, access, answer.translation);
    if (fits && (best == nullptr || answer.standing < best->standing)) {
      best = &answer;
    }
  }
  return best;
}

}  // namespace

void TranslationChecker::set_reference(unsigned core, const std::optional<WalkContext>& reference) {
  cores_[core].reference.reset();
  if (!reference) {
    return;
  }
  const ContextNumber number = contexts_.number_of(*reference, true);
  contexts_.add_core(number, core);
  cores_[core].reference = number;
}

void TranslationChecker::on_guest_acknowledged(unsigned core, const Invalidation& invalidation) {
  ++event_;
  if (history_.num_old_words() != 0) {
    cores_[core].guest_log.add(event_, invalidation);
  }
}

bool TranslationChecker::check_reference(const SparseMemory& memory, const Case& c, Record& record,
                                         Gpa& gpa) {
  const std::optional<ContextNumber> reference = cores_[c.where.core].reference;
  if (!reference) {
    return true;
  }
  const std::uint16_t kind = bit_of(c.access);
  if (record.page == c.access.address.value() >> kSmallPageBits && record.reference == *reference &&
      (record.permitted & kind) != 0) {
    gpa = record.reference_gpa + c.access.address.offset(kSmallPageBits);
    return true;
  }
  const WalkContext context = contexts_[*reference].walk;
  LegalAnswers answers = read(memory, c.where.core, *reference, c.access.address, Wanted::kUsable);
  const bool is_cut = answers.is_cut;
  const LegalAnswer* best = best_of(answers, context, c.access, c.answer.hpa);
  if (best != nullptr && best->standing <= Standing::kStale) {
    gpa = best->translation.gpa;
    if (best->standing == Standing::kCurrent && answers.num_legal() == 1) {
      record.permitted = record.reference == *reference && record.page != ~std::uint64_t{0}
                             ? static_cast<std::uint16_t>(record.permitted | kind)
                             : kind;
      record.reference = *reference;
      record.reference_gpa = Gpa(gpa.value() - c.access.address.offset(kSmallPageBits));
    }
    return true;
  }
  if (best == nullptr) {
    answers = read(memory, c.where.core, *reference, c.access.address, Wanted::kAll);
    best = best_of(answers, context, c.access, c.answer.hpa);
  }
  if (best == nullptr && is_cut) {
    ++statistics_.undecided;
    return true;
  }
  if (!check_frame(c, false, gpa)) {
    return false;  // whose frame it is says more
  }
  Violation violation;
  if (!answers.list.empty() && answers.list.front().standing == Standing::kCurrent) {
    violation.current = answers.list.front().translation;
  }
  if (best != nullptr) {
    violation.origin = *best;
  }
  return report(ViolationKind::kAgainstGuestTables, violation, c);
}

}  // namespace nestwalk
