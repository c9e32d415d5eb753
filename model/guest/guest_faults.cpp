// Page faults: demand paging and copy-on-write.
#include "model/arch/check.h"
#include "model/guest/guest_kernel.h"
#include "model/guest/page_split.h"

namespace nestwalk {
namespace {

// The highest level at which the kernel would put a page.
unsigned preferred_level(const GuestMachine& machine) {
  unsigned level = leaf_level(machine.params.page_size);
  while (!has_leaf_at(format_of(machine.params.format), level, machine.control)) {
    --level;
  }
  return level;
}

}  // namespace

FaultOutcome GuestKernel::handle_page_fault(CpuPort& port, ProcessId id, const GuestFault& fault) {
  fatal_unless((fault.error_code & bit(x86::error_code::kReserved)) == 0,
               "the guest kernel writes no entry with a reserved bit");
  port.spend(Cause::kGuestPageFault, machine_.params.fault_cycles);
  ++statistics_.faults;
  keep_watermarks(port);
  Process& process = find(id);
  const GuestRegion* region = process.regions.find_for_fault(fault.address);
  if (region == nullptr || !region->rights.permits(fault.type)) {
    ++(region == nullptr ? statistics_.segfaults_no_region : statistics_.segfaults_rights);
    return FaultOutcome::kSegfault;
  }
  FaultOutcome outcome = FaultOutcome::kOutOfMemory;
  if (!with_room(port, [&] {
        outcome = serve_fault(port, process, *region, fault);
        return outcome != FaultOutcome::kOutOfMemory;
      })) {
    ++statistics_.out_of_memory;
  }
  collapse_if_due(port);
  return outcome;
}

// Tables that it has made stay when a frame for the page is missing.
FaultOutcome GuestKernel::serve_fault(CpuPort& port, Process& process, const GuestRegion& region,
                                      const GuestFault& fault) {
  TableEditor tables = editor(port, Cause::kGuestPageFault);
  TableRef at{process.root, tables.format().levels};
  for (;;) {
    std::uint64_t entry = tables.load(at, fault.address);
    if (EntryCodec::is_empty(entry)) {
      if (page_fits(region, fault.address, at.level) && map_page(tables, at, region, fault)) {
        return FaultOutcome::kMapped;
      }
      const std::optional<Gpa> table =
          at.level > 1 ? tables.allocate_table() : std::optional<Gpa>();
      if (!table) {
        return FaultOutcome::kOutOfMemory;
      }
      entry = tables.codec().table(at.level, *table, EntryCodec::Half::kUser);
      tables.store(at, fault.address, entry);
    } else if (EntryCodec::is_swapped(entry)) {
      return swap_in(tables, at, region, fault) ? FaultOutcome::kMapped
                                                : FaultOutcome::kOutOfMemory;
    } else if (tables.codec().is_leaf(at.level, entry)) {
      if (!tables.codec().permits(entry, fault.type)) {
        return write_read_only(port, process, at, fault);
      }
      ++statistics_.faults_spurious;
      invalidate_page(port, process, fault.address);
      return FaultOutcome::kSpurious;
    }
    at = {EntryCodec::next_table(entry), at.level - 1};
  }
}

// The slot stays the page's copy until it is written.
bool GuestKernel::swap_in(TableEditor& tables, TableRef at, const GuestRegion& region,
                          const GuestFault& fault) {
  const std::optional<Gpa> page = tables.allocate_uncleared(kSmallPageBits);
  if (!page) {
    return false;
  }
  const SwapSlot slot = EntryCodec::swap_slot(tables.load(at, fault.address));
  ++statistics_.swap_reads;
  tables.spend(machine_.params.reclaim.read_cycles);
  tables.write(*page, tables.swap().content(slot));
  const std::uint64_t preset = preset_bits(fault.type);
  const bool is_dirty = (preset & bit(x86::kDirty)) != 0;
  tables.store(at, fault.address,
               tables.codec().leaf(at.level, *page,
                                   {.write = region.rights.write,
                                    .user = true,
                                    .execute = region.rights.execute,
                                    .accessed = (preset & bit(x86::kAccessed)) != 0,
                                    .dirty = is_dirty}));
  if (!is_dirty) {
    tables.swap().remember(*page, slot);
  }
  tables.swap().release(slot);
  return true;
}

bool GuestKernel::page_fits(const GuestRegion& region, Gva address, unsigned level) const {
  if (level > preferred_level(machine_) ||
      !has_leaf_at(format_of(machine_.params.format), level, machine_.control)) {
    return false;
  }
  const unsigned bits = format_of(machine_.params.format).page_bits(level);
  return address.page(bits) >= region.start && address.page(bits) + bit(bits) <= region.end();
}

// Nothing cached has to be dropped: what was not present is never cached (SDM vol. 3, 4.10.4.3).
bool GuestKernel::map_page(TableEditor& tables, TableRef at, const GuestRegion& region,
                           const GuestFault& fault) {
  const std::optional<Gpa> page = tables.allocate_page(tables.format().page_bits(at.level));
  if (!page) {
    return false;
  }
  const bool preset = machine_.params.preset_accessed_dirty;
  tables.store(at, fault.address,
               tables.codec().leaf(at.level, *page,
                                   {.write = region.rights.write,
                                    .user = true,
                                    .execute = region.rights.execute,
                                    .accessed = preset,
                                    .dirty = preset && fault.type == AccessType::kWrite}));
  ++statistics_.pages_mapped[at.level - 1];
  if (at.level < preferred_level(machine_)) {
    ++statistics_.page_size_fallbacks;
  }
  return true;
}

// A region may be written and its page is not writable: a fork made it so. Of a large page only the
// 4K page that is written gets a copy, as Linux does; what nobody else holds any more is writable
// again as it is.
FaultOutcome GuestKernel::write_read_only(CpuPort& port, Process& process, TableRef at,
                                          const GuestFault& fault) {
  fatal_unless(fault.type == AccessType::kWrite, "a mapped page has the rights of its region");
  TableEditor tables = editor(port, Cause::kGuestPageFault);
  const EntryCodec& codec = tables.codec();
  for (;;) {
    const std::uint64_t entry = tables.load(at, fault.address);
    fatal_unless(EntryCodec::is_present(entry), "a page that may be written is present");
    if (!codec.is_leaf(at.level, entry)) {
      at = {EntryCodec::next_table(entry), at.level - 1};
      continue;
    }
    if (!tables.is_shared(codec.page(at.level, entry), tables.format().page_bits(at.level))) {
      // Nothing to drop: a cached entry that does not permit the write is not used for it.
      const std::uint64_t writable = entry | bit(x86::kWrite) | preset_bits(fault.type);
      if (tables.replace(at, fault.address, {codec.bytes(), entry, writable})) {
        ++statistics_.cow_faults;
        return FaultOutcome::kMapped;
      }
      continue;  // the MMU has set A or D meanwhile
    }
    const bool has_room = at.level > 1 ? split_leaf(tables, at, fault.address)
                                       : copy_page(port, process, at, fault.address);
    if (!has_room) {
      return FaultOutcome::kOutOfMemory;
    }
    if (at.level == 1) {
      ++statistics_.cow_faults;
      return FaultOutcome::kMapped;
    }
  }
}

// Puts a copy in place of a shared 4K page. The old page is out of reach on every CPU before the
// new one is within it: two threads must not see different pages there.
bool GuestKernel::copy_page(CpuPort& port, Process& process, TableRef at, Gva address) {
  TableEditor tables = editor(port, Cause::kGuestPageFault);
  std::uint64_t entry = tables.load(at, address);
  const Gpa shared = tables.codec().page(at.level, entry);
  const std::optional<Gpa> copy = tables.allocate_copy(shared);
  if (!copy) {
    return false;
  }
  while (!tables.replace(at, address, {tables.codec().bytes(), entry, 0})) {
    entry = tables.load(at, address);  // the MMU has set A meanwhile
  }
  const Gva page = address.page(kSmallPageBits);
  drop_pages(port, process, {&page, 1});
  const std::uint64_t kept = entry & ~(shared.value() | bit(x86::kAccessed) | bit(x86::kDirty));
  tables.store(at, address,
               kept | copy->value() | bit(x86::kWrite) | preset_bits(AccessType::kWrite));
  tables.release_page(shared, kSmallPageBits);
  ++statistics_.cow_copies;
  return true;
}

// The A and D bits that the kernel sets itself in an entry for an access.
std::uint64_t GuestKernel::preset_bits(AccessType type) const {
  if (!machine_.params.preset_accessed_dirty) {
    return 0;
  }
  return bit(x86::kAccessed) | (type == AccessType::kWrite ? bit(x86::kDirty) : 0);
}

}  // namespace nestwalk
