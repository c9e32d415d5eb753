#include "model/guest/table_editor.h"

namespace nestwalk {

std::uint64_t TableEditor::load(TableRef at, Gva address) {
  ++statistics_.table_reads;
  return port_.load(entry_address(at, address), codec_.bytes());
}

void TableEditor::store(TableRef at, Gva address, std::uint64_t entry) {
  ++statistics_.table_writes;
  port_.store(entry_address(at, address), codec_.bytes(), entry);
}

bool TableEditor::replace(TableRef at, Gva address, const Swap& swap) {
  ++statistics_.table_writes;
  return port_.compare_and_swap(entry_address(at, address), swap);
}

std::optional<Gpa> TableEditor::allocate_table() {
  const std::optional<Gpa> table = memory_.frames.allocate(kSmallPageBits);
  if (table) {
    ++statistics_.tables_allocated;
    spend(params_.frame_allocation_cycles);
    clear(*table, kSmallPageBits);
  }
  return table;
}

void TableEditor::free_table(Gpa table) {
  ++statistics_.tables_freed;
  spend(params_.frame_allocation_cycles);
  memory_.frames.free(table, kSmallPageBits);
}

std::optional<Gpa> TableEditor::allocate_page(unsigned bits) {
  const std::optional<Gpa> page = memory_.frames.allocate(bits);
  if (page) {
    spend(params_.frame_allocation_cycles);
    if (params_.clear_data_pages) {
      clear(*page, bits);
    }
  }
  return page;
}

std::optional<Gpa> TableEditor::allocate_copy(Gpa from) {
  const std::optional<Gpa> page = memory_.frames.allocate(kSmallPageBits);
  if (page) {
    spend(params_.frame_allocation_cycles);
    port_.spend(Cause::kGuestFrameCopy, params_.copy_4k_cycles);
    port_.copy({layout_.direct(*page), layout_.direct(from), kSmallPageBits});
  }
  return page;
}

void TableEditor::release_page(Gpa page, unsigned bits) {
  spend(params_.unmap_page_cycles);
  bool is_freed = false;
  memory_.sharing.release(page, bits, [&](Gpa block, unsigned block_bits) {
    memory_.frames.free(block, block_bits);
    is_freed = true;
  });
  if (is_freed) {
    spend(params_.frame_allocation_cycles);
  }
}

Gva TableEditor::entry_address(TableRef at, Gva address) const {
  return layout_.direct(at.table + format().index(at.level, address.value()) * codec_.bytes());
}

void TableEditor::clear(Gpa block, unsigned bits) {
  port_.spend(Cause::kGuestFrameZeroing,
              std::uint64_t{params_.clear_4k_cycles} << (bits - kSmallPageBits));
  port_.clear(layout_.direct(block), bits);
}

}  // namespace nestwalk
