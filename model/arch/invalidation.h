// Invalidation operations by their own names, and their operands.
// Sources: Intel SDM vol. 3, "Operations that invalidate cached mappings"; AMD APM vol. 2, "TLB
// control" and INVLPGA.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/address.h"
#include "model/arch/tags.h"

namespace nestwalk {

enum class InvalidateOp : std::uint8_t {
  kInvlpg,                   // address; current VPID (ASID) and PCID, globals of that address too
  kInvpcidAddress,           // type 0: address + PCID, globals stay
  kInvpcidSingle,            // type 1: PCID, globals stay
  kInvpcidAllWithGlobals,    // type 2
  kInvpcidAll,               // type 3: all PCIDs, globals stay
  kMovCr3,                   // PCID loaded (bit 63 clear); globals stay
  kMovCr3NoFlush,            // CR4.PCIDE = 1 and bit 63 set: drops nothing
  kMovCr4,                   // a change of PGE, PAE, PSE, SMEP... : all PCIDs, globals too
  kInvvpidAddress,           // type 0: VPID + address, all PCIDs, globals too
  kInvvpidSingle,            // type 1
  kInvvpidAll,               // type 2: all VPIDs but 0
  kInvvpidSingleKeepGlobal,  // type 3
  kInveptSingle,             // type 1: EP4TA
  kInveptAll,                // type 2
  kVmTransition,             // VM entry or exit; drops VPID 0 when VPIDs are off
  kEptViolation,             // what the fault itself drops: that GPA and that linear address
  kInvlpga,                  // AMD: address + ASID
  kTlbControlAll,            // AMD: everything, every ASID, globals too
  kTlbControlAsid,           // AMD: this ASID, globals too
  kTlbControlAsidNonGlobal,  // AMD: this ASID, globals stay
  kNestedPageFault,          // AMD: what #NPF drops in this model: that GPA and that linear address
  kPageFault,  // what a guest #PF itself drops: entries of that linear address, current PCID and
               // globals; translations and paging-structure entries (SDM vol. 3, 4.10.4.1)
};
inline constexpr unsigned kNumInvalidateOps = 22;

inline constexpr std::array<std::string_view, kNumInvalidateOps> kInvalidateOpNames = {
    "invlpg",
    "invpcid_address",
    "invpcid_single",
    "invpcid_all_with_globals",
    "invpcid_all",
    "mov_cr3",
    "mov_cr3_no_flush",
    "mov_cr4",
    "invvpid_address",
    "invvpid_single",
    "invvpid_all",
    "invvpid_single_keep_global",
    "invept_single",
    "invept_all",
    "vm_transition",
    "ept_violation",
    "invlpga",
    "tlb_control_all",
    "tlb_control_asid",
    "tlb_control_asid_non_global",
    "nested_page_fault",
    "page_fault"};

constexpr std::string_view name_of(InvalidateOp op) {
  return kInvalidateOpNames[static_cast<unsigned>(op)];
}

struct Invalidation {
  InvalidateOp op = InvalidateOp::kInvlpg;
  TagRules rules = TagRules::kIntel;
  // The tags in force (INVLPG, MOV CR3 ...) or the operand of the instruction (INVVPID: vpid,
  // INVEPT: ep4ta, INVPCID: pcid with the current vpid, INVLPGA and TLB_CONTROL: asid).
  Tags tags{};
  Gva address{};             // by-address operations; the linear address of an EPT violation
  Gpa gpa{};                 // EPT violation, #NPF
  bool vpid_enabled = true;  // VM transitions only
};

}  // namespace nestwalk
