// What becomes of a shadow when its VM leaves shadow paging and comes back. All virtual CPUs of the
// VM are stopped meanwhile, and what is cached of the shadow is the switch's to flush.
#include <algorithm>
#include <utility>

#include "model/arch/check.h"
#include "model/hypervisor/shadow_leaf.h"
#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {

// The frames are given back as they are: the MMU walks no shadow while EPT is on.
void ShadowPager::destroy() {
  const std::uint64_t num_tables = state_.cache.num_tables();
  state_.cache.for_each(
      [this](ShadowId, const ShadowTable& table) { tables_to_free_.push_back(table.frame); });
  port_.spend(Cause::kSwitchDestroy, num_tables * machine_.params.switching.destroy_cycles);
  statistics_.tables_zapped += num_tables;
  statistics_.tables_freed += num_tables;
  state_.cache = {};
  state_.reverse_map = {};
  state_.changed.clear();
  forget_roots();
  free_tables();
}

// Roots and what belongs to one virtual CPU are made anew from its registers; all else stays.
void ShadowPager::keep() {
  for (ShadowVcpu& vcpu : state_.vcpus) {
    leave_root(vcpu.root);
    leave_root(vcpu.top);
  }
  forget_roots();
  free_tables();
  state_.is_kept = true;
}

void ShadowPager::forget_roots() {
  for (ShadowVcpu& vcpu : state_.vcpus) {
    vcpu.root = kNoShadow;
    vcpu.top = kNoShadow;
  }
}

// The kept tables once more: what the guest and the host stage do not give any more is dropped.
void ShadowPager::compare() {
  if (!std::exchange(state_.is_kept, false)) {
    return;
  }
  for (const ChangedBlock& block : std::exchange(state_.changed, {})) {
    if (block.is_gone) {
      drop_block(block.start, block.bits);
    } else {
      protect_block(block.start, block.bits);
    }
  }
  while (!state_.cache.out_of_sync().empty()) {
    const Gpa frame = state_.cache.table(*state_.cache.out_of_sync().begin()).key.frame;
    for (const ShadowId id : state_.cache.shadows_of(frame)) {
      state_.cache.set_out_of_sync(id, false);
    }
    protect(frame);
  }
  std::vector<ShadowId> mirrored;
  state_.cache.for_each([&](ShadowId id, const ShadowTable& table) {
    if (!table.key.role.direct) {
      mirrored.push_back(id);
    }
  });
  for (const ShadowId id : mirrored) {
    port_.spend(Cause::kSwitchCompare, machine_.params.switching.compare_cycles);
    compare_entries(id);
  }
  must_flush_ = false;
  free_tables();
}

void ShadowPager::compare_entries(ShadowId id) {
  const ShadowMode mode = state_.cache.table(id).key.role.mode;
  const StageRules rules = mirrored_rules(mode, machine_.control);
  for (unsigned index = 0; index < kShadowEntries; ++index) {
    const ShadowLink at{id, static_cast<std::uint16_t>(index)};
    const ShadowEntry& there = entry(at);
    if (there.kind == ShadowEntry::Kind::kLeaf) {
      sync_entry(at, rules);
    } else if (there.kind == ShadowEntry::Kind::kTable && !is_link_current(at, rules)) {
      drop_entry(at);
    }
  }
}

// What the guest has where a shadow entry mirrors it.
std::optional<std::uint64_t> ShadowPager::mirrored_entry(ShadowLink at, const StageRules& rules) {
  const ShadowKey& key = state_.cache.table(at.table).key;
  const unsigned bytes = rules.format->entry_bytes;
  const std::optional<HostPage> host =
      memory_.find(key.frame + std::uint64_t{guest_index(key.role, at.index)} * bytes);
  return host ? std::optional(port_.load(host->hpa, bytes)) : std::nullopt;
}

