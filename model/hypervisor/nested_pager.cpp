#include "model/hypervisor/nested_pager.h"

#include <algorithm>

#include "model/memory/entry_builder.h"

namespace nestwalk {
namespace {

// Host frames of small formats must lie where their entries (and nCR3) can point to.
unsigned reachable_bits(const PagingFormat& format, const Control& control) {
  return format.input_bits == 32 ? 32 : control.maxphyaddr;
}

}  // namespace

std::optional<Hpa> NestedPager::allocate_table() {
  const std::optional<Hpa> table = take(kSmallPageBits, FrameUse::kHostTable);
  if (table) {
    ++vm_.statistics.tables_allocated;
    port_.spend(cause_, machine_.params.table_allocation_cycles);
    clear(*table, kSmallPageBits);
  }
  return table;
}

BackOutcome NestedPager::back(Gpa address) {
  const Slot slot = find(address);
  return slot.is_leaf ? raise_rights(slot) : fill(address, slot);
}

NestedPager::Slot NestedPager::find(Gpa address) {
  const PagingFormat& format = vm_.format();
  Hpa table = vm_.root;
  for (unsigned level = format.levels;; --level) {
    Slot slot{entry_address(table, level, address), 0, level, false};
    ++vm_.statistics.table_reads;
    slot.entry = port_.load(slot.entry_address, format.entry_bytes);
    const EntryView view{format, level, slot.entry};
    slot.is_leaf = view.is_leaf();
    if (!view.is_table()) {
      return slot;
    }
    table = Hpa(view.address());
  }
}

// The MMU may set A or D at any time, hence the compare and swap.
BackOutcome NestedPager::raise_rights(Slot slot) {
  const unsigned bytes = vm_.format().entry_bytes;
  for (;;) {
    const EntryView view{vm_.format(), slot.level, slot.entry};
    const std::uint64_t all = leaf(slot.level, Hpa(view.address()));
    const std::uint64_t denial =  // bit 63 of an EPT entry suppresses #VE instead
        vm_.format().rules == RuleSet::kX86 ? bit(x86::kNoExecute) : 0;
    const std::uint64_t wanted = (slot.entry | all) & ~denial;
    if (wanted == slot.entry) {
      return BackOutcome::kUnchanged;
    }
    ++vm_.statistics.table_writes;
    if (port_.compare_and_swap(slot.entry_address, {bytes, slot.entry, wanted})) {
      return BackOutcome::kRightsRaised;
    }
    ++vm_.statistics.table_reads;
    slot.entry = port_.load(slot.entry_address, bytes);
  }
}

BackOutcome NestedPager::fill(Gpa address, const Slot& slot) {
  const PagingFormat& format = vm_.format();
  unsigned level = std::min(slot.level, preferred_level());
  std::optional<Hpa> page;
  for (;; --level) {
    if (page_fits(address, level)) {
      page = take(format.page_bits(level), FrameUse::kGuestFrame);
    }
    if (page || level == 1) {
      break;
    }
  }
  if (!page) {
    return BackOutcome::kOutOfMemory;
  }
  std::array<Hpa, kMaxLevels + 1> tables{};  // by the level of their entries
  for (unsigned made = level; made < slot.level; ++made) {
    const std::optional<Hpa> table = allocate_table();
    if (!table) {
      while (made-- > level) {
        --vm_.statistics.tables_allocated;
        give_back(tables[made], kSmallPageBits);
      }
      give_back(*page, format.page_bits(level));
      return BackOutcome::kOutOfMemory;
    }
    tables[made] = *table;
  }
  port_.spend(cause_, machine_.params.frame_allocation_cycles);
  clear(*page, format.page_bits(level));
  std::uint64_t entry = leaf(level, *page);
  for (unsigned at = level; at < slot.level; ++at) {
    store(entry_address(tables[at], at, address), entry);
    entry = table(at + 1, tables[at]);
  }
  store(slot.entry_address, entry);
  ++vm_.statistics.pages_backed[level - 1];
  if (level < preferred_level()) {
    ++vm_.statistics.backing_fallbacks;
  }
  return BackOutcome::kBacked;
}

bool NestedPager::page_fits(Gpa address, unsigned level) const {
  if (!vm_.format().level[level].can_be_leaf) {
    return false;
  }
  const unsigned bits = vm_.format().page_bits(level);
  return address.page(bits).value() + bit(bits) <= vm_.params.memory_bytes;
}

unsigned NestedPager::preferred_level() const {
  unsigned level = std::min<unsigned>(leaf_level(vm_.params.backing), vm_.format().levels);
  while (!vm_.format().level[level].can_be_leaf || (level == 3 && !machine_.control.page_1g)) {
    --level;
  }
  return level;
}

std::optional<Hpa> NestedPager::take(unsigned bits, FrameUse use) {
  const std::optional<Hpa> frame = frames_.free.allocate(bits);
  if (!frame) {
    return std::nullopt;
  }
  const std::uint64_t end = bit(reachable_bits(vm_.format(), machine_.control));
  if (frame->value() + bit(bits) > end) {
    frames_.free.free(*frame, bits);
    return std::nullopt;
  }
  frames_.owners.set(*frame, bit(bits), {use, static_cast<std::uint32_t>(vm_.id)});
  return frame;
}

void NestedPager::give_back(Hpa frame, unsigned bits) {
  frames_.owners.set(frame, bit(bits), {});
  frames_.free.free(frame, bits);
}

void NestedPager::clear(Hpa block, unsigned bits) {
  port_.spend(Cause::kHostFrameZeroing,
              std::uint64_t{machine_.params.clear_4k_cycles} << (bits - kSmallPageBits));
  port_.clear(block, bits);
}

Hpa NestedPager::entry_address(Hpa table, unsigned level, Gpa address) const {
  return table + vm_.format().index(level, address.value()) * vm_.format().entry_bytes;
}

std::uint64_t NestedPager::leaf(unsigned level, Hpa page) const {
  return make_leaf_entry(vm_.format(), level, page.value(),
                         {.user_execute = machine_.control.mode_based_execute});
}

std::uint64_t NestedPager::table(unsigned level, Hpa table) const {
  return make_table_entry(vm_.format(), level, table.value(),
                          {.user_execute = machine_.control.mode_based_execute});
}

void NestedPager::store(Hpa entry_address, std::uint64_t entry) {
  ++vm_.statistics.table_writes;
  port_.store(entry_address, vm_.format().entry_bytes, entry);
}

}  // namespace nestwalk
