// Gives the mapped pages of a range other rights, at once and in the tables alone. A page that a
// fork left shared stays read-only: its first write is a fault that copies it.
//
//   Protector protector(tables, process.root);
//   protector.apply(start, end, rights);
//   ... INVLPG for each of protector.narrowed() ...
//
// Regions are the caller's, and so is making page boundaries of start and end.
#pragma once

#include <span>
#include <vector>

#include "model/guest/guest_region.h"
#include "model/guest/table_editor.h"

namespace nestwalk {

class Protector {
 public:
  Protector(TableEditor& tables, Gpa root) : tables_(tables), root_{root, tables.format().levels} {}

  void apply(Gva start, Gva end, GuestRegionRights rights) {
    apply_table(root_, start, end, rights);
  }

  // Pages that lost a right, which a CPU may still have cached.
  [[nodiscard]] std::span<const Gva> narrowed() const { return narrowed_; }

 private:
  void apply_table(TableRef at, Gva start, Gva end, GuestRegionRights rights);
  void apply_leaf(TableRef at, Gva address, GuestRegionRights rights);

  TableEditor& tables_;
  TableRef root_;
  std::vector<Gva> narrowed_;
};

}  // namespace nestwalk
