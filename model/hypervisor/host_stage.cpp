#include "model/hypervisor/host_stage.h"

#include <array>
#include <cstddef>

#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {
namespace {

// Host frames of small formats must lie where their entries (and nCR3) can point to.
unsigned reachable_bits(const PagingFormat& format, const Control& control) {
  return format.input_bits == 32 ? 32 : control.maxphyaddr;
}

}  // namespace

Gpa HostStage::clip(Gpa address) const {
  return std::min(address, Gpa(vm().params.memory_bytes)).page(kSmallPageBits);
}

// ---- Entries ----

bool HostStage::page_fits(Gpa address, unsigned level) const {
  if (!format().level[level].can_be_leaf || (level == 3 && !control().page_1g)) {
    return false;
  }
  const unsigned bits = format().page_bits(level);
  return address.page(bits).value() + bit(bits) <= vm().params.memory_bytes;
}

HostEntry HostStage::find(Gpa address) {
  HostEntry entry = top(address);
  while (view(entry).is_table()) {
    descend(entry, address);
  }
  return entry;
}

std::optional<HostEntry> HostStage::find(Gpa address, unsigned level) {
  HostEntry entry = top(address);
  while (entry.level > level) {
    if (!view(entry).is_table()) {
      return std::nullopt;
    }
    descend(entry, address);
  }
  return entry;
}

HostEntry HostStage::top(Gpa address) {
  const unsigned level = format().levels;
  HostEntry entry{address.page(format().page_bits(level)), entry_address(vm().root, level, address),
                  0, level};
  read(entry);
  return entry;
}

// From an entry that points to a table to the one below it.
void HostStage::descend(HostEntry& entry, Gpa address) {
  const Hpa table(view(entry).address());
  --entry.level;
  entry.start = address.page(format().page_bits(entry.level));
  entry.address = entry_address(table, entry.level, address);
  read(entry);
}

void HostStage::read(HostEntry& entry) {
  ++vm().statistics.table_reads;
  entry.value = port().load(entry.address, format().entry_bytes);
}

void HostStage::store(HostEntry& entry, std::uint64_t value) {
  ++vm().statistics.table_writes;
  port().note_table({LogTable::kHost, entry.level});
  port().store(entry.address, format().entry_bytes, value);
  const std::uint64_t before = entry.value;
  entry.value = value;
  note_change(entry, before);
}

bool HostStage::swap(HostEntry& entry, std::uint64_t wanted) {
  ++vm().statistics.table_writes;
  port().note_table({LogTable::kHost, entry.level});
  if (port().compare_and_swap(entry.address, {format().entry_bytes, entry.value, wanted})) {
    const std::uint64_t before = entry.value;
    entry.value = wanted;
    note_change(entry, before);
    return true;
  }
  read(entry);
  return false;
}

// A table in place of a leaf maps the same frames until its own entries change; of a leaf in place
// of a table that is not known.
void HostStage::note_change(const HostEntry& entry, std::uint64_t before) {
  const EntryView was{format(), entry.level, before};
  const EntryView is = view(entry);
  if (!vm().has_shadow() || !was.is_present() || is.is_table()) {
    return;
  }
  const bool is_gone = was.is_table() || !is.is_leaf() || is.address() != was.address();
  if (is_gone || (before & ~entry.value & write_bit()) != 0) {
    vm().shadow.changed.push_back({entry.start, page_bits(entry), is_gone});
  }
}

std::uint64_t HostStage::unlink(HostEntry& entry) {
  const std::uint64_t before = change(entry, [](std::uint64_t) { return std::uint64_t{0}; });
  const EntryView was{format(), entry.level, before};
  if (vm().dirty_log && vm().dirty_log->method == DirtyLogMethod::kDirtyBits && was.is_leaf() &&
      was.is_dirty()) {
    vm().log_write(entry.start, was.page_bits());
  }
  return before;
}

std::uint64_t HostStage::take_write(HostEntry& leaf) {
  return change(leaf, [&](std::uint64_t word) { return word & ~write_bit(); });
}

