#include "model/workload/trace_reader.h"

#include <zstd.h>

#include <deque>
#include <utility>

#include <fmt/format.h>

#include "model/workload/trace_file.h"
#include "model/workload/trace_format.h"
#include "model/workload/trace_frame.h"

namespace nestwalk {
namespace {

constexpr const char* kDamaged = "undamaged records; copy or record the trace again";

}  // namespace

// Copies share the open file and its index; everything else is their own.
class TraceReader::Impl {
 public:
  explicit Impl(const std::string& path)
      : file_(std::make_shared<const TraceFile>(path)),
        index_(std::make_shared<const TraceIndex>(read_trace_index(*file_))) {}

  std::size_t next_batch(std::span<TraceRecord> out) {
    events_.clear();
    if (out.empty()) {
      return 0;
    }
    if (next_region_ < info().initial_regions.size()) {
      return map_regions(out);
    }
    while (true) {
      const std::size_t count = decoder_.next_batch(out, events_);
      if (decoder_.failed() || count > left_in_frame_) {
        file_->fail(index_->frames[next_frame_ - 1].offset, "a frame with malformed records",
                    kDamaged);
      }
      left_in_frame_ -= count;
      if (count > 0) {
        return count;
      }
      if (!open_frame()) {
        return 0;
      }
    }
  }

  void rewind() { *this = Impl(file_, index_); }
  [[nodiscard]] const TraceInfo& info() const { return index_->info; }
  [[nodiscard]] std::size_t memory_bytes() const {
    return decoder_.memory_bytes() + packed_.capacity();
  }

 private:
  Impl(std::shared_ptr<const TraceFile> file, std::shared_ptr<const TraceIndex> index)
      : file_(std::move(file)), index_(std::move(index)) {}

  std::size_t map_regions(std::span<TraceRecord> out) {
    std::size_t count = 0;
    while (count < out.size() && next_region_ < info().initial_regions.size()) {
      events_.push_back(
          {.kind = TraceEventKind::kMap, .region = info().initial_regions[next_region_++]});
      out[count] = {};
      out[count++].event = &events_.back();
    }
    return count;
  }

  // False at the end of the trace, after its content has been checked.
  bool open_frame() {
    if (left_in_frame_ != 0) {
      file_->fail(index_->frames[next_frame_ - 1].offset,
                  fmt::format("a frame with {} records too few", left_in_frame_), kDamaged);
    }
    if (next_frame_ == index_->frames.size()) {
      if (content_checksum_ != info().checksum) {
        file_->fail(info().file_bytes, "frames that do not make up the content of the index",
                    kDamaged);
      }
      return false;
    }
    const TraceFrameEntry& frame = index_->frames[next_frame_++];
    Bytes raw = unpack(frame.offset);
    decoder_ = FrameDecoder(std::move(raw));
    left_in_frame_ = frame.num_records;
    return true;
  }

  Bytes unpack(std::uint64_t offset) {
    Bytes header(kTraceFrameHeaderBytes);
    file_->read_at(offset, header);
    const auto packed_length = get_word<std::uint32_t>(&header[0]);
    const auto raw_length = get_word<std::uint32_t>(&header[4]);
    if (raw_length > kTraceFrameMaxBytes || packed_length > ZSTD_compressBound(raw_length)) {
      file_->fail(offset, "a frame larger than any", kDamaged);
    }
    packed_.resize(packed_length);
    file_->read_at(offset + kTraceFrameHeaderBytes, packed_);
    Bytes raw(raw_length);
    const std::size_t got = ZSTD_decompress(raw.data(), raw.size(), packed_.data(), packed_.size());
    if (got != raw.size()) {
      file_->fail(offset, "a frame that does not unpack", kDamaged);
    }
    const std::uint64_t sum = checksum(raw);
    if (sum != get_word<std::uint64_t>(&header[8])) {
      file_->fail(offset, "a frame that does not match its checksum", kDamaged);
    }
    content_checksum_ = chain_checksum(content_checksum_, sum);
    return raw;
  }

  std::shared_ptr<const TraceFile> file_;
  std::shared_ptr<const TraceIndex> index_;
  std::size_t next_region_ = 0;
  std::size_t next_frame_ = 0;
  std::uint64_t left_in_frame_ = 0;  // records of the open frame
  std::uint64_t content_checksum_ = 0;
  FrameDecoder decoder_;
  Bytes packed_;
  std::deque<TraceEvent> events_;  // of the last batch
};

TraceInfo trace_info(const std::string& path) {
  return read_trace_index(TraceFile(path)).info;
}

TraceReader::TraceReader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
TraceReader::~TraceReader() = default;
TraceReader::TraceReader(const TraceReader& other)
    : Stream(other), impl_(std::make_unique<Impl>(*other.impl_)) {}
TraceReader& TraceReader::operator=(const TraceReader& other) {
  *impl_ = *other.impl_;
  return *this;
}

std::size_t TraceReader::next_batch(std::span<TraceRecord> out) {
  return impl_->next_batch(out);
}
void TraceReader::rewind() {
  impl_->rewind();
}
std::unique_ptr<Stream> TraceReader::clone() const {
  return std::make_unique<TraceReader>(*this);
}
std::optional<std::uint64_t> TraceReader::num_accesses() const {
  return impl_->info().num_accesses();
}
const TraceInfo& TraceReader::info() const {
  return impl_->info();
}
std::size_t TraceReader::memory_bytes() const {
  return impl_->memory_bytes();
}

}  // namespace nestwalk
