#include "tb/cache_mirror.h"

namespace nestwalk {
namespace {

PwcParams pwc_params(unsigned entries, bool per_level) {
  const ArrayParams array{entries, 0};  // fully associative
  PwcParams params;
  params.organisation = entries == 0 ? PwcOrganisation::kNone
                        : per_level  ? PwcOrganisation::kPerLevel
                                     : PwcOrganisation::kUnified;
  params.unified = array;
  params.level_2 = array;
  params.level_3 = array;
  params.level_4 = array;
  params.level_5 = array;
  return params;
}

NtlbParams ntlb_params(unsigned entries) {
  NtlbParams params;
  params.array = {entries, 0};
  return params;
}

PwcQuery query_of(const WalkContext& context, const Step& step) {
  if (step.stage == Stage::kHost) {
    return {Stage::kHost, MappingKind::kGuestPhysical, step.address, context.tags,
            &format_of(context.host_format)};
  }
  return {Stage::kGuest, context.has_host ? MappingKind::kCombined : MappingKind::kLinear,
          step.address, context.tags, &format_of(context.guest_format)};
}

}  // namespace

CacheMirror::CacheMirror(const WalkerStructures& structures)
    : has_guest_(structures.guest_pwc_entries != 0),
      has_host_(structures.host_pwc_entries != 0),
      is_combined_(!structures.pwc_guest_address),
      guest_(pwc_params(structures.guest_pwc_entries, structures.pwc_per_level)),
      host_(pwc_params(structures.host_pwc_entries, structures.pwc_per_level)),
      ntlb_(ntlb_params(structures.ntlb_entries)) {}

WalkContext CacheMirror::context_for(const WalkContext& context) const {
  WalkContext prepared = context;
  prepared.has_guest_cache = context.has_guest && has_guest_;
  prepared.has_host_cache = context.has_host && (has_host_ || ntlb_.is_present());
  prepared.combined_guest_cache = is_combined_;
  return prepared;
}

std::optional<Resume> CacheMirror::lookup(const WalkContext& context, const Step& step) {
  if (step.stage == Stage::kGuest) {
    return guest_.lookup(query_of(context, step));
  }
  if (ntlb_.is_present()) {
    if (const std::optional<Resume> page = ntlb_.lookup(Gpa(step.address), context.tags)) {
      return page;
    }
  }
  return host_.lookup(query_of(context, step));
}

bool CacheMirror::keeps(const Step& step) const {
  if (step.stage == Stage::kGuest) {
    return has_guest_;
  }
  return step.resume.next_level == 0 ? ntlb_.is_present() : has_host_;
}

void CacheMirror::fill(const WalkContext& context, const Step& step) {
  if (step.stage == Stage::kHost && step.resume.next_level == 0) {
    ntlb_.fill(Gpa(step.address), step.resume, context.tags);
  } else {
    WalkCache& cache = step.stage == Stage::kGuest ? guest_ : host_;
    cache.fill(query_of(context, step), step.level, step.resume);
  }
}

void CacheMirror::invalidate(const Invalidation& invalidation) {
  guest_.invalidate(invalidation);
  host_.invalidate(invalidation);
  ntlb_.invalidate(invalidation);
}

bool CacheMirror::concerns(const Fault& fault) const {
  const bool is_of_host =
      fault.kind == FaultKind::kEptViolation || fault.kind == FaultKind::kNestedPageFault;
  return has_guest_ || (is_of_host && (has_host_ || ntlb_.is_present()));
}

}  // namespace nestwalk
