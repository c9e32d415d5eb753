// What a shadow leaf may give for an entry of a guest's table. Pure functions.
//
// The MMU runs shadows with CR0.WP = 1, so that the hypervisor's protection holds for the guest's
// kernel too. For a guest with WP = 0, a page that is read-only in the guest's tables and that its
// kernel writes becomes a writable page of the kernel alone, which with SMEP it must not execute;
// the next access of the user turns it back. With SMAP as well such writes are emulated, because
// the MMU could not know any more that the page was the user's.
// Source: Linux, Documentation/virt/kvm/x86/mmu.rst, "Emulating cr0.wp".
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/access.h"
#include "model/hypervisor/shadow_role.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {

// A leaf of the guest as a shadow entry sees it.
struct GuestLeaf {
  Gpa page;  // the part that the shadow entry is for
  GuestRights rights;
  bool dirty = false;
};

// What the guest's entry gives to the entry `index` of its shadow; nothing if it is no leaf or was
// not accessed, because then the next access has to set A.
constexpr std::optional<GuestLeaf> read_guest_leaf(const StageRules& rules, const ShadowRole& role,
                                                   unsigned index, std::uint64_t entry) {
  if (classify(rules, role.level, entry) != EntryKind::kLeaf ||
      (entry & bit(x86::kAccessed)) == 0) {
    return std::nullopt;
  }
  GuestLeaf leaf;
  leaf.page = Gpa(page_address(rules, role.level, entry));
  if (rules.format->entry_bytes == 4 && role.level == 2) {  // half of a 4M page
    leaf.page = leaf.page + (index % 2) * bit(21);
  }
  leaf.rights = guest_rights(rules, role.level, entry);
  leaf.rights &= role.access;
  leaf.dirty = is_dirty(rules, entry);
  return leaf;
}

// What the kernel gets of a page that it may write with WP = 0 alone.
constexpr GuestRights kernel_writable(const ShadowMode& mode, GuestRights rights) {
  const bool executes = rights.execute() && !(mode.smep && rights.user());
  return {static_cast<std::uint8_t>(GuestRights::kWrite |
                                    (executes ? GuestRights::kExecute : std::uint8_t{0}))};
}

// Rights for a page by which this access of the guest has just been permitted.
constexpr GuestRights shadow_rights(const ShadowMode& mode, GuestRights rights, bool dirty,
                                    const Access& access) {
  if (access.is_write() && !rights.write() && !mode.smap) {
    return kernel_writable(mode, rights);
  }
  if (!dirty) {
    rights.bits &= static_cast<std::uint8_t>(~GuestRights::kWrite);
  }
  return rights;
}

// What a leaf of the shadow itself gives.
constexpr GuestRights rights_of_shadow(std::uint64_t entry) {
  std::uint64_t bits = (entry >> 1) & (GuestRights::kWrite | GuestRights::kUser);
  bits |= (entry & bit(x86::kNoExecute)) == 0 ? GuestRights::kExecute : 0;
  return {static_cast<std::uint8_t>(bits)};
}

constexpr bool is_subset(GuestRights some, GuestRights all) {
  return (some.bits & ~all.bits) == 0;
}

// Whether a shadow entry with these rights gives nothing that the guest's leaf does not.
constexpr bool may_give(const ShadowMode& mode, const GuestLeaf& leaf, GuestRights shadow) {
  if (shadow.write() && !leaf.dirty) {
    return false;
  }
  return is_subset(shadow, leaf.rights) ||
         (!mode.wp && !mode.smap && is_subset(shadow, kernel_writable(mode, leaf.rights)));
}

// The rules of the guest's entries that a shadow of this role mirrors.
constexpr StageRules mirrored_rules(const ShadowMode& mode, const Control& machine) {
  WalkContext context;
  context.has_guest = true;
  context.guest_format = mode.guest_format;
  context.control = machine;
  context.control.nxe = mode.no_execute;
  context.control.pse = mode.large_2level;
  return guest_rules(context);
}

}  // namespace nestwalk
