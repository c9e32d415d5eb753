#include "model/workload/trace_format.h"

namespace nestwalk {
namespace {

constexpr std::uint8_t kReadBit = 1;
constexpr std::uint8_t kWriteBit = 2;
constexpr std::uint8_t kExecuteBit = 4;

}  // namespace

void put_region(Bytes& out, const Region& region) {
  put_varint(out, region.start.value());
  put_varint(out, region.length_bytes);
  out.push_back(static_cast<std::uint8_t>((region.rights.read ? kReadBit : 0) |
                                          (region.rights.write ? kWriteBit : 0) |
                                          (region.rights.execute ? kExecuteBit : 0)));
  put_text(out, std::string_view(region.name).substr(0, kTraceNameMaxBytes));
}

Region get_region(ByteCursor& in) {
  Region region;
  region.start = Gva(in.varint());
  region.length_bytes = in.varint();
  const std::uint8_t bits = in.byte();
  region.rights = {.read = (bits & kReadBit) != 0,
                   .write = (bits & kWriteBit) != 0,
                   .execute = (bits & kExecuteBit) != 0};
  region.name = in.text();
  return region;
}

Bytes encode_index(const TraceIndex& index) {
  Bytes out;
  const TraceInfo& info = index.info;
  for (const std::uint64_t number : {info.num_reads, info.num_writes, info.num_fetches,
                                     info.num_events, info.num_instructions, info.checksum}) {
    put_varint(out, number);
  }
  put_varint(out, info.page_sizes_bytes.size());
  for (const std::uint64_t size : info.page_sizes_bytes) {
    put_varint(out, size);
  }
  put_varint(out, info.initial_regions.size());
  for (const Region& region : info.initial_regions) {
    put_region(out, region);
  }
  put_varint(out, index.frames.size());
  for (const TraceFrameEntry& frame : index.frames) {
    put_varint(out, frame.offset);
    put_varint(out, frame.num_records);
  }
  return out;
}

bool decode_index(const Bytes& bytes, TraceIndex& index) {
  ByteCursor in(bytes);
  TraceInfo& info = index.info;
  for (std::uint64_t* number : {&info.num_reads, &info.num_writes, &info.num_fetches,
                                &info.num_events, &info.num_instructions, &info.checksum}) {
    *number = in.varint();
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    info.page_sizes_bytes.push_back(in.varint());
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    info.initial_regions.push_back(get_region(in));
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::uint64_t offset = in.varint();
    index.frames.push_back({.offset = offset, .num_records = in.varint()});
  }
  info.num_frames = index.frames.size();
  return !in.failed() && in.at_end();
}

}  // namespace nestwalk
