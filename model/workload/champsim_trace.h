// ChampSim's instruction trace: 64 bytes for each instruction, little-endian.
//
//   ip (8), is a branch (1), taken (1), destination registers (2), source registers (4),
//   destination addresses (2 of 8), source addresses (4 of 8); 0: none
//
//   is_champsim(first_bytes)        // every record among them is a sensible one
//
// An instruction becomes a fetch when it enters another 64-byte line, a read for each source and a
// write for each destination. Not for the larger records of its cloud traces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/workload/foreign_trace.h"

namespace nestwalk {

inline constexpr std::size_t kChampSimRecordBytes = 64;

[[nodiscard]] bool is_champsim(std::span<const std::uint8_t> head);

// `head` is what has been read from the source already.
[[nodiscard]] std::unique_ptr<ForeignTrace> open_champsim_trace(ByteSource& source,
                                                                std::span<const std::uint8_t> head);

}  // namespace nestwalk
