// The tables of one mapped page in an empty memory: what a walk finds when nobody has to be
// entered.
//
//   SparseMemory& memory = platform.memory();
//   const OnePage page = map_one_page(memory, {.guest_format = ..., .host_format = ...});
//   walk(page.context, {page.address}, ...);
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/address.h"
#include "model/arch/paging_format.h"
#include "model/memory/sparse_memory.h"
#include "model/walk/context.h"

namespace nestwalk {

struct PageShape {
  FormatId guest_format = FormatId::kX86FourLevel;
  unsigned guest_page_bits = kSmallPageBits;
  std::optional<FormatId> host_format;  // none: native
  unsigned host_page_bits = kSmallPageBits;
};

struct OnePage {
  WalkContext context;
  Gva address;  // of its first byte
};

// All of the page is mapped in both stages, and every A and D bit is set.
[[nodiscard]] OnePage map_one_page(SparseMemory& memory, const PageShape& shape);

}  // namespace nestwalk
