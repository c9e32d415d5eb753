// The shadow tables: made, protected, linked, dropped, and what has to be flushed for it.
#include <algorithm>
#include <utility>

#include "model/arch/check.h"
#include "model/hypervisor/shadow_pager.h"
#include "model/memory/entry_builder.h"

namespace nestwalk {
namespace {

constexpr unsigned kEntryBytes = 8;
// What one fault can need: a table for each level, and the top of a 32-bit guest.
constexpr std::uint64_t kRoomForAFault = kMaxLevels + 2;

}  // namespace

ShadowPager::ShadowPager(HypervisorPort& port, const HostMachine& machine, HostFrames& frames,
                         Vm& vm)
    : port_(port),
      machine_(machine),
      frames_(frames),
      vm_(vm),
      state_(vm.shadow),
      statistics_(vm.shadow.statistics),
      costs_(machine.params.shadow),
      memory_(port, Cause::kShadowFill, machine, frames, vm) {}

std::optional<Hpa> ShadowPager::allocate_table() {
  const std::optional<Hpa> frame = frames_.free.allocate(kSmallPageBits);
  if (!frame) {
    return std::nullopt;
  }
  frames_.owners.set(*frame, bit(kSmallPageBits),
                     {FrameUse::kHostTable, static_cast<std::uint32_t>(vm_.id)});
  spend(Cause::kShadowFill, machine_.params.table_allocation_cycles);
  spend(Cause::kHostFrameZeroing, machine_.params.clear_4k_cycles);
  port_.clear(*frame, kSmallPageBits);
  ++statistics_.tables_made;
  return frame;
}

// The table with this key. If it is fresh, its guest table has just come under protection: what is
// read of it from now on stays true, what was read before need not.
ShadowId ShadowPager::get(const ShadowKey& key, bool& is_fresh) {
  is_fresh = false;
  const ShadowId found = state_.cache.find(key);
  if (found != kNoShadow) {
    if (state_.cache.table(found).is_out_of_sync) {
      sync(key.frame);  // it is linked anew: nobody has flushed for what it missed
      is_fresh = true;
    } else {
      sync_below(found);
    }
    state_.cache.touch(found);
    return found;
  }
  const std::optional<Hpa> frame = allocate_table();
  if (!frame) {
    return kNoShadow;
  }
  if (!key.role.direct && state_.cache.is_shadowed(key.frame) &&
      !state_.cache.is_protected(key.frame)) {
    sync(key.frame);  // all shadows of a frame are in sync, or none is
  }
  const ShadowId id = state_.cache.add(key, *frame);
  statistics_.tables_peak = std::max(statistics_.tables_peak, state_.cache.num_tables());
  if (!key.role.direct) {
    is_fresh = true;
    protect(key.frame);
  }
  return id;
}

// The frame counts as a table already: no new writable mapping comes to be. Then those that exist
// lose the right, and only after the flush it is certain that no write is under way.
void ShadowPager::protect(Gpa frame) {
  spend(Cause::kShadowProtection, costs_.protection_cycles);
  if (vm_.params.switching.omit.downgrade) {
    return;
  }
  take_write_access(frame, 1);
  for (unsigned level = 2; level <= ShadowReverseMap::kMaxLevel; ++level) {
    const Gpa page = frame.page(format_of(FormatId::kX86FourLevel).page_bits(level));
    if (!state_.reverse_map.leaves(page, level).empty()) {
      ++statistics_.split_pages;
      drop_leaves(page, level);
    }
  }
  if (must_flush_) {
    flush();
  }
}

void ShadowPager::take_write_access(Gpa page, unsigned level) {
  for (const ShadowLink leaf : state_.reverse_map.leaves(page, level)) {
    const std::uint64_t word = port_.load(entry_address(leaf), kEntryBytes);
    if ((word & bit(x86::kWrite)) != 0) {
      ++statistics_.protected_leaves;
      store(leaf, word & ~(bit(x86::kWrite) | bit(x86::kDirty)));
      must_flush_ = true;
    }
  }
}

void ShadowPager::drop_leaves(Gpa page, unsigned level) {
  while (!state_.reverse_map.leaves(page, level).empty()) {
    drop_entry(state_.reverse_map.leaves(page, level).back());
  }
}

void ShadowPager::link(ShadowLink at, ShadowId child) {
  const ShadowTable& parent = state_.cache.table(at.table);
  ShadowTable& table = state_.cache.table(child);
  fatal_unless(table.key.role.level + 1 == parent.key.role.level,
               "a shadow table links to tables of the level below");
  store(at, make_table_entry(format_of_table(parent), parent.key.role.level, table.frame.value(),
                             {.accessed = true}));
  table.parents.push_back(at);
  entry(at) = {ShadowEntry::Kind::kTable, child, {}};
}

void ShadowPager::drop_entry(ShadowLink at) {
  const ShadowEntry gone = entry(at);
  if (gone.kind == ShadowEntry::Kind::kEmpty) {
    return;
  }
  store(at, 0);
  entry(at) = {};
  must_flush_ = true;
  if (gone.kind == ShadowEntry::Kind::kTable) {
    std::erase(state_.cache.table(gone.child).parents, at);
  } else {
    state_.reverse_map.remove(gone.page, state_.cache.table(at.table).key.role.level, at);
  }
}

// Unlinks a table and forgets it. Tables below it stay: their guest tables are protected still, and
// a new parent finds them. A root in use stays too, empty and found by no key, until its virtual
// CPU leaves it at the next exit.
void ShadowPager::zap(ShadowId id) {
  ++statistics_.tables_zapped;
  spend(Cause::kShadowZap, costs_.zap_cycles);
  empty(id);
  if (state_.cache.table(id).num_roots != 0) {
    state_.cache.unlist(id);
  } else {
    release(id);
  }
}

void ShadowPager::empty(ShadowId id) {
  while (!state_.cache.table(id).parents.empty()) {
    drop_entry(state_.cache.table(id).parents.back());
  }
  for (unsigned index = 0; index < kShadowEntries; ++index) {
    drop_entry({id, static_cast<std::uint16_t>(index)});
  }
  must_flush_ = true;  // a walker may be on its way through the table
}

void ShadowPager::release(ShadowId id) {
  ++statistics_.tables_freed;
  tables_to_free_.push_back(state_.cache.table(id).frame);
  state_.cache.remove(id);
}

void ShadowPager::zap_shadows_of(Gpa frame) {
  for (const ShadowId id : state_.cache.shadows_of(frame)) {
    zap(id);
  }
}

// So that a fault finds room for all it needs, and no table is dropped while a walk passes it.
void ShadowPager::make_room() {
  while (!has_room()) {
    const ShadowId oldest = state_.cache.find_oldest();
    if (oldest == kNoShadow) {
      return;
    }
    ++statistics_.zapped_for_room;
    zap(oldest);
    if (frames_.free.num_free() < kRoomForAFault) {
      flush();
    }
  }
}

bool ShadowPager::has_room() const {
  return state_.cache.num_tables() + kRoomForAFault <= vm_.params.shadow.max_tables &&
         frames_.free.num_free() >= kRoomForAFault;
}

const PagingFormat& ShadowPager::format_of_table(const ShadowTable& table) const {
  return format_of(shadow_format(table.key.role.mode));
}

Hpa ShadowPager::entry_address(ShadowLink at) const {
  return state_.cache.table(at.table).frame + std::uint64_t{at.index} * kEntryBytes;
}

ShadowEntry& ShadowPager::entry(ShadowLink at) {
  return state_.cache.table(at.table).entries.at(at.index);
}

void ShadowPager::store(ShadowLink at, std::uint64_t word) {
  port_.note_table({LogTable::kShadow, state_.cache.table(at.table).key.role.level});
  port_.store(entry_address(at), kEntryBytes, word);
}

// ---- Flushes ----

// All that the VM's tag covers. Without VPIDs the entry that ends this exit drops it, and on
// another core the exit that this operation stands for.
Invalidation ShadowPager::flush_operation() const {
  Invalidation operation;
  operation.tags = vm_.tags();
  operation.rules = vm_.rules();
  operation.vpid_enabled = vm_.params.vpid;
  if (operation.rules == TagRules::kAmd) {
    operation.op = InvalidateOp::kTlbControlAsid;
  } else {
    operation.op = vm_.params.vpid ? InvalidateOp::kInvvpidSingle : InvalidateOp::kVmTransition;
  }
  return operation;
}

void ShadowPager::flush() {
  ++statistics_.flushes;
  for (const unsigned core : state_.cores) {
    port_.invalidate(flush_operation(), core);
  }
  must_flush_ = false;
  free_tables();
}

void ShadowPager::free_tables() {
  for (const Hpa frame : tables_to_free_) {
    frames_.owners.set(frame, bit(kSmallPageBits), {});
    frames_.free.free(frame, kSmallPageBits);
  }
  tables_to_free_.clear();
}

void ShadowPager::flush_here() {
  port_.invalidate(flush_operation(), port_.core());
}

void ShadowPager::finish() {
  if (must_flush_) {
    flush();
  }
}

// ---- From outside ----

void ShadowPager::drop_block(Gpa block, unsigned bits) {
  const PagingFormat& format = format_of(FormatId::kX86FourLevel);
  for (unsigned level = 1; level <= ShadowReverseMap::kMaxLevel; ++level) {
    const unsigned page_bits = format.page_bits(level);
    const Gpa end = block + bit(bits);
    for (Gpa page = block.page(page_bits); page < end; page = page + bit(page_bits)) {
      drop_leaves(page, level);
    }
  }
  for (const Gpa frame : state_.cache.shadowed_in(block, bits)) {
    ++statistics_.zapped_for_drop;
    zap_shadows_of(frame);
  }
}

void ShadowPager::protect_block(Gpa block, unsigned bits) {
  const PagingFormat& format = format_of(FormatId::kX86FourLevel);
  for (unsigned level = 1; level <= ShadowReverseMap::kMaxLevel; ++level) {
    const unsigned page_bits = format.page_bits(level);
    const Gpa end = block + bit(bits);
    for (Gpa page = block.page(page_bits); page < end; page = page + bit(page_bits)) {
      take_write_access(page, level);
    }
  }
}

void ShadowPager::follow_host_stage() {
  state_.has_host_changed = true;
  const std::vector<ChangedBlock> changed = std::exchange(state_.changed, {});
  for (const ChangedBlock& block : changed) {
    if (block.is_gone) {
      drop_block(block.start, block.bits);
    } else {
      protect_block(block.start, block.bits);
    }
  }
  finish();
}

void ShadowPager::drop_all() {
  std::vector<ShadowId> all;
  state_.cache.for_each([&](ShadowId id, const ShadowTable&) { all.push_back(id); });
  for (ShadowVcpu& vcpu : state_.vcpus) {
    vcpu.root = kNoShadow;
    vcpu.top = kNoShadow;
  }
  for (const ShadowId id : all) {
    state_.cache.table(id).num_roots = 0;
    zap(id);
  }
  flush();
}

}  // namespace nestwalk
