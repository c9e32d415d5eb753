// Dirty logging of a range of guest memory: begins a log, reads and clears it, ends it.
//
//   DirtyLogger logger({port, machine, frames, vm}, targets);
//   logger.start(Gpa{0}, end);
//   ... the guest runs ...
//   const PageSet written = logger.harvest();   // since the start, or the last harvest
//   ... copy the pages now ...
//   logger.stop();
//
// Write protection: an entry that may be written has its pages in the log, an entry of other pages
// is read-only; the first write faults, is logged, and the entry is writable again. Dirty bits: the
// MMU sets D, harvests look for it. By either method a write is in the harvest that follows it: a
// harvest takes the record first, then protects (or clears D), then flushes, so that a write that
// still went through an old translation is to a page that this very harvest returns, and is made
// before that returns. Whoever copies the pages afterwards has it.
#pragma once

#include "model/hypervisor/host_stage.h"

namespace nestwalk {

class DirtyLogger {
 public:
  DirtyLogger(const HostContext& context, const FlushTargets& targets)
      : stage_(context, Cause::kDirtyLog), targets_(targets) {}

  // By the VM's parameters; [start, end) in whole small pages. A log that is on ends first.
  void start(Gpa start, Gpa end);
  // Pages of 4 KiB. None while no log is on.
  [[nodiscard]] PageSet harvest();
  // Rights that the log took are given back, which needs no flush; pages stay small (StageMerger).
  void stop();
  // D bits so far go to the log, and write protection takes their place: before the VM comes under
  // shadow paging.
  void protect_instead();

 private:
  [[nodiscard]] DirtyLog& log() { return *stage_.vm().dirty_log; }
  // Each says whether an entry has changed.
  [[nodiscard]] bool protect_range();
  [[nodiscard]] bool protect_pages(const PageSet& pages);
  [[nodiscard]] bool protect(HostEntry& leaf);
  [[nodiscard]] bool take_dirty_bits(PageSet& pages);

  HostStage stage_;
  const FlushTargets& targets_;
};

}  // namespace nestwalk
