#include "model/hypervisor/dirty_logger.h"

#include <utility>

#include "model/hypervisor/stage_split.h"

namespace nestwalk {

void DirtyLogger::start(Gpa start, Gpa end) {
  stop();
  Vm& vm = stage_.vm();
  DirtyLog log;
  log.method = vm.has_accessed_dirty() ? vm.params.dirty_log_method : DirtyLogMethod::kWriteProtect;
  log.splits_pages = vm.params.dirty_log_splits_pages;
  log.start = stage_.clip(start);
  log.end = stage_.clip(end);
  vm.dirty_log = std::move(log);
  ++stage_.statistics().logs_started;
  bool has_changed = false;
  if (this->log().splits_pages) {
    has_changed = split_range(stage_, this->log().start, this->log().end).num_split != 0;
  }
  PageSet written_before;
  has_changed |= this->log().method == DirtyLogMethod::kWriteProtect
                     ? protect_range()
                     : take_dirty_bits(written_before);
  if (has_changed) {
    stage_.flush(targets_);
  }
}

bool DirtyLogger::protect_range() {
  bool has_changed = false;
  stage_.for_each_leaf(log().start, log().end,
                       [&](HostEntry& leaf) { has_changed |= protect(leaf); });
  return has_changed;
}

bool DirtyLogger::protect(HostEntry& leaf) {
  if (!stage_.view(leaf).is_writable()) {
    return false;
  }
  stage_.take_write(leaf);
  stage_.spend(stage_.params().page_update_cycles);
  ++stage_.statistics().log_pages_protected;
  return true;
}

PageSet DirtyLogger::harvest() {
  if (!stage_.vm().dirty_log) {
    return {};
  }
  PageSet pages = std::exchange(log().dirty, {});
  const bool has_changed =
      log().method == DirtyLogMethod::kWriteProtect ? protect_pages(pages) : take_dirty_bits(pages);
  if (has_changed) {
    stage_.flush(targets_);
  }
  ++stage_.statistics().logs_harvested;
  stage_.statistics().log_pages_harvested += pages.size();
  return pages;
}

bool DirtyLogger::protect_pages(const PageSet& pages) {
  bool has_changed = false;
  Gpa next;  // behind the last leaf: a large one has many pages in the log
  pages.for_each([&](Gpa page) {
    if (page < next) {
      return;
    }
    HostEntry leaf = stage_.find(page);
    next = leaf.start + bit(stage_.page_bits(leaf));
    has_changed |= stage_.view(leaf).is_leaf() && protect(leaf);
  });
  return has_changed;
}

bool DirtyLogger::take_dirty_bits(PageSet& pages) {
  bool has_changed = false;
  stage_.for_each_leaf(log().start, log().end, [&](HostEntry& leaf) {
    if (!stage_.view(leaf).is_dirty()) {
      return;
    }
    stage_.change(leaf, [&](std::uint64_t word) { return word & ~stage_.dirty_bit(); });
    stage_.spend(stage_.params().page_update_cycles);
    ++stage_.statistics().log_dirty_bits_cleared;
    has_changed = true;
    log().mark_in(pages, leaf.start, stage_.page_bits(leaf));
  });
  return has_changed;
}

void DirtyLogger::protect_instead() {
  static_cast<void>(take_dirty_bits(log().dirty));
  log().method = DirtyLogMethod::kWriteProtect;
  static_cast<void>(protect_range());
  stage_.flush(targets_);
}

void DirtyLogger::stop() {
  Vm& vm = stage_.vm();
  if (!vm.dirty_log) {
    return;
  }
  if (log().method == DirtyLogMethod::kWriteProtect) {
    stage_.for_each_leaf(log().start, log().end, [&](HostEntry& leaf) {
      if (!stage_.view(leaf).is_writable()) {
        stage_.change(leaf, [&](std::uint64_t word) { return word | stage_.write_bit(); });
        stage_.spend(stage_.params().page_update_cycles);
      }
    });
  }
  vm.dirty_log.reset();
}

}  // namespace nestwalk
