#include "model/tlm/walk_structures.h"

#include <algorithm>

#include "model/lookup/invalidate.h"

namespace nestwalk {

namespace {
constexpr std::uint64_t kPwcSeed = 21;
constexpr std::uint64_t kNtlbSeed = 22;
}  // namespace

WalkStructures::WalkStructures(const WalkerParams& params)
    : combined_(params.pwc.content == PwcContent::kCombined),
      pwc_latency_(params.pwc.latency_cycles),
      ntlb_latency_(params.ntlb.latency_cycles),
      pwc_(params.pwc, kPwcSeed),
      ntlb_(params.ntlb, kNtlbSeed) {}

bool WalkStructures::prepare(WalkEngine& engine, const WalkContext& context) const {
  WalkContext c = context;
  c.has_guest_cache = c.has_guest && pwc_.has_prefixes(Stage::kGuest);
  c.has_host_cache = c.has_host && (ntlb_.is_present() || pwc_.has_prefixes(Stage::kHost));
  c.combined_guest_cache = combined_;
  if (c == engine.context()) {
    return false;
  }
  engine = WalkEngine(c);
  return true;
}

std::uint32_t WalkStructures::lookup_cycles(const Step& step) const {
  if (step.stage == Stage::kGuest) {
    return pwc_latency_;
  }
  return std::max(asks_nested_tlb(step) ? ntlb_latency_ : 0,
                  pwc_.has_prefixes(Stage::kHost) ? pwc_latency_ : 0);
}

std::optional<Resume> WalkStructures::lookup(const WalkContext& context, const Step& step) {
  if (asks_nested_tlb(step)) {
    if (const auto page = ntlb_.lookup(Gpa(step.address), context.tags)) {
      return page;
    }
  }
  return pwc_.has_prefixes(step.stage) ? pwc_.lookup(query(context, step)) : std::nullopt;
}

void WalkStructures::fill(const WalkContext& context, const Step& step) {
  if (!takes(step)) {
    return;
  }
  if (step.stage == Stage::kHost && step.resume.next_level == 0) {
    ntlb_.fill(Gpa(step.address), step.resume, context.tags);
  } else {
    pwc_.fill(query(context, step), step.level, step.resume);
  }
}

// Only well-formed table pointers may be cached (SDM vol. 3, "Caching translation information").
void WalkStructures::keep_table_pointer(const StageRules& rules, const Step& step,
                                        std::uint64_t word) {
  const unsigned level = step.stage == Stage::kGuest ? step.position.g : step.position.h;
  if (classify(rules, level, word) == EntryKind::kTable) {
    pwc_.fill_word(step.hpa, word, step.stage);
  }
}

void WalkStructures::updated_word(const Step& step, bool is_stored) {
  if (is_stored) {
    pwc_.update_word(step.hpa, step.desired);
  } else {
    pwc_.drop_word(step.hpa);
  }
}

std::uint64_t WalkStructures::invalidate(const Invalidation& invalidation) {
  const InvalidationScope scope(invalidation);
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    word_epochs_[static_cast<unsigned>(stage)] += scope.drops_words(stage) ? 1 : 0;
  }
  return pwc_.invalidate(invalidation) + ntlb_.invalidate(invalidation);
}

void WalkStructures::flush() {
  pwc_.flush();
  ntlb_.flush();
}

PwcQuery WalkStructures::query(const WalkContext& context, const Step& step) {
  if (step.stage == Stage::kHost) {
    return {Stage::kHost, MappingKind::kGuestPhysical, step.address, context.tags,
            &format_of(context.host_format)};
  }
  return {Stage::kGuest, context.has_host ? MappingKind::kCombined : MappingKind::kLinear,
          step.address, context.tags, &format_of(context.guest_format)};
}

}  // namespace nestwalk
