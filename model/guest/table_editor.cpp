#include "model/guest/table_editor.h"

namespace nestwalk {
namespace {

constexpr unsigned kWordBytes = 8;

}  // namespace

std::uint64_t TableEditor::load(TableRef at, Gva address) {
  ++statistics_.table_reads;
  return port_.load(entry_address(at, address), codec_.bytes());
}

void TableEditor::store(TableRef at, Gva address, std::uint64_t entry) {
  ++statistics_.table_writes;
  port_.note_table({LogTable::kGuest, at.level});
  port_.store(entry_address(at, address), codec_.bytes(), entry);
}

bool TableEditor::replace(TableRef at, Gva address, const Swap& swap) {
  ++statistics_.table_writes;
  port_.note_table({LogTable::kGuest, at.level});
  return port_.compare_and_swap(entry_address(at, address), swap);
}

std::optional<Gpa> TableEditor::allocate_table() {
  const std::optional<Gpa> table = memory_.frames.allocate_table();
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

std::optional<Gpa> TableEditor::allocate_uncleared(unsigned bits) {
  const std::optional<Gpa> page = memory_.frames.allocate_page(bits);
  if (page) {
    spend(params_.frame_allocation_cycles);
  }
  return page;
}

std::optional<Gpa> TableEditor::allocate_page(unsigned bits) {
  const std::optional<Gpa> page = allocate_uncleared(bits);
  if (page && params_.clear_data_pages) {
    clear(*page, bits);
  }
  return page;
}

std::optional<Gpa> TableEditor::allocate_copy(Gpa from) {
  const std::optional<Gpa> page = allocate_uncleared(kSmallPageBits);
  if (page) {
    copy(*page, from);
  }
  return page;
}

void TableEditor::copy(Gpa to, Gpa from) {
  port_.spend(Cause::kGuestFrameCopy, params_.copy_4k_cycles);
  const Gva destination = open(to, 0);
  const Gva source = open(from, 1);
  port_.copy({destination, source, kSmallPageBits});
  close(from, 1);
  close(to, 0);
}

PageContent TableEditor::read(Gpa page) {
  PageContent content;
  content.reserve(bit(kSmallPageBits) / kWordBytes);
  const Gva start = open(page, 0);
  for (std::uint64_t at = 0; at < bit(kSmallPageBits); at += kWordBytes) {
    content.push_back(port_.load(start + at, kWordBytes));
  }
  close(page, 0);
  return content;
}

void TableEditor::write(Gpa page, const PageContent& content) {
  if (content.empty()) {
    clear(page, kSmallPageBits);
    return;
  }
  Gva at = open(page, 0);
  for (const std::uint64_t word : content) {
    port_.store(at, kWordBytes, word);
    at = at + kWordBytes;
  }
  close(page, 0);
}

void TableEditor::release_page(Gpa page, unsigned bits) {
  spend(params_.unmap_page_cycles);
  bool is_freed = false;
  memory_.sharing.release(page, bits, [&](Gpa block, unsigned block_bits) {
    memory_.swap.forget(block, block_bits);
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
  if (memory_.frames.is_low(block)) {
    port_.clear(layout_.direct(block), bits);
    return;
  }
  for (std::uint64_t done = 0; done < bit(bits); done += bit(kSmallPageBits)) {
    port_.clear(open(block + done, 0), kSmallPageBits);
    close(block + done, 0);
  }
}

// As Linux has it (kmap_local_page): an entry of this CPU, and nobody else uses its address.
Gva TableEditor::open(Gpa page, unsigned number) {
  if (memory_.frames.is_low(page)) {
    return layout_.direct(page);
  }
  ++statistics_.temporary_mappings;
  const Gva address = layout_.window(port_.cpu(), number);
  store({memory_.window_table, 1}, address,
        codec_.leaf(1, page, {.write = true, .accessed = true, .dirty = true}));
  return address;
}

void TableEditor::close(Gpa page, unsigned number) {
  if (memory_.frames.is_low(page)) {
    return;
  }
  const Gva address = layout_.window(port_.cpu(), number);
  store({memory_.window_table, 1}, address, 0);
  Invalidation drop;
  drop.op = InvalidateOp::kInvlpg;
  drop.address = address;
  port_.invalidate(drop);
}

}  // namespace nestwalk