// The shadow that belongs where the guest's entry points to a table, if it does.
std::optional<ShadowKey> ShadowPager::key_below(ShadowLink at, const StageRules& rules,
                                                std::uint64_t word) const {
  const ShadowRole& above = state_.cache.table(at.table).key.role;
  if (classify(rules, above.level, word) != EntryKind::kTable ||
      (word & bit(x86::kAccessed)) == 0) {
    return std::nullopt;
  }
  ShadowKey key;
  key.frame = Gpa(table_address(rules, word));
  key.role.mode = above.mode;
  key.role.level = static_cast<std::uint8_t>(above.level - 1);
  key.role.access = guest_rights(rules, above.level, word);
  key.role.access &= above.access;
  if (above.mode.guest_format == FormatId::kX86TwoLevel) {
    key.role.quadrant = static_cast<std::uint8_t>(at.index % 2);
  }
  return key;
}

bool ShadowPager::is_link_current(ShadowLink at, const StageRules& rules) {
  const std::optional<std::uint64_t> word = mirrored_entry(at, rules);
  if (!word) {
    return false;
  }
  const ShadowRole above = state_.cache.table(at.table).key.role;
  const ShadowKey& child = state_.cache.table(entry(at).child).key;
  if (const std::optional<ShadowKey> key = key_below(at, rules, *word)) {
    return child == *key;
  }
  const std::optional<GuestLeaf> leaf = read_guest_leaf(rules, above, at.index, *word);
  return leaf && child.role.direct && child.frame == leaf->page &&
         may_give(above.mode, *leaf, child.role.access);
}

// ---- The way back ----

// All roots, so that no virtual CPU needs memory when it enters. False: there is no room for them.
bool ShadowPager::start_all(std::span<const VcpuRegisters> vcpus) {
  for (const VcpuRegisters& vcpu : vcpus) {
    state_.vcpus.resize(std::max<std::size_t>(state_.vcpus.size(), vcpu.number + 1));
    if (load(vcpu.number, vcpu.registers, PdpteSource::kProcessor) != ShadowOutcome::kResumed) {
      return false;
    }
    if (vm_.params.switching.protection == TableProtection::kEager) {
      protect_tables_of(state_.vcpus[vcpu.number]);
    }
  }
  must_flush_ = false;
  free_tables();
  return true;
}

void ShadowPager::protect_tables_of(const ShadowVcpu& vcpu) {
  if (!vcpu.mode.paging) {
    return;
  }
  if (vcpu.top == kNoShadow) {
    protect_below(vcpu.root);
    return;
  }
  for (unsigned index = 0; index < 4; ++index) {
    ShadowKey key;
    key.role.mode = vcpu.mode;
    key.role.level = 2;
    if (vcpu.mode.guest_format == FormatId::kX86TwoLevel) {
      key.frame = vcpu.registers.root.page(kSmallPageBits);
      key.role.quadrant = static_cast<std::uint8_t>(index);
    } else if ((vcpu.pdptes.entry[index] & bit(x86::kPresent)) != 0) {
      key.frame = Gpa(vcpu.pdptes.entry[index] & mask(51, kSmallPageBits));
    } else {
      continue;
    }
    protect_table({vcpu.top, static_cast<std::uint16_t>(index)}, key);
  }
}

// Links a shadow of the table, and of all tables below it that it has none of yet.
void ShadowPager::protect_table(ShadowLink at, const ShadowKey& key) {
  if (entry(at).kind != ShadowEntry::Kind::kEmpty || !has_room()) {
    return;
  }
  port_.spend(Cause::kSwitchProtect, machine_.params.switching.protect_cycles);
  const bool is_known = state_.cache.find(key) != kNoShadow;
  bool is_fresh = false;
  const ShadowId child = get(key, is_fresh);
  if (child == kNoShadow) {
    return;
  }
  link(at, child);
  if (!is_known && key.role.level > 1) {
    protect_below(child);
  }
}

void ShadowPager::protect_below(ShadowId id) {
  const StageRules rules = mirrored_rules(state_.cache.table(id).key.role.mode, machine_.control);
  for (unsigned index = 0; index < kShadowEntries; ++index) {
    const ShadowLink at{id, static_cast<std::uint16_t>(index)};
    const std::optional<std::uint64_t> word = mirrored_entry(at, rules);
    if (const auto key = word ? key_below(at, rules, *word) : std::nullopt) {
      protect_table(at, *key);
    }
  }
}

}  // namespace nestwalk
