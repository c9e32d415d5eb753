// The life of processes: creation, fork, exec, exit, and which tables a CPU uses.
#include <algorithm>
#include <utility>

#include "model/guest/guest_kernel.h"
#include "model/guest/space_copier.h"
#include "model/guest/unmapper.h"

namespace nestwalk {
namespace {

constexpr std::uint16_t kMaxPcid = 4095;  // 12 bits

}  // namespace

std::optional<ProcessId> GuestKernel::create_process(CpuPort& port) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  std::optional<Process> process;
  if (!has_free_pcid() || !with_room(port, [&] {
        process = new_process(tables);
        return process.has_value();
      })) {
    return std::nullopt;
  }
  return add_process(std::move(*process));
}

bool GuestKernel::has_free_pcid() const {
  return !uses_pcid() || !free_pcids_.empty() || next_pcid_ <= kMaxPcid;
}

// With a root and a PCID, of which one is free, and not yet among the kernel's processes.
std::optional<Process> GuestKernel::new_process(TableEditor& tables) {
  const std::optional<Gpa> root = allocate_root(tables);
  if (!root) {
    return std::nullopt;
  }
  Process process;
  process.root = *root;
  if (uses_pcid() && free_pcids_.empty()) {
    process.pcid = Pcid{next_pcid_++};
  } else if (uses_pcid()) {
    process.pcid = free_pcids_.back();
    free_pcids_.pop_back();
  }
  return process;
}

ProcessId GuestKernel::add_process(Process process) {
  const ProcessId id{next_process_++};
  process.id = id;
  ++statistics_.processes_created;
  processes_.emplace(id, std::move(process));
  return id;
}

// The kernel half; and under PAE the tables of all PDPTEs, because a CPU takes in PDPTEs with CR3
// only and a later one would stay unseen (Linux preallocates them as well).
std::optional<Gpa> GuestKernel::allocate_root(TableEditor& tables) {
  const std::optional<Gpa> root = tables.allocate_table();
  if (!root) {
    return std::nullopt;
  }
  const TableRef at{*root, tables.format().levels};
  for (const RootEntry& kernel : kernel_half_.entries) {
    tables.store(at, kernel.address, kernel.entry);
  }
  if (tables.format().level[at.level].has_rights) {
    return root;
  }
  std::vector<Gpa> made;
  for (Gva address; address.value() < guest_layout(tables.format().id).user_end;
       address = address + bit(tables.format().page_bits(at.level))) {
    const std::optional<Gpa> table = tables.allocate_table();
    if (!table) {
      for (const Gpa other : made) {
        tables.free_table(other);
      }
      tables.free_table(*root);
      return std::nullopt;
    }
    made.push_back(*table);
    tables.store(at, address, tables.codec().table(at.level, *table, EntryCodec::Half::kUser));
  }
  return root;
}

std::optional<ProcessId> GuestKernel::fork(CpuPort& port, ProcessId parent_id) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  Process& parent = find(parent_id);
  std::optional<ProcessId> child;
  if (!has_free_pcid() || !with_room(port, [&] {
        child = try_fork(port, parent);
        return child.has_value();
      })) {
    return std::nullopt;
  }
  return child;
}

std::optional<ProcessId> GuestKernel::try_fork(CpuPort& port, Process& parent) {
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  std::optional<Process> child = new_process(tables);
  if (!child) {
    return std::nullopt;
  }
  child->regions = parent.regions;
  child->data_segment = parent.data_segment;
  SpaceCopier copier(tables, parent, child->root);
  const bool is_complete = copier.copy();
  if (copier.has_narrowed()) {
    drop_all(port, parent);
  }
  if (!is_complete) {
    free_space(tables, *child);
    free_pcid(*child);
    return std::nullopt;
  }
  ++statistics_.forks;
  return add_process(std::move(*child));
}

