#include "model/guest/guest_kernel.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"
#include "model/guest/unmapper.h"

namespace nestwalk {
namespace {

constexpr std::uint16_t kMaxPcid = 4095;  // 12 bits

// Unmapping frees its frames in batches of this much address space, each with its own flush.
constexpr unsigned kUnmapBatchBits = 30;

// The highest level at which the kernel would put a page.
unsigned preferred_level(const GuestMachine& machine) {
  unsigned level = leaf_level(machine.params.page_size);
  while (!has_leaf_at(format_of(machine.params.format), level, machine.control)) {
    --level;
  }
  return level;
}

}  // namespace

GuestKernel::GuestKernel(const GuestMachine& machine, FrameAllocator<Gpa> frames)
    : machine_(machine), frames_(std::move(frames)) {
  fatal_unless(!find_problem(machine), "a guest kernel is given a machine without problems");
}

bool GuestKernel::boot(BootMemory& memory) {
  const std::optional<KernelHalf> half =
      build_direct_map(memory, frames_,
                       {machine_.params.format, machine_.control,
                        machine_.params.global_kernel_pages, machine_.memory_bytes});
  if (!half) {
    return false;
  }
  kernel_half_ = *half;
  statistics_.boot_tables = half->num_tables;
  return true;
}

PagingControl GuestKernel::paging_control() const {
  return {true, machine_.params.format, uses_pcid(), machine_.params.global_kernel_pages,
          machine_.control};
}

Cr3Value GuestKernel::boot_cr3() const {
  return {kernel_half_.root, Pcid{0}, false};
}

std::optional<ProcessId> GuestKernel::create_process(CpuPort& port) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  if (uses_pcid() && free_pcids_.empty() && next_pcid_ > kMaxPcid) {
    return std::nullopt;
  }
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  const std::optional<Gpa> root = tables.allocate_table();
  if (!root) {
    return std::nullopt;
  }
  if (!fill_root(tables, *root)) {
    tables.free_table(*root);
    return std::nullopt;
  }
  Process process;
  if (uses_pcid() && free_pcids_.empty()) {
    process.pcid = Pcid{next_pcid_++};
  } else if (uses_pcid()) {
    process.pcid = free_pcids_.back();
    free_pcids_.pop_back();
  }
  process.id = ProcessId{next_process_++};
  process.root = *root;
  ++statistics_.processes_created;
  processes_.emplace(process.id, process);
  return process.id;
}

// The kernel half; and under PAE the tables of all PDPTEs, because a CPU takes in PDPTEs with CR3
// only and a later one would stay unseen (Linux preallocates them as well).
bool GuestKernel::fill_root(TableEditor& tables, Gpa root) {
  const TableRef at{root, tables.format().levels};
  for (const RootEntry& kernel : kernel_half_.entries) {
    tables.store(at, kernel.address, kernel.entry);
  }
  if (tables.format().level[at.level].has_rights) {
    return true;
  }
  std::vector<Gpa> made;
  for (Gva address; address.value() < guest_layout(tables.format().id).user_end;
       address = address + bit(tables.format().page_bits(at.level))) {
    const std::optional<Gpa> table = tables.allocate_table();
    if (!table) {
      for (const Gpa other : made) {
        tables.free_table(other);
      }
      return false;
    }
    made.push_back(*table);
    tables.store(at, address, tables.codec().table(at.level, *table, EntryCodec::Half::kUser));
  }
  return true;
}

MapOutcome GuestKernel::map_region(CpuPort& port, ProcessId id, GuestRegion region) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  if (!is_user_range(region.start, region.length_bytes)) {
    return MapOutcome::kBadRange;
  }
  return find(id).regions.insert(std::move(region)) ? MapOutcome::kMapped : MapOutcome::kOverlap;
}

UnmapOutcome GuestKernel::unmap(CpuPort& port, ProcessId id, Gva start,
                                std::uint64_t length_bytes) {
  port.spend(Cause::kGuestSystemCall, machine_.params.region_cycles);
  if (!is_user_range(start, length_bytes)) {
    return UnmapOutcome::kBadRange;
  }
  Process& process = find(id);
  const Gva end = start + length_bytes;
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  Unmapper unmapper(tables, process, statistics_);
  if (!unmapper.split_at(start) || !unmapper.split_at(end)) {
    return UnmapOutcome::kOutOfMemory;
  }
  for (const GuestRegion& cut : process.regions.remove(start, end)) {
    Gva next;
    for (Gva at = cut.start; at < cut.end(); at = next) {
      next = std::min(cut.end(), at.page(kUnmapBatchBits) + bit(kUnmapBatchBits));
      unmapper.clear(at, next);
      flush(port, process, unmapper, at);
      unmapper.release();
    }
  }
  return UnmapOutcome::kUnmapped;
}

