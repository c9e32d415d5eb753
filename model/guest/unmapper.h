// Takes pages of one process out of its tables. The caller drops cached translations between
// clear() and release(): a frame must not be reused while a CPU may still reach it.
//
//   Unmapper unmapper(tables, process);
//   unmapper.clear(start, end);
//   ... INVLPG for each of unmapper.pages() ...
//   unmapper.release();
//
// What is cleared must be gone from the process's regions already, and nothing else: tables that
// serve none of those left go too.
#pragma once

#include <algorithm>
#include <vector>

#include "model/guest/process.h"
#include "model/guest/table_editor.h"

namespace nestwalk {

class Unmapper {
 public:
  struct Page {
    Gva address;
    Gpa frame;
    unsigned level = 1;
  };

  Unmapper(TableEditor& tables, const Process& process) : tables_(tables), process_(process) {}

  // Clears all entries of pages in [start, end), which are page boundaries.
  void clear(Gva start, Gva end);
  [[nodiscard]] const std::vector<Page>& pages() const { return pages_; }
  [[nodiscard]] bool has_cleared_tables() const { return !cleared_tables_.empty(); }

  // Gives up the frames of cleared pages, and frees the cleared tables.
  void release();

  // Frees what is left of an empty address space: the root and tables that stay with it.
  void release_root();

 private:
  [[nodiscard]] TableRef root() const { return {process_.root, tables_.format().levels}; }
  void clear_table(TableRef at, Gva start, Gva end);

  TableEditor& tables_;
  const Process& process_;
  std::vector<Page> pages_;
  std::vector<Gpa> cleared_tables_;
};

// Calls visit(Gva start, Gva end) for the parts in which a long range is unmapped: 1 GiB each, with
// a flush of its own, so that frames come free on the way.
template <class Visit>
void for_each_batch(Gva start, Gva end, Visit&& visit) {
  constexpr unsigned kBatchBits = 30;
  Gva next;
  for (Gva at = start; at < end; at = next) {
    next = std::min(end, at.page(kBatchBits) + bit(kBatchBits));
    visit(at, next);
  }
}

}  // namespace nestwalk