bool GuestKernel::exec(CpuPort& port, ProcessId id) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  std::optional<Gpa> root;
  if (!with_room(port, [&] {
        root = allocate_root(tables);
        return root.has_value();
      })) {
    return false;
  }
  Process& process = find(id);
  Process old = std::exchange(process, {});
  process.id = id;
  process.pcid = old.pcid;  // what is cached under it goes: here now, elsewhere at the next switch
  process.root = *root;
  const bool is_current = current(port.cpu()) == id;
  if (is_current) {
    process.flush_on_switch.erase(port.cpu());
    port.write_cr3({process.root, process.pcid, false});
  }
  leave_tables(port, id, cpus_of(id) - (is_current ? CpuSet::of(port.cpu()) : CpuSet()));
  free_space(tables, old);
  ++statistics_.execs;
  return true;
}

void GuestKernel::add_thread(ProcessId id) {
  ++find(id).num_threads;
}

bool GuestKernel::exit_thread(CpuPort& port, ProcessId id) {
  Process& process = find(id);
  if (process.num_threads == 1) {
    exit_process(port, id);
    return true;
  }
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  --process.num_threads;
  ++statistics_.threads_ended;
  return false;
}

void GuestKernel::exit_process(CpuPort& port, ProcessId id) {
  port.spend(Cause::kGuestSystemCall, machine_.params.process_creation_cycles);
  leave_tables(port, id, cpus_of(id));
  TableEditor tables = editor(port, Cause::kGuestSystemCall);
  Process& process = find(id);
  free_space(tables, process);
  free_pcid(process);
  ++statistics_.processes_ended;
  processes_.erase(id);
}

// These CPUs, which hold the tables of a process, go to the kernel's own root. Without PCIDs that
// drops all the process left behind; with them nobody runs under its PCID until flush_on_switch has
// dropped it.
void GuestKernel::leave_tables(CpuPort& port, ProcessId id, CpuSet cpus) {
  cpus.for_each([&](unsigned cpu) { set_current(cpu, std::nullopt); });
  idle_ = idle_ - cpus;
  find(id).flush_on_switch |= cpus;
  if (cpus.contains(port.cpu())) {
    port.write_cr3(boot_cr3());
  }
  const CpuSet others = cpus - CpuSet::of(port.cpu());
  if (!others.is_empty()) {
    ++statistics_.remote_flushes;
    statistics_.remote_cpus += others.size();
    port.write_cr3_remote(boot_cr3(), others);
  }
}

// Gives up all pages and tables of a process whose tables no CPU uses.
void GuestKernel::free_space(TableEditor& tables, Process& process) {
  Unmapper unmapper(tables, process);
  for (const GuestRegion& region : process.regions.list()) {
    for_each_batch(region.start, region.end(), [&](Gva start, Gva end) {
      process.regions.remove(start, end);
      unmapper.clear(start, end);
      unmapper.release();
    });
  }
  unmapper.release_root();
}

void GuestKernel::free_pcid(const Process& process) {
  if (uses_pcid()) {
    free_pcids_.push_back(process.pcid);
  }
}

void GuestKernel::switch_to(CpuPort& port, ProcessId id) {
  port.spend(Cause::kContextSwitch, machine_.params.context_switch_cycles);
  Process& process = find(id);
  const bool was_idle = idle_.contains(port.cpu());
  idle_.erase(port.cpu());
  if (current(port.cpu()) == id) {
    statistics_.lazy_returns += was_idle ? 1 : 0;
    if (was_idle && process.flush_on_switch.contains(port.cpu())) {
      process.flush_on_switch.erase(port.cpu());
      port.write_cr3({process.root, process.pcid, false});
    }
    return;
  }
  set_current(port.cpu(), id);
  const bool no_flush = uses_pcid() && !process.flush_on_switch.contains(port.cpu());
  process.flush_on_switch.erase(port.cpu());
  ++statistics_.context_switches;
  port.write_cr3({process.root, process.pcid, no_flush});
}

void GuestKernel::go_idle(CpuPort& port) {
  if (current(port.cpu())) {
    idle_.insert(port.cpu());
  }
}

}  // namespace nestwalk