void GuestKernel::exit_process(CpuPort& port, ProcessId id) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  Process& process = find(id);
  if (current(port.cpu()) == id) {
    set_current(port.cpu(), std::nullopt);
    port.write_cr3(boot_cr3());  // without PCIDs this drops all the process left behind
  }
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  Unmapper unmapper(tables, process, statistics_);
  for (const GuestRegion& region : process.regions.list()) {
    process.regions.remove(region.start, region.end());
    Gva next;
    for (Gva at = region.start; at < region.end(); at = next) {
      next = std::min(region.end(), at.page(kUnmapBatchBits) + bit(kUnmapBatchBits));
      unmapper.clear(at, next);
      unmapper.release();  // nobody runs under this PCID until flush_on_switch has dropped it
    }
  }
  unmapper.release_root();
  if (uses_pcid()) {
    free_pcids_.push_back(process.pcid);
  }
  ++statistics_.processes_ended;
  processes_.erase(id);
}

void GuestKernel::switch_to(CpuPort& port, ProcessId id) {
  port.spend(Cause::kContextSwitch, machine_.params.context_switch_cycles);
  if (current(port.cpu()) == id) {
    return;
  }
  Process& process = find(id);
  set_current(port.cpu(), id);
  const bool no_flush = uses_pcid() && !process.flush_on_switch;
  process.flush_on_switch = false;
  ++statistics_.context_switches;
  port.write_cr3({process.root, process.pcid, no_flush});
}

FaultOutcome GuestKernel::handle_page_fault(CpuPort& port, ProcessId id, const GuestFault& fault) {
  fatal_unless((fault.error_code & bit(x86::error_code::kReserved)) == 0,
               "the guest kernel writes no entry with a reserved bit");
  port.spend(Cause::kGuestPageFault, machine_.params.fault_cycles);
  ++statistics_.faults;
  const GuestRegion* region = find(id).regions.find_for_fault(fault.address);
  if (region == nullptr || !region->rights.permits(fault.type)) {
    ++(region == nullptr ? statistics_.segfaults_no_region : statistics_.segfaults_rights);
    return FaultOutcome::kSegfault;
  }
  TableEditor tables = editor(port, Cause::kGuestPageFault);
  TableRef at{find(id).root, tables.format().levels};
  for (;;) {
    std::uint64_t entry = tables.load(at, fault.address);
    if (!EntryCodec::is_present(entry)) {
      if (page_fits(*region, fault.address, at.level) && map_page(tables, at, *region, fault)) {
        return FaultOutcome::kMapped;
      }
      const std::optional<Gpa> table =
          at.level > 1 ? tables.allocate_table() : std::optional<Gpa>();
      if (!table) {
        ++statistics_.out_of_memory;
        return FaultOutcome::kOutOfMemory;
      }
      entry = tables.codec().table(at.level, *table, EntryCodec::Half::kUser);
      tables.store(at, fault.address, entry);
    } else if (tables.codec().is_leaf(at.level, entry)) {
      fatal_unless(tables.codec().permits(entry, fault.type),
                   "a mapped page has the rights of its region");
      ++statistics_.faults_spurious;
      invalidate_page(port, fault.address);
      return FaultOutcome::kSpurious;
    }
    at = {EntryCodec::next_table(entry), at.level - 1};
  }
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

void GuestKernel::flush(CpuPort& port, Process& process, const Unmapper& unmapper, Gva start) {
  if (unmapper.pages().empty() && !unmapper.has_cleared_tables()) {
    return;
  }
  if (current(port.cpu()) != process.id) {
    process.flush_on_switch = true;  // without PCIDs every switch flushes
    return;
  }
  if (unmapper.pages().size() > machine_.params.max_single_invalidations) {
    ++statistics_.full_flushes;
    port.write_cr3({process.root, process.pcid, false});
    return;
  }
  if (unmapper.pages().empty()) {
    invalidate_page(port, start);  // tables went: any INVLPG drops what is cached of them
  }
  for (const Unmapper::Page& page : unmapper.pages()) {
    invalidate_page(port, page.address);
  }
}

void GuestKernel::invalidate_page(CpuPort& port, Gva address) {
  ++statistics_.single_invalidations;
  Invalidation invalidation;
  invalidation.op = InvalidateOp::kInvlpg;
  invalidation.address = address;
  port.invalidate(invalidation);
}

std::optional<ProcessId> GuestKernel::current(unsigned cpu) const {
  return cpu < current_.size() ? current_[cpu] : std::nullopt;
}

void GuestKernel::set_current(unsigned cpu, std::optional<ProcessId> process) {
  if (cpu >= current_.size()) {
    current_.resize(cpu + 1);
  }
  current_[cpu] = process;
}

const Process& GuestKernel::process(ProcessId id) const {
  const auto it = processes_.find(id);
  fatal_unless(it != processes_.end(), "a process is used between its creation and its end");
  return it->second;
}

Process& GuestKernel::find(ProcessId id) {
  return const_cast<Process&>(process(id));
}

TableEditor GuestKernel::editor(CpuPort& port, Cause cause) {
  return {port, cause, machine_, frames_, statistics_};
}

bool GuestKernel::uses_pcid() const {
  return machine_.params.pcid && format_of(machine_.params.format).sign_extended;
}

bool GuestKernel::is_user_range(Gva start, std::uint64_t length_bytes) const {
  const std::uint64_t user_end = guest_layout(machine_.params.format).user_end;
  return start.offset(kSmallPageBits) == 0 && Gva(length_bytes).offset(kSmallPageBits) == 0 &&
         length_bytes != 0 && length_bytes <= user_end && start.value() <= user_end - length_bytes;
}

}  // namespace nestwalk
