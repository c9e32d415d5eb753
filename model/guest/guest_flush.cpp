// What CPUs have cached of a process, dropped wherever it may be used: at once where its tables are
// loaded, at the next switch to it elsewhere (as Linux: mm_cpumask, and a generation per CPU).
#include "model/guest/guest_kernel.h"
#include "model/guest/unmapper.h"

namespace nestwalk {
namespace {

Invalidation invlpg(const Process& process, Gva page) {
  Invalidation operation;
  operation.op = InvalidateOp::kInvlpg;
  operation.address = page;
  operation.tags.pcid = process.pcid;
  return operation;
}

}  // namespace

void GuestKernel::drop_pages(CpuPort& port, Process& process, std::span<const Gva> pages,
                             TablesAre tables) {
  if (pages.empty()) {
    return;
  }
  if (pages.size() > machine_.params.max_single_invalidations) {
    drop_all(port, process, tables);
    return;
  }
  std::vector<Invalidation> operations;
  operations.reserve(pages.size());
  for (const Gva page : pages) {
    operations.push_back(invlpg(process, page));
  }
  drop_remote(port, process, operations, tables);
  if (current(port.cpu()) == process.id) {
    for (const Gva page : pages) {
      invalidate_page(port, process, page);
    }
  }
}

void GuestKernel::invalidate_page(CpuPort& port, const Process& process, Gva page) {
  ++statistics_.single_invalidations;
  port.invalidate(invlpg(process, page));
}

void GuestKernel::drop_all(CpuPort& port, Process& process, TablesAre tables) {
  Invalidation operation;
  operation.op = InvalidateOp::kMovCr3;
  operation.tags.pcid = process.pcid;
  drop_remote(port, process, {&operation, 1}, tables);
  if (current(port.cpu()) == process.id) {
    ++statistics_.full_flushes;
    port.write_cr3({process.root, process.pcid, false});
  }
}

// On all CPUs but this one; and here as well if another process is current. One that is idle makes
// no access: it flushes when it comes back. But its walker may be under way in a table.
void GuestKernel::drop_remote(CpuPort& port, Process& process,
                              std::span<const Invalidation> operations, TablesAre tables) {
  CpuSet users = cpus_of(process.id);
  if (tables == TablesAre::kKept) {
    users = users - (idle_ - CpuSet::of(port.cpu()));
  }
  process.flush_on_switch |= CpuSet::all() - users;  // without PCIDs every switch drops all
  const CpuSet targets = users - CpuSet::of(port.cpu());
  if (!targets.is_empty()) {
    ++statistics_.remote_flushes;
    statistics_.remote_cpus += targets.size();
    port.invalidate_remote(operations, targets);
  }
}

void GuestKernel::drop_unmapped(CpuPort& port, Process& process, const Unmapper& unmapper,
                                Gva start) {
  std::vector<Gva> pages;
  pages.reserve(unmapper.pages().size());
  for (const Unmapper::Page& page : unmapper.pages()) {
    pages.push_back(page.address);
  }
  if (pages.empty() && unmapper.has_cleared_tables()) {
    pages.push_back(start);  // any INVLPG drops what is cached of tables
  }
  drop_pages(port, process, pages,
             unmapper.has_cleared_tables() ? TablesAre::kFreed : TablesAre::kKept);
}

}  // namespace nestwalk
