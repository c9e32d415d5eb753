// Page faults under shadow paging: the guest's own, entries to fill, writes to guest tables.
#include <algorithm>
#include <cstring>

#include "model/arch/check.h"
#include "model/hypervisor/shadow_leaf.h"
#include "model/hypervisor/shadow_pager.h"
#include "model/memory/entry_builder.h"

namespace nestwalk {
namespace {

HostRights wanted_for(const Access& access) {
  HostRights wanted{HostRights::kRead};
  if (access.is_write()) {
    wanted.bits |= HostRights::kWrite;
  }
  if (access.is_fetch()) {
    wanted.bits |= HostRights::kExecute | HostRights::kUserExecute;
  }
  return wanted;
}

ShadowOutcome outcome_of(Reach reach) {
  switch (reach) {
    case Reach::kReached:
      return ShadowOutcome::kResumed;
    case Reach::kBeyondMemory:
      return ShadowOutcome::kBeyondMemory;
    case Reach::kOutOfMemory:
      return ShadowOutcome::kOutOfMemory;
  }
  fatal("a reach out of range");
}

}  // namespace

ShadowFault ShadowPager::fault(unsigned vcpu, const Access& access, const GuestStore& store) {
  ++statistics_.page_faults;
  spend(Cause::kShadowFault, costs_.fault_cycles);
  ShadowVcpu& faulting = state_.vcpus.at(vcpu);
  faulting.registers.control.ac = port_.guest_registers().control.ac;  // changes without an exit
  ShadowFault result = serve(faulting, access, store);
  finish();
  switch (result.outcome) {
    case ShadowOutcome::kResumed:
      break;  // counted by its kind
    case ShadowOutcome::kEmulated:
      ++statistics_.emulated;
      break;
    case ShadowOutcome::kReflected:
      ++statistics_.reflected;
      spend(Cause::kShadowReflect, costs_.reflect_cycles);
      break;
    case ShadowOutcome::kBeyondMemory:
    case ShadowOutcome::kOutOfMemory:
      ++statistics_.failed;
      break;
  }
  return result;
}

ShadowFault ShadowPager::serve(ShadowVcpu& vcpu, const Access& access, const GuestStore& store) {
  ShadowFault result;
  make_room();
  const GuestPath path = find_path(vcpu, access);
  result.gpa = path.gpa;
  if (path.reach != Reach::kReached) {
    result.outcome = outcome_of(path.reach);
    return result;
  }
  if (!path.is_translation) {
    fatal_unless(is_guest_fault(path.fault.kind), "guest-physical memory answers every access");
    result.outcome = ShadowOutcome::kReflected;
    result.fault = path.fault;
    return result;
  }
  const Reach reach = memory_.reach(path.gpa, wanted_for(access), result.page);
  if (reach != Reach::kReached) {
    result.outcome = outcome_of(reach);
    return result;
  }
  Way way;
  way.is_emulated = access.is_write() && !path.rights.write() && vcpu.mode.smap;  // WP = 0
  const Gpa frame = path.gpa.page(kSmallPageBits);
  do {
    if (!clear_way(vcpu, access, frame, store, way)) {
      result.outcome = ShadowOutcome::kOutOfMemory;
      return result;
    }
    switch (fill(vcpu, access, path, result.page)) {
      case Fill::kFilled:
        break;
      case Fill::kChanged:
        ++statistics_.retried;
        return result;
      case Fill::kOutOfMemory:
        result.outcome = ShadowOutcome::kOutOfMemory;
        return result;
    }
    // A table that maps itself has come under protection by being filled.
  } while (access.is_write() && !way.is_emulated && state_.cache.is_protected(frame));
  if (way.is_emulated) {
    emulate(path.gpa, store, result);
  } else {
    ++statistics_.filled;
  }
  return result;
}

GuestPath ShadowPager::find_path(const ShadowVcpu& vcpu, const Access& access) {
  if (vcpu.mode.paging) {
    return walk_guest(memory_, port_, guest_context(vcpu.registers, vcpu.pdptes), access,
                      !vm_.params.switching.omit.accessed_dirty);
  }
  GuestPath path;
  path.is_translation = true;
  path.gpa = Gpa(access.address.value());
  path.leaf_level = kMaxLevels + 1;  // above every table
  return path;
}

// Makes sure that the virtual CPU has a root and, for a write to the frame of a guest table, that
// the write can be made: the frame is no table any more, or out of sync, or the write is emulated.
bool ShadowPager::clear_way(ShadowVcpu& vcpu, const Access& access, Gpa frame,
                            const GuestStore& store, Way& way) {
  for (;;) {
    if (!choose_root(vcpu)) {
      return false;
    }
    if (!access.is_write() || !state_.cache.is_protected(frame)) {
      return true;
    }
    // A program does not write tables and a kernel does not fill them with one word: the frame has
    // become something else.
    const bool is_recycled = !store.is_known() || store.is_block;
    if (!is_recycled && can_go_out_of_sync(frame)) {
      ++statistics_.unsync_faults;
      go_out_of_sync(frame);
      return true;
    }
    if (!way.are_dropped && (is_recycled || is_flooded(frame))) {
      way.are_dropped = true;  // the root in use comes back; then the write is emulated
      (is_recycled ? statistics_.zapped_for_reuse : statistics_.zapped_for_flooding) +=
          state_.cache.shadows_of(frame).size();
      zap_shadows_of(frame);
      continue;
    }
    way.is_emulated = true;
    return true;
  }
}

// ---- Filling ----

ShadowPager::Fill ShadowPager::fill(const ShadowVcpu& vcpu, const Access& access,
                                    const GuestPath& path, const HostPage& host) {
  spend(Cause::kShadowFill, costs_.fill_cycles);
  const PagingFormat& format = format_of(shadow_format(vcpu.mode));
  GuestRights rights = shadow_rights(vcpu.mode, path.rights, path.dirty, access);
  const StageRules rules = mirrored_rules(vcpu.mode, machine_.control);
  GuestRights above;
  ShadowId table = vcpu.root;
  unsigned level = format.levels;
  // Asked again at each level: a table on the way may lie in the page.
  for (; level > choose_level(path, host); --level) {
    const ShadowLink at{table,
                        static_cast<std::uint16_t>(format.index(level, access.address.value()))};
    state_.cache.touch(table);
    state_.cache.table(table).num_writes = 0;
    if (level == 4 && vcpu.top != kNoShadow) {
      table = vcpu.top;
      continue;
    }
    ShadowKey key;
    key.role.mode = vcpu.mode;
    key.role.level = static_cast<std::uint8_t>(level - 1);
    if (level > path.leaf_level) {
      set_mirrored(key, vcpu, access, path, level);
      if (vcpu.mode.guest_format != FormatId::kX86TwoLevel || level == 2) {
        above &= guest_rights(rules, level, path.entry[level].value);
      }
      key.role.access = above;
    } else {
      key.frame = path.gpa.page(format.table_span_bits(level - 1));
      key.role.direct = true;
      key.role.access = rights;
    }
    const ShadowEntry& there = entry(at);
    if (there.kind == ShadowEntry::Kind::kTable && state_.cache.table(there.child).key == key) {
      table = there.child;
      continue;
    }
    if (there.kind != ShadowEntry::Kind::kEmpty) {
      drop_entry(at);
      flush();  // a large page is gone everywhere before smaller ones come
    }
    bool is_fresh = false;
    const ShadowId child = get(key, is_fresh);
    if (child == kNoShadow) {
      return Fill::kOutOfMemory;
    }
    if (is_fresh && !is_unchanged(vcpu, path, level - 1)) {
      return Fill::kChanged;  // before the table was protected
    }
    link(at, child);
    table = child;
  }
  state_.cache.touch(table);
  state_.cache.table(table).num_writes = 0;
  const unsigned bits = format.page_bits(level);
  if (!host.rights.write() || state_.cache.is_protected(path.gpa.page(kSmallPageBits))) {
    rights.bits &= static_cast<std::uint8_t>(~GuestRights::kWrite);
  }
  if (!host.rights.execute() || !host.rights.user_execute()) {
    rights.bits &= static_cast<std::uint8_t>(~GuestRights::kExecute);
  }
  const auto index = static_cast<std::uint16_t>(format.index(level, access.address.value()));
  install({table, index}, path.gpa.page(bits), host.hpa.page(bits), rights);
  return Fill::kFilled;
}

// The table of the level below that the guest's entry of `level` points to.
void ShadowPager::set_mirrored(ShadowKey& key, const ShadowVcpu& vcpu, const Access& access,
                               const GuestPath& path, unsigned level) const {
  const std::uint64_t address = access.address.value();
  const bool is_2level = vcpu.mode.guest_format == FormatId::kX86TwoLevel;
  if (is_2level && level == 3) {
    key.frame = vcpu.registers.root.page(kSmallPageBits);
    key.role.quadrant = static_cast<std::uint8_t>(field(address, 30, 2));
    return;
  }
  const std::uint64_t entry = level == 3 && vcpu.top != kNoShadow
                                  ? vcpu.pdptes.entry[field(address, 30, 2)]
                                  : path.entry[level].value;
  key.frame = Gpa(entry & mask(51, kSmallPageBits));
  if (is_2level) {
    key.frame = Gpa(entry & mask(31, kSmallPageBits));
    key.role.quadrant = static_cast<std::uint8_t>(field(address, 21, 1));
  }
}

// Whether the guest's entry of this level still says what it said to the walk, A and D aside, which
// only ever come to be set.
bool ShadowPager::is_unchanged(const ShadowVcpu& vcpu, const GuestPath& path, unsigned level) {
  const GuestPath::Entry& seen = path.entry[level];
  const std::optional<HostPage> page = memory_.find(seen.address);
  if (!page) {
    return false;
  }
  const std::uint64_t now = port_.load(page->hpa, format_of(vcpu.mode.guest_format).entry_bytes);
  return now == seen.value;
}

// The largest page that both stages allow, and no guest table lies in.
unsigned ShadowPager::choose_level(const GuestPath& path, const HostPage& host) const {
  const PagingFormat& format = format_of(FormatId::kX86FourLevel);
  unsigned level = machine_.control.page_1g ? 3 : 2;
  for (; level > 1; --level) {
    const unsigned bits = format.page_bits(level);
    if (bits <= path.page_bits && bits <= host.page_bits && level <= path.leaf_level &&
        !state_.cache.has_shadowed_in(path.gpa.page(bits), bits)) {
      break;
    }
  }
  return level;
}

void ShadowPager::install(ShadowLink at, Gpa page, Hpa frame, GuestRights rights) {
  const ShadowTable& table = state_.cache.table(at.table);
  const unsigned level = table.key.role.level;
  const std::uint64_t word = make_leaf_entry(format_of_table(table), level, frame.value(),
                                             {.write = rights.write(),
                                              .user = rights.user(),
                                              .execute = rights.execute(),
                                              .accessed = true,
                                              .dirty = rights.write()});
  const ShadowEntry& there = entry(at);
  if (there.kind == ShadowEntry::Kind::kLeaf && there.page == page) {
    const std::uint64_t before = port_.load(entry_address(at), 8);
    const bool is_narrower = !is_subset(rights_of_shadow(before), rights);
    must_flush_ = must_flush_ || is_narrower || ((before ^ word) & mask(51, 12)) != 0;
    store(at, word);
    return;
  }
  if (there.kind != ShadowEntry::Kind::kEmpty) {
    drop_entry(at);
    flush();
  }
  store(at, word);
  entry(at) = {ShadowEntry::Kind::kLeaf, kNoShadow, page};
  state_.reverse_map.add(page, level, at);
}

// ---- Emulation ----

TableNote ShadowPager::note_of(Gpa frame) const {
  const std::vector<ShadowId> shadows = state_.cache.shadows_of(frame);
  return shadows.empty()
             ? TableNote{}
             : TableNote{LogTable::kGuest, state_.cache.table(shadows.front()).key.role.level};
}

// Makes the guest's write and has the shadows of what was written follow.
void ShadowPager::emulate(Gpa address, const GuestStore& store, ShadowFault& result) {
  spend(Cause::kShadowEmulation, costs_.emulation_cycles);
  result.outcome = ShadowOutcome::kEmulated;
  if (!store.is_known() && !store.is_block) {
    return;  // what is written is not known: the access is the caller's to give up
  }
  if (store.is_block) {
    follow_write(address.page(kSmallPageBits), bit(kSmallPageBits));
    return;  // its stores are the caller's, at the page
  }
  const TableNote note = note_of(address.page(kSmallPageBits));
  if (store.swap) {
    port_.note_table(note);
    result.is_stored = port_.compare_and_swap(result.page.hpa, *store.swap);
    if (result.is_stored) {
      follow_write(address, store.swap->bytes);
    }
    return;
  }
  fatal_unless(address.offset(kSmallPageBits) + store.data.size() <= bit(kSmallPageBits),
               "a write that is emulated lies in one page");
  std::size_t done = 0;
  while (done < store.data.size()) {
    const Hpa at = result.page.hpa + done;
    unsigned bytes = 8;  // the largest naturally aligned piece
    while (bytes > store.data.size() - done || at.value() % bytes != 0) {
      bytes /= 2;
    }
    std::uint64_t word = 0;
    std::memcpy(&word, store.data.data() + done, bytes);
    port_.note_table(note);
    port_.store(at, bytes, word);
    done += bytes;
  }
  follow_write(address, store.data.size());
}

}  // namespace nestwalk
