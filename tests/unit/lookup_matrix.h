// The invalidation matrix as the manuals state it, written as data. A cell lists conditions which
// must all hold for an entry to be dropped; "-" is never, "" is always:
//   C same VPID (AMD: same ASID)   0 VPID is zero         N VPID is not zero
//   P same PCID                    G same PCID, or global K not global (globals are kept)
//   E same EP4TA                   A the linear address names the entry
//   B the guest-physical address names the entry
// Sources: Intel SDM vol. 3, "Operations that invalidate cached mappings" (VMX) and "Operations
// that invalidate TLBs and paging-structure caches" (paging); AMD APM vol. 2, "TLB control".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/lookup/entry_key.h"

namespace nestwalk::lookup_test {

struct MatrixRow {
  InvalidateOp op;
  TagRules rules;
  bool vpid_enabled;
  struct Cells {
    std::string_view translation;
    std::string_view structure;
  };
  Cells linear;
  Cells combined;
  Cells guest_physical;
};

inline const std::vector<MatrixRow>& matrix() {
  using Op = InvalidateOp;
  constexpr TagRules kI = TagRules::kIntel;
  constexpr TagRules kA = TagRules::kAmd;
  constexpr MatrixRow::Cells kNone = {"-", "-"};
  static const std::vector<MatrixRow> kRows = {
      {Op::kInvlpg, kI, true, {"CGA", "CP"}, {"CGA", "CP"}, kNone},
      {Op::kInvpcidAddress, kI, true, {"CPKA", "CPA"}, {"CPKA", "CPA"}, kNone},
      {Op::kInvpcidSingle, kI, true, {"CPK", "CP"}, {"CPK", "CP"}, kNone},
      {Op::kInvpcidAllWithGlobals, kI, true, {"C", "C"}, {"C", "C"}, kNone},
      {Op::kInvpcidAll, kI, true, {"CK", "C"}, {"CK", "C"}, kNone},
      {Op::kMovCr3, kI, true, {"CPK", "CP"}, {"CPK", "CP"}, kNone},
      {Op::kMovCr3NoFlush, kI, true, kNone, kNone, kNone},
      {Op::kMovCr4, kI, true, {"C", "C"}, {"C", "C"}, kNone},
      {Op::kInvvpidAddress, kI, true, {"CA", "CA"}, {"CA", "CA"}, kNone},
      {Op::kInvvpidSingle, kI, true, {"C", "C"}, {"C", "C"}, kNone},
      {Op::kInvvpidAll, kI, true, {"N", "N"}, {"N", "N"}, kNone},
      {Op::kInvvpidSingleKeepGlobal, kI, true, {"CK", "C"}, {"CK", "C"}, kNone},
      {Op::kInveptSingle, kI, true, kNone, {"E", "E"}, {"E", "E"}},
      {Op::kInveptAll, kI, true, kNone, {"", ""}, {"", ""}},
      {Op::kVmTransition, kI, true, kNone, kNone, kNone},
      {Op::kVmTransition, kI, false, {"0", "0"}, {"0", "0"}, kNone},
      {Op::kEptViolation, kI, true, kNone, {"CGEA", "CPEA"}, {"EB", "EB"}},
      {Op::kPageFault, kI, true, {"CGA", "CPA"}, {"CGA", "CPA"}, kNone},
      {Op::kInvlpga, kI, true, kNone, kNone, kNone},
      {Op::kTlbControlAll, kI, true, kNone, kNone, kNone},
      {Op::kTlbControlAsid, kI, true, kNone, kNone, kNone},
      {Op::kTlbControlAsidNonGlobal, kI, true, kNone, kNone, kNone},
      {Op::kNestedPageFault, kI, true, kNone, kNone, kNone},

      {Op::kInvlpg, kA, true, {"CGA", "CP"}, {"CGA", "CP"}, kNone},
      {Op::kInvpcidAddress, kA, true, {"CPKA", "CPA"}, {"CPKA", "CPA"}, kNone},
      {Op::kInvpcidSingle, kA, true, {"CPK", "CP"}, {"CPK", "CP"}, kNone},
      {Op::kInvpcidAllWithGlobals, kA, true, {"C", "C"}, {"C", "C"}, kNone},
      {Op::kInvpcidAll, kA, true, {"CK", "C"}, {"CK", "C"}, kNone},
      {Op::kMovCr3, kA, true, {"CPK", "CP"}, {"CPK", "CP"}, kNone},
      {Op::kMovCr3NoFlush, kA, true, kNone, kNone, kNone},
      {Op::kMovCr4, kA, true, {"C", "C"}, {"C", "C"}, kNone},
      {Op::kInvvpidAddress, kA, true, kNone, kNone, kNone},
      {Op::kInvvpidSingle, kA, true, kNone, kNone, kNone},
      {Op::kInvvpidAll, kA, true, kNone, kNone, kNone},
      {Op::kInvvpidSingleKeepGlobal, kA, true, kNone, kNone, kNone},
      {Op::kInveptSingle, kA, true, kNone, kNone, kNone},
      {Op::kInveptAll, kA, true, kNone, kNone, kNone},
      {Op::kVmTransition, kA, true, kNone, kNone, kNone},
      {Op::kVmTransition, kA, false, kNone, kNone, kNone},
      {Op::kEptViolation, kA, true, kNone, kNone, kNone},
      {Op::kPageFault, kA, true, {"CGA", "CPA"}, {"CGA", "CPA"}, kNone},
      {Op::kInvlpga, kA, true, {"CA", "CA"}, {"CA", "CA"}, kNone},
      {Op::kTlbControlAll, kA, true, {"", ""}, {"", ""}, {"", ""}},
      {Op::kTlbControlAsid, kA, true, {"C", "C"}, {"C", "C"}, {"C", "C"}},
      {Op::kTlbControlAsidNonGlobal, kA, true, {"CK", "C"}, {"CK", "C"}, {"C", "C"}},
      {Op::kNestedPageFault, kA, true, kNone, {"CGA", "CPA"}, {"CB", "CB"}},
  };
  return kRows;
}

// What a test knows about an entry it made.
struct EntryFacts {
  MappingKind kind = MappingKind::kLinear;
  EntryClass entry_class = EntryClass::kTranslation;
  Tags tags;
  bool global = false;
  bool is_named = false;  // by the address that counts for its kind
};

inline bool expected_drop(const MatrixRow& row, const Tags& operand, const EntryFacts& entry) {
  const MatrixRow::Cells& cells = entry.kind == MappingKind::kLinear     ? row.linear
                                  : entry.kind == MappingKind::kCombined ? row.combined
                                                                         : row.guest_physical;
  const std::string_view cell =
      entry.entry_class == EntryClass::kTranslation ? cells.translation : cells.structure;
  const bool same_context = row.rules == TagRules::kAmd ? entry.tags.asid == operand.asid
                                                        : entry.tags.vpid == operand.vpid;
  const bool same_pcid = entry.tags.pcid == operand.pcid;
  for (const char condition : cell) {
    const bool holds = condition == 'C'                       ? same_context
                       : condition == '0'                     ? entry.tags.vpid == Vpid{0}
                       : condition == 'N'                     ? entry.tags.vpid != Vpid{0}
                       : condition == 'P'                     ? same_pcid
                       : condition == 'G'                     ? same_pcid || entry.global
                       : condition == 'K'                     ? !entry.global
                       : condition == 'E'                     ? entry.tags.ep4ta == operand.ep4ta
                       : condition == 'A' || condition == 'B' ? entry.is_named
                                                              : false;  // '-'
    if (!holds) {
      return false;
    }
  }
  return true;
}

inline std::string describe_row(const MatrixRow& row) {
  return std::string(name_of(row.op)) + (row.rules == TagRules::kAmd ? " (AMD)" : " (Intel)") +
         (row.vpid_enabled ? "" : " VPID off");
}

}  // namespace nestwalk::lookup_test