std::uint64_t HostStage::relocate(HostEntry& leaf, Hpa to) {
  return change(leaf, [&](std::uint64_t word) { return with_frame(leaf, word, to); });
}

std::uint64_t HostStage::with_frame(const HostEntry& leaf, std::uint64_t word, Hpa to) const {
  const EntryView view{format(), leaf.level, word};
  return view.attributes() | to.value() | (leaf.level > 1 ? bit(x86::kPageSize) : 0);
}

Hpa HostStage::entry_address(Hpa table, unsigned level, Gpa address) const {
  return table + format().index(level, address.value()) * format().entry_bytes;
}

std::uint64_t HostStage::leaf(unsigned level, Hpa page) const {
  return make_leaf_entry(format(), level, page.value(),
                         {.user_execute = control().mode_based_execute});
}

std::uint64_t HostStage::table(unsigned level, Hpa table) const {
  return make_table_entry(format(), level, table.value(),
                          {.user_execute = control().mode_based_execute});
}

// ---- Frames ----

std::optional<Hpa> HostStage::take(unsigned bits, FrameUse use) {
  FrameAllocator<Hpa>& free = context_.frames.free;
  const std::optional<Hpa> frame = free.allocate(bits);
  if (!frame) {
    return std::nullopt;
  }
  if (frame->value() + bit(bits) > bit(reachable_bits(format(), control()))) {
    free.free(*frame, bits);
    return std::nullopt;
  }
  context_.frames.owners.set(*frame, bit(bits), {use, static_cast<std::uint32_t>(vm().id)});
  vm().resident_bytes += use == FrameUse::kGuestFrame ? bit(bits) : 0;
  return frame;
}

std::optional<Hpa> HostStage::allocate_table() {
  const std::optional<Hpa> table = take(kSmallPageBits, FrameUse::kHostTable);
  if (table) {
    ++vm().statistics.tables_allocated;
    spend(params().table_allocation_cycles);
    clear(*table, kSmallPageBits);
  }
  return table;
}

void HostStage::clear(Hpa block, unsigned bits) {
  port().spend(Cause::kHostFrameZeroing,
               std::uint64_t{params().clear_4k_cycles} << (bits - kSmallPageBits));
  port().clear(block, bits);
}

void HostStage::copy(Hpa from, Hpa to, unsigned bits) {
  spend(std::uint64_t{params().copy_4k_cycles} << (bits - kSmallPageBits));
  std::array<std::byte, std::size_t{1} << kSmallPageBits> content{};
  for (std::uint64_t done = 0; done < bit(bits); done += content.size()) {
    port().read_frame(from + done, content);
    port().write_frame(to + done, content);
  }
}

void HostStage::give_back(Hpa frame, unsigned bits) {
  const bool is_guest = context_.frames.owners.owner(frame).use != FrameUse::kHostTable;
  vm().resident_bytes -= is_guest ? bit(bits) : 0;
  context_.frames.owners.set(frame, bit(bits), {});
  context_.frames.free.free(frame, bits);
}

void HostStage::free_table(Hpa table) {
  ++statistics().tables_freed;
  give_back(table, kSmallPageBits);
}

void HostStage::free(std::span<const FrameBlock> frames) {
  for (const FrameBlock& frame : frames) {
    give_back(frame.base, frame.bits);
  }
}

// ---- Translations ----

void HostStage::flush(const FlushTargets& targets) {
  ++statistics().flushes;
  if (vm().is_shadowed()) {
    ShadowPager(port(), context_.machine, context_.frames, vm()).follow_host_stage();
    return;
  }
  Invalidation drop;
  if (format().rules == RuleSet::kEpt) {
    drop.op = InvalidateOp::kInveptSingle;
    drop.rules = TagRules::kIntel;
    drop.tags.ep4ta = Ep4ta{vm().root.value()};
  } else {
    drop.op = InvalidateOp::kTlbControlAsid;
    drop.rules = TagRules::kAmd;
    drop.tags.asid = Asid{vm().tag()};
  }
  for (const unsigned core : targets.cores) {
    port().invalidate(drop, core);
  }
}

}  // namespace nestwalk
