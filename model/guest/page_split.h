// Splits large pages into those of the next smaller size, with the same frames, rights and A and D
// bits. What is cached of the large page stays true; it goes with what is cached of its parts,
// because INVLPG drops whatever page covers the address.
//
//   if (!make_page_boundary(tables, process.root, start)) ...  // no frame for a table
//
// Says nothing about why: partly unmapped, partly protected, partly written after a fork.
#pragma once

#include "model/arch/address.h"
#include "model/guest/table_editor.h"

namespace nestwalk {

// Splits one leaf above level 1. False, and nothing changed, if a frame is missing.
[[nodiscard]] bool split_leaf(TableEditor& tables, TableRef at, Gva address);

// Splits the page around an address until a page begins there. False if a frame is missing.
[[nodiscard]] bool make_page_boundary(TableEditor& tables, Gpa root, Gva address);

}  // namespace nestwalk
