// The trace file format (.nwt), version 1. Everything is little-endian; "number" is a varint and
// "text" a number of bytes and those bytes (bytes.h).
//
//   header   magic (8 bytes), version (u32), length of the description (u32), its checksum (u64);
//            the description: command (text), source (text)
//   frames   compressed length (u32), raw length (u32), checksum of the raw bytes (u64); one zstd
//            frame. Its raw bytes are described in trace_frame.h. Each frame stands alone.
//   index    numbers of reads, writes, fetches, events, instructions; checksum of the content
//            (number); page sizes, initial regions, frames, each a number and as many items
//   trailer  offset, length and checksum of the index (u64 each), end magic (8 bytes)
//
// The trailer is written last: a file that does not end with it was cut off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/workload/bytes.h"
#include "model/workload/trace_reader.h"

namespace nestwalk {

// Line ends of both kinds are part of the magic, so that a conversion of them is noticed.
inline constexpr std::string_view kTraceMagic{"\x89NWT\r\n\x1a\n", 8};
inline constexpr std::string_view kTraceEndMagic{"\x89NWTEND\n", 8};
inline constexpr std::uint32_t kTraceVersion = 1;
inline constexpr std::size_t kTraceHeaderBytes = 24;
inline constexpr std::size_t kTraceFrameHeaderBytes = 16;
inline constexpr std::size_t kTraceTrailerBytes = 32;

// A frame is closed when its raw bytes reach the target. No record is longer than the slack.
inline constexpr std::size_t kTraceFrameTargetBytes = std::size_t{4} << 20;
inline constexpr std::size_t kTraceFrameMaxBytes = kTraceFrameTargetBytes + (std::size_t{1} << 16);
inline constexpr std::size_t kTraceNameMaxBytes = 4096;

struct TraceFrameEntry {
  std::uint64_t offset = 0;  // of its header in the file
  std::uint64_t num_records = 0;
};

struct TraceIndex {
  TraceInfo info;
  std::vector<TraceFrameEntry> frames;
};

[[nodiscard]] Bytes encode_index(const TraceIndex& index);
// False when the bytes are not an index. Leaves the fields of the header alone.
[[nodiscard]] bool decode_index(const Bytes& bytes, TraceIndex& index);

// The checksum of the content so far, extended by a frame's.
[[nodiscard]] constexpr std::uint64_t chain_checksum(std::uint64_t content, std::uint64_t frame) {
  return (content ^ frame) * 0x9E3779B97F4A7C15 + 1;
}

void put_region(Bytes& out, const Region& region);
[[nodiscard]] Region get_region(ByteCursor& in);

}  // namespace nestwalk
