// The page tables of a guest that is mapped completely before a benchmark starts, 4K pages in both
// stages, so that what is measured makes no fault: every cold walk reads 24 entries.
//
//   SparseMemory memory(...);
//   const BenchTables tables = make_bench_tables(memory, 4 GiB);
//   walk(tables.context, {tables.first_address + offset}, ...);
//
// Table pages lie close together, in the scattered order in which a program with random first
// touches makes a kernel allocate them. Data pages have addresses and no content.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/memory/sparse_memory.h"
#include "model/walk/context.h"

namespace nestwalk {

struct BenchTables {
  WalkContext context;
  Gva first_address;
  std::uint64_t table_bytes = 0;  // all tables lie in host memory from zero to here
};

// `data_bytes` is a power of two of at least 2 MiB. The memory is empty and has room for it.
[[nodiscard]] BenchTables make_bench_tables(SparseMemory& memory, std::uint64_t data_bytes);

}  // namespace nestwalk
