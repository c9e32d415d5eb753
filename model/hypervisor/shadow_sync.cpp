// Shadows follow the guest's writes to its tables: at once, or when the guest flushes.
#include <algorithm>

#include "model/hypervisor/shadow_leaf.h"
#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {

// Every entry that the written bytes touch is dropped from every shadow of the table; what is used
// again is filled again. So an entry of which a half was written, as a 32-bit kernel does with PAE,
// is nothing until a fault reads it whole.
void ShadowPager::follow_write(Gpa address, std::size_t num_bytes) {
  const Gpa frame = address.page(kSmallPageBits);
  for (const ShadowId id : state_.cache.shadows_of(frame)) {
    ShadowTable& table = state_.cache.table(id);
    ++table.num_writes;
    const ShadowRole role = table.key.role;
    const unsigned bytes = format_of(role.mode.guest_format).entry_bytes;
    const std::uint64_t first = address.offset(kSmallPageBits) / bytes;
    const std::uint64_t last = (address.offset(kSmallPageBits) + num_bytes - 1) / bytes;
    for (unsigned index = 0; index < kShadowEntries; ++index) {
      const unsigned mirrored = guest_index(role, index);
      if (mirrored >= first && mirrored <= last) {
        drop_entry({id, static_cast<std::uint16_t>(index)});
      }
    }
  }
}

bool ShadowPager::is_flooded(Gpa frame) {
  const std::uint32_t most = vm_.params.shadow.flood_writes;
  return most != 0 && std::ranges::any_of(state_.cache.shadows_of(frame), [&](ShadowId id) {
           return state_.cache.table(id).num_writes >= most;
         });
}

// A table that is above another one for some virtual CPU decides too much to be wrong for a while.
bool ShadowPager::can_go_out_of_sync(Gpa frame) const {
  return vm_.params.shadow.sync == ShadowSync::kOnFlush &&
         std::ranges::all_of(state_.cache.shadows_of(frame), [&](ShadowId id) {
           return state_.cache.table(id).key.role.level == 1;
         });
}

void ShadowPager::go_out_of_sync(Gpa frame) {
  spend(Cause::kShadowSync, costs_.unsync_cycles);
  for (const ShadowId id : state_.cache.shadows_of(frame)) {
    state_.cache.set_out_of_sync(id, true);
  }
}

// Protected first, read then: what is compared cannot change any more.
void ShadowPager::sync(Gpa frame) {
  const std::vector<ShadowId> shadows = state_.cache.shadows_of(frame);
  for (const ShadowId id : shadows) {
    state_.cache.set_out_of_sync(id, false);
  }
  protect(frame);
  for (const ShadowId id : shadows) {
    sync_entries(id);
  }
}

void ShadowPager::sync_entries(ShadowId id) {
  ++statistics_.tables_synced;
  spend(Cause::kShadowSync, costs_.sync_cycles);
  const StageRules rules = mirrored_rules(state_.cache.table(id).key.role.mode, machine_.control);
  for (unsigned index = 0; index < kShadowEntries; ++index) {
    sync_entry({id, static_cast<std::uint16_t>(index)}, rules);
  }
}

// Drops a leaf that gives what the guest's entry does not, or maps another page.
void ShadowPager::sync_entry(ShadowLink at, const StageRules& rules) {
  const ShadowEntry& there = entry(at);
  if (there.kind != ShadowEntry::Kind::kLeaf) {
    return;
  }
  ++statistics_.entries_synced;
  const ShadowKey& key = state_.cache.table(at.table).key;
  const unsigned bytes = rules.format->entry_bytes;
  const std::optional<HostPage> host =
      memory_.find(key.frame + std::uint64_t{guest_index(key.role, at.index)} * bytes);
  if (host) {
    const std::uint64_t word = port_.load(entry_address(at), 8);
    const std::optional<GuestLeaf> leaf =
        read_guest_leaf(rules, key.role, at.index, port_.load(host->hpa, bytes));
    const GuestRights given = rights_of_shadow(word);
    if (leaf && leaf->page == there.page && may_give(key.role.mode, *leaf, given)) {
      return;
    }
  }
  ++statistics_.entries_dropped;
  drop_entry(at);
}

// A flush by the guest: all that its tables have said since the last one counts from here on. What
// no table links to is dropped instead: mostly a frame that is no table any more.
void ShadowPager::sync_all() {
  while (!state_.cache.out_of_sync().empty()) {
    const ShadowId id = *state_.cache.out_of_sync().begin();
    const Gpa frame = state_.cache.table(id).key.frame;
    const bool is_linked = std::ranges::any_of(state_.cache.shadows_of(frame), [&](ShadowId each) {
      return !state_.cache.table(each).parents.empty();
    });
    if (is_linked) {
      sync(frame);
    } else {
      zap_shadows_of(frame);
    }
  }
}

// Of a table that is linked anew: an INVLPG under a root that had no link to it yet has not come
// by.
void ShadowPager::sync_below(ShadowId table) {
  const std::set<ShadowId> candidates = state_.cache.out_of_sync();
  for (const ShadowId id : candidates) {
    if (state_.cache.out_of_sync().contains(id) && is_below(id, table)) {
      sync(state_.cache.table(id).key.frame);
    }
  }
}

bool ShadowPager::is_below(ShadowId table, ShadowId above) const {
  return std::ranges::any_of(state_.cache.table(table).parents, [&](const ShadowLink& parent) {
    return parent.table == above || is_below(parent.table, above);
  });
}

// INVLPG: the entry for the address alone; the table stays as it is.
// Whether there is one.
bool ShadowPager::sync_address(const ShadowVcpu& vcpu, Gva address) {
  if (vcpu.root == kNoShadow) {
    return false;
  }
  const PagingFormat& format = format_of(shadow_format(vcpu.mode));
  ShadowLink at{vcpu.root, 0};
  for (unsigned level = format.levels;; --level) {
    at.index = static_cast<std::uint16_t>(format.index(level, address.value()));
    const ShadowEntry& there = entry(at);
    if (there.kind != ShadowEntry::Kind::kTable) {
      break;
    }
    at.table = there.child;
  }
  const bool is_there = entry(at).kind == ShadowEntry::Kind::kLeaf;
  const ShadowTable& table = state_.cache.table(at.table);
  if (table.is_out_of_sync) {
    spend(Cause::kShadowSync, costs_.sync_cycles);
    sync_entry(at, mirrored_rules(table.key.role.mode, machine_.control));
  }
  return is_there;
}

void ShadowPager::invalidate(unsigned vcpu, const Invalidation& operation) {
  ++statistics_.invlpg_exits;
  spend(Cause::kShadowIntercept, costs_.intercept_cycles);
  const bool is_address = operation.op == InvalidateOp::kInvlpg;
  if (is_address) {
    const bool is_there = sync_address(state_.vcpus.at(vcpu), operation.address);
    if (!is_there && vm_.params.switching.omit.invlpg_flush) {
      finish();
      return;
    }
  } else {
    sync_all();
  }
  finish();
  Invalidation drop = flush_operation();
  if (is_address) {
    drop.address = operation.address;
    if (drop.op == InvalidateOp::kInvvpidSingle) {
      drop.op = InvalidateOp::kInvvpidAddress;
    } else if (drop.op == InvalidateOp::kTlbControlAsid) {
      drop.op = InvalidateOp::kInvlpga;
    }
  }
  port_.invalidate(drop, port_.core());
}

void ShadowPager::catch_up() {
  sync_all();
  finish();
}

}  // namespace nestwalk
