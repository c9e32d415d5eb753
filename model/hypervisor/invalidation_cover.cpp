#include "model/hypervisor/invalidation_cover.h"

#include <algorithm>

#include "model/arch/bits.h"

namespace nestwalk {
namespace {

constexpr Cover kNothing;
constexpr Cover kGuestMappings = {true, true, false};
constexpr Cover kAllMappings = {true, true, true};

bool is_same_block(std::uint64_t a, std::uint64_t b, unsigned bits) {
  return (a >> bits) == (b >> bits);
}

// The page that software names by any of its addresses: the guest's, whose pieces go together; with
// guest paging off the host's.
unsigned named_bits(const CachedUse& use) {
  const unsigned bits =
      use.guest_page_bits != kNoPageBits ? use.guest_page_bits : use.host_page_bits;
  return bits == kNoPageBits ? 12 : bits;
}

bool is_pcid_equal(const Tags& a, const Tags& b) {
  return ((static_cast<unsigned>(a.pcid) ^ static_cast<unsigned>(b.pcid)) & mask(11, 0)) == 0;
}

bool is_ep4ta_equal(const Tags& a, const Tags& b) {
  return ((static_cast<std::uint64_t>(a.ep4ta) ^ static_cast<std::uint64_t>(b.ep4ta)) &
          mask(51, 12)) == 0;
}

// The virtual processor whose mappings an instruction of the guest acts on.
bool is_processor_equal(const Invalidation& i, const Tags& tags) {
  return i.rules == TagRules::kAmd ? i.tags.asid == tags.asid : i.tags.vpid == tags.vpid;
}

Cover when(bool holds, const Cover& cover) {
  return holds ? cover : kNothing;
}

// By address: its translation, and the paging-structure entries that lead there.
Cover at_address(const Invalidation& i, const CachedUse& use) {
  Cover cover;
  cover.translation = is_same_block(i.address.value(), use.address.value(), named_bits(use));
  cover.structures = is_same_block(i.address.value(), use.address.value(), use.structure_bits);
  return cover;
}

Cover keep_global(Cover cover, const CachedUse& use) {
  cover.translation &= !use.is_global;
  return cover;
}

// Of one PCID of the processor; globals count for every PCID, but only as translations.
Cover of_pcid(const Invalidation& i, const CachedUse& use, Cover cover) {
  if (!is_processor_equal(i, use.tags)) {
    return kNothing;
  }
  const bool is_own = is_pcid_equal(i.tags, use.tags);
  cover.translation &= is_own || use.is_global;
  cover.structures &= is_own;
  return cover;
}

Cover of_host_fault(const Invalidation& i, const CachedUse& use) {
  Cover cover;
  if (is_ep4ta_equal(i.tags, use.tags) && i.tags.asid == use.tags.asid) {
    const unsigned bits = use.host_page_bits == kNoPageBits ? 12 : use.host_page_bits;
    cover.guest_physical = is_same_block(i.gpa.value(), use.gpa.value(), bits);
    if (use.has_host) {
      const Cover linear = of_pcid(i, use, at_address(i, use));
      cover.translation = linear.translation;
      cover.structures = linear.structures;
    }
  }
  return cover;
}

// INVVPID and INVEPT exist on Intel, INVLPGA and TLB_CONTROL on AMD.
bool exists(InvalidateOp op, TagRules rules) {
  switch (op) {
    case InvalidateOp::kInvvpidAddress:
    case InvalidateOp::kInvvpidSingle:
    case InvalidateOp::kInvvpidAll:
    case InvalidateOp::kInvvpidSingleKeepGlobal:
    case InvalidateOp::kInveptSingle:
    case InvalidateOp::kInveptAll:
    case InvalidateOp::kVmTransition:
    case InvalidateOp::kEptViolation:
      return rules == TagRules::kIntel;
    case InvalidateOp::kInvlpga:
    case InvalidateOp::kTlbControlAll:
    case InvalidateOp::kTlbControlAsid:
    case InvalidateOp::kTlbControlAsidNonGlobal:
    case InvalidateOp::kNestedPageFault:
      return rules == TagRules::kAmd;
    default:
      return true;
  }
}

}  // namespace

// A row of the manual's list each.
// NOLINTNEXTLINE(readability-function-size)
Cover cover_of(const Invalidation& i, const CachedUse& use) {
  if (!exists(i.op, i.rules)) {
    return kNothing;
  }
  const bool is_processor = is_processor_equal(i, use.tags);
  switch (i.op) {
    case InvalidateOp::kInvlpg: {
      // All paging-structure entries of the PCID, whatever the address.
      Cover cover = at_address(i, use);
      cover.structures = true;
      return of_pcid(i, use, cover);
    }
    case InvalidateOp::kPageFault:
      return of_pcid(i, use, at_address(i, use));
    case InvalidateOp::kInvpcidAddress:
      return keep_global(of_pcid(i, use, at_address(i, use)), use);
    case InvalidateOp::kInvpcidSingle:
    case InvalidateOp::kMovCr3:
      return keep_global(of_pcid(i, use, kGuestMappings), use);
    case InvalidateOp::kMovCr3NoFlush:
      return kNothing;
    case InvalidateOp::kInvpcidAllWithGlobals:
    case InvalidateOp::kMovCr4:
    case InvalidateOp::kInvvpidSingle:
      return when(is_processor, kGuestMappings);
    case InvalidateOp::kInvpcidAll:
    case InvalidateOp::kInvvpidSingleKeepGlobal:
      return keep_global(when(is_processor, kGuestMappings), use);
    case InvalidateOp::kInvvpidAddress:
    case InvalidateOp::kInvlpga:
      return when(is_processor, at_address(i, use));
    case InvalidateOp::kInvvpidAll:
      return when(use.tags.vpid != Vpid{}, kGuestMappings);
    case InvalidateOp::kVmTransition:
      return when(!i.vpid_enabled && use.tags.vpid == Vpid{}, kGuestMappings);
    case InvalidateOp::kInveptSingle: {
      const bool is_own = is_ep4ta_equal(i.tags, use.tags);
      return {is_own && use.has_host, is_own && use.has_host, is_own};
    }
    case InvalidateOp::kInveptAll:
      return {use.has_host, use.has_host, true};
    case InvalidateOp::kEptViolation:
    case InvalidateOp::kNestedPageFault:
      return of_host_fault(i, use);
    case InvalidateOp::kTlbControlAll:
      return kAllMappings;
    case InvalidateOp::kTlbControlAsid:
      return when(is_processor, kAllMappings);
    case InvalidateOp::kTlbControlAsidNonGlobal:
      return keep_global(when(is_processor, kAllMappings), use);
  }
  return kNothing;
}

bool names_an_address(InvalidateOp op) {
  switch (op) {
    case InvalidateOp::kInvlpg:
    case InvalidateOp::kPageFault:
    case InvalidateOp::kInvpcidAddress:
    case InvalidateOp::kInvvpidAddress:
    case InvalidateOp::kInvlpga:
    case InvalidateOp::kEptViolation:
    case InvalidateOp::kNestedPageFault:
      return true;
    default:
      return false;
  }
}

}  // namespace nestwalk
