// Copies the page tables of a process for its child. Both then share every data page, and none may
// write one: the first write of either is a fault that copies it. A large page is shared as it is.
//
//   SpaceCopier copier(tables, parent, child.root);
//   const bool is_complete = copier.copy();
//   if (copier.has_narrowed()) ...  // drop what is cached of the parent, complete or not
//
// Every region is private memory: a mapping that is to stay shared is not modelled.
#pragma once

#include "model/guest/process.h"
#include "model/guest/table_editor.h"

namespace nestwalk {

class SpaceCopier {
 public:
  SpaceCopier(TableEditor& tables, const Process& parent, Gpa child_root)
      : tables_(tables), parent_(parent), child_root_(child_root) {}

  // False if a frame for a table is missing; what the child has by then is in its tables.
  [[nodiscard]] bool copy();
  // Whether a page of the parent lost the right to be written.
  [[nodiscard]] bool has_narrowed() const { return has_narrowed_; }

 private:
  // The same entries of a table of the parent and of the child.
  struct Pair {
    TableRef parent;
    TableRef child;
  };
  [[nodiscard]] bool copy_table(const Pair& at, Gva start, Gva end);
  void share_leaf(const Pair& at, Gva address);
  // The child's table below an entry, made if there is none.
  [[nodiscard]] std::optional<Gpa> child_table(TableRef at, Gva address);

  TableEditor& tables_;
  const Process& parent_;
  Gpa child_root_;
  bool has_narrowed_ = false;
};

}  // namespace nestwalk
