#include "model/lookup/invalidate.h"

#include "model/arch/check.h"

namespace nestwalk {
namespace {

using Rule = InvalidationRule;
using Context = Rule::Context;
using Match = Rule::Match;
using Globals = Rule::Globals;
using Range = Rule::Range;

constexpr std::uint8_t kGuestStage = Rule::kLinear | Rule::kCombined;
constexpr std::uint8_t kHostStage = Rule::kCombined | Rule::kGuestPhysical;
constexpr std::uint8_t kAll = Rule::kLinear | Rule::kCombined | Rule::kGuestPhysical;

constexpr Rule kNoRule;

// Executed in the guest or in root mode: both kinds that start at a GVA, whatever the EPTP.
constexpr Rule kInvlpgRule = {kGuestStage,    Range::kAddressAnyStructure,
                              Context::kSame, Match::kSame,
                              Match::kAny,    Globals::kDropped};
constexpr Rule kPageFaultRule = {kGuestStage,  Range::kAddress, Context::kSame,
                                 Match::kSame, Match::kAny,     Globals::kDropped};
constexpr Rule kPcidAddressRule = {kGuestStage,  Range::kAddress, Context::kSame,
                                   Match::kSame, Match::kAny,     Globals::kKept};
constexpr Rule kPcidRule = {kGuestStage,  Range::kEverything, Context::kSame,
                            Match::kSame, Match::kAny,        Globals::kKept};
constexpr Rule kContextRule = {kGuestStage, Range::kEverything, Context::kSame,
                               Match::kAny, Match::kAny,        Globals::kDropped};
constexpr Rule kContextKeepGlobalRule = {kGuestStage, Range::kEverything, Context::kSame,
                                         Match::kAny, Match::kAny,        Globals::kKept};
constexpr Rule kContextAddressRule = {kGuestStage, Range::kAddress, Context::kSame,
                                      Match::kAny, Match::kAny,     Globals::kDropped};
constexpr Rule kVpidNotZeroRule = {kGuestStage, Range::kEverything, Context::kNotZero,
                                   Match::kAny, Match::kAny,        Globals::kDropped};
constexpr Rule kVpidZeroRule = {kGuestStage, Range::kEverything, Context::kZero,
                                Match::kAny, Match::kAny,        Globals::kDropped};
constexpr Rule kEp4taRule = {kHostStage,  Range::kEverything, Context::kAny,
                             Match::kAny, Match::kSame,       Globals::kDropped};
constexpr Rule kEveryEp4taRule = {kHostStage,  Range::kEverything, Context::kAny,
                                  Match::kAny, Match::kAny,        Globals::kDropped};
// The mappings used for the linear address and for the guest-physical one.
constexpr Rule kHostFaultRule = {kHostStage,   Range::kAddress, Context::kSame,
                                 Match::kSame, Match::kSame,    Globals::kDropped};
constexpr Rule kEverythingRule = {kAll,        Range::kEverything, Context::kAny,
                                  Match::kAny, Match::kAny,        Globals::kDropped};
constexpr Rule kAsidRule = {kAll,        Range::kEverything, Context::kSame,
                            Match::kAny, Match::kAny,        Globals::kDropped};
constexpr Rule kAsidKeepGlobalRule = {kAll,        Range::kEverything, Context::kSame,
                                      Match::kAny, Match::kAny,        Globals::kKept};

const Rule& intel_only(const Rule& rule, TagRules rules) {
  return rules == TagRules::kIntel ? rule : kNoRule;
}

const Rule& amd_only(const Rule& rule, TagRules rules) {
  return rules == TagRules::kAmd ? rule : kNoRule;
}

// Faults drop entries by themselves; no instruction stands behind them.
bool is_fault(InvalidateOp op) {
  return op == InvalidateOp::kPageFault || op == InvalidateOp::kEptViolation ||
         op == InvalidateOp::kNestedPageFault;
}

}  // namespace

const InvalidationRule& rule_of(InvalidateOp op, TagRules rules) {
  switch (op) {
    case InvalidateOp::kInvlpg:
      return kInvlpgRule;
    case InvalidateOp::kInvpcidAddress:
      return kPcidAddressRule;
    case InvalidateOp::kInvpcidSingle:
    case InvalidateOp::kMovCr3:
      return kPcidRule;
    case InvalidateOp::kInvpcidAllWithGlobals:
    case InvalidateOp::kMovCr4:
      return kContextRule;
    case InvalidateOp::kInvpcidAll:
      return kContextKeepGlobalRule;
    case InvalidateOp::kMovCr3NoFlush:
      return kNoRule;
    case InvalidateOp::kInvvpidAddress:
      return intel_only(kContextAddressRule, rules);
    case InvalidateOp::kInvvpidSingle:
      return intel_only(kContextRule, rules);
    case InvalidateOp::kInvvpidAll:
      return intel_only(kVpidNotZeroRule, rules);
    case InvalidateOp::kInvvpidSingleKeepGlobal:
      return intel_only(kContextKeepGlobalRule, rules);
    case InvalidateOp::kInveptSingle:
      return intel_only(kEp4taRule, rules);
    case InvalidateOp::kInveptAll:
      return intel_only(kEveryEp4taRule, rules);
    case InvalidateOp::kVmTransition:
      return intel_only(kVpidZeroRule, rules);
    case InvalidateOp::kEptViolation:
      return intel_only(kHostFaultRule, rules);
    case InvalidateOp::kInvlpga:
      return amd_only(kContextAddressRule, rules);
    case InvalidateOp::kTlbControlAll:
      return amd_only(kEverythingRule, rules);
    case InvalidateOp::kTlbControlAsid:
      return amd_only(kAsidRule, rules);
    case InvalidateOp::kTlbControlAsidNonGlobal:
      return amd_only(kAsidKeepGlobalRule, rules);
    case InvalidateOp::kNestedPageFault:
      return amd_only(kHostFaultRule, rules);
    case InvalidateOp::kPageFault:
      return kPageFaultRule;
  }
  fatal("an invalidation operation out of range");
}

InvalidationScope::InvalidationScope(const Invalidation& invalidation, InvalidateExtent extent)
    : rule_(rule_of(invalidation.op, invalidation.rules)),
      is_broad_(extent == InvalidateExtent::kBroad && !is_fault(invalidation.op)) {
  if (invalidation.op == InvalidateOp::kVmTransition && invalidation.vpid_enabled) {
    rule_ = kNoRule;
  }
  for (unsigned kind = 0; kind < tags_.size(); ++kind) {
    tags_[kind] = tags_for(static_cast<MappingKind>(kind), invalidation.tags);
    address_[kind] = static_cast<MappingKind>(kind) == MappingKind::kGuestPhysical
                         ? invalidation.gpa.value()
                         : invalidation.address.value();
  }
}

bool InvalidationScope::concerns(MappingKind kind) const {
  return (rule_.kinds &
          (kind == MappingKind::kGuestPhysical ? Rule::kGuestPhysical : kGuestStage)) != 0;
}

bool InvalidationScope::drops_words(Stage stage) const {
  return (rule_.kinds & (stage == Stage::kGuest ? kGuestStage : Rule::kGuestPhysical)) != 0;
}

bool InvalidationScope::tags_match(const EntryKey& key, const Tags& wanted) const {
  switch (rule_.context) {
    case Context::kAny:
      break;
    case Context::kSame:
      if (key.tags.vpid != wanted.vpid || key.tags.asid != wanted.asid) {
        return false;
      }
      break;
    case Context::kZero:
      if (key.tags.vpid != Vpid{}) {
        return false;
      }
      break;
    case Context::kNotZero:
      if (key.tags.vpid == Vpid{}) {
        return false;
      }
      break;
  }
  if (rule_.ep4ta == Match::kSame && key.tags.ep4ta != wanted.ep4ta) {
    return false;
  }
  if (rule_.pcid == Match::kSame && !key.global && key.tags.pcid != wanted.pcid) {
    return false;
  }
  return rule_.globals == Globals::kDropped || !key.global;
}

}  // namespace nestwalk
