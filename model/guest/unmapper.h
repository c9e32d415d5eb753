// Takes pages of one process out of its tables. The caller drops cached translations between
// clear() and release(): a frame must not be reused while a CPU may still reach it.
//
//   Unmapper unmapper(tables, process, statistics);
//   unmapper.clear(start, end);
//   ... INVLPG for each of unmapper.pages() ...
//   unmapper.release();
//
// Regions must be gone from the process already: tables that serve none of the others go too.
#pragma once

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

  Unmapper(TableEditor& tables, const Process& process, GuestStatistics& statistics)
      : tables_(tables), process_(process), statistics_(statistics) {}

  // Makes a page boundary of the address, by splitting large pages. False if a frame is missing.
  [[nodiscard]] bool split_at(Gva address);

  // Clears all entries of pages in [start, end), which are page boundaries.
  void clear(Gva start, Gva end);
  [[nodiscard]] const std::vector<Page>& pages() const { return pages_; }
  [[nodiscard]] bool has_cleared_tables() const { return !cleared_tables_.empty(); }

  // Frees the frames of cleared pages and tables.
  void release();

  // Frees what is left of an empty address space: the root and tables that stay with it.
  void release_root();

 private:
  [[nodiscard]] TableRef root() const { return {process_.root, tables_.format().levels}; }
  [[nodiscard]] bool split_leaf(TableRef at, Gva address);
  void clear_table(TableRef at, Gva start, Gva end);

  TableEditor& tables_;
  const Process& process_;
  GuestStatistics& statistics_;
  std::vector<Page> pages_;
  std::vector<Gpa> cleared_tables_;
};

}  // namespace nestwalk
