#include "model/workload/trace_writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "model/arch/check.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_format.h"
#include "model/workload/trace_frame.h"
#include "model/workload/unique_fd.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;  // of every x86 program today

struct CompressorDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

class TraceWriter::Impl {
 public:
  Impl(const std::string& path, const TraceWriterOptions& options)
      : path_(path),
        fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)),
        compressor_(ZSTD_createCCtx()) {
    if (!fd_) {
      fail(errno == EEXIST ? "a file that exists already" : std::strerror(errno),
           errno == EEXIST ? "a new file name" : "a place that can be written");
    }
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, options.compression_level);
    write_header(options);
  }

  void append(const TraceRecord& record) {
    TraceInfo& info = index_.info;
    info.num_instructions += record.num_instructions;
    if (record.event != nullptr) {
      ++info.num_events;
    } else if (record.type == AccessType::kFetch) {
      ++info.num_fetches;
    } else if (record.type == AccessType::kWrite) {
      ++info.num_writes;
    } else {
      ++info.num_reads;
    }
    encoder_.append(record);
    if (encoder_.size_bytes() >= kTraceFrameTargetBytes) {
      write_frame();
    }
  }

  void finish(std::span<const Region> initial_regions) {
    write_frame();
    index_.info.page_sizes_bytes = {kPageBytes};
    index_.info.initial_regions.assign(initial_regions.begin(), initial_regions.end());
    const Bytes index = encode_index(index_);
    Bytes trailer;
    put_word<std::uint64_t>(trailer, file_bytes_);
    put_word<std::uint64_t>(trailer, index.size());
    put_word<std::uint64_t>(trailer, checksum(index));
    trailer.insert(trailer.end(), kTraceEndMagic.begin(), kTraceEndMagic.end());
    write(index);
    write(trailer);
  }

  [[nodiscard]] std::uint64_t num_accesses() const { return index_.info.num_accesses(); }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  void write_header(const TraceWriterOptions& options) {
    Bytes description;
    put_text(description, options.command);
    put_text(description, options.source);
    Bytes header(kTraceMagic.begin(), kTraceMagic.end());
    put_word<std::uint32_t>(header, kTraceVersion);
    put_word<std::uint32_t>(header, static_cast<std::uint32_t>(description.size()));
    put_word<std::uint64_t>(header, checksum(description));
    write(header);
    write(description);
  }

  void write_frame() {
    if (encoder_.num_records() == 0) {
      return;
    }
    index_.frames.push_back({.offset = file_bytes_, .num_records = encoder_.num_records()});
    const Bytes raw = encoder_.take();
    fatal_unless(raw.size() <= kTraceFrameMaxBytes, "a frame keeps to its bound");
    const std::uint64_t sum = checksum(raw);
    index_.info.checksum = chain_checksum(index_.info.checksum, sum);
    Bytes packed(ZSTD_compressBound(raw.size()));
    const std::size_t length =
        ZSTD_compress2(compressor_.get(), packed.data(), packed.size(), raw.data(), raw.size());
    fatal_unless(ZSTD_isError(length) == 0, "zstd compresses a frame");
    packed.resize(length);
    Bytes header;
    put_word<std::uint32_t>(header, static_cast<std::uint32_t>(packed.size()));
    put_word<std::uint32_t>(header, static_cast<std::uint32_t>(raw.size()));
    put_word<std::uint64_t>(header, sum);
    write(header);
    write(packed);
  }

  void write(const Bytes& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
      if (put < 0 && errno != EINTR) {
        fail(std::strerror(errno), "room to write the trace");
      }
      done += put > 0 ? static_cast<std::size_t>(put) : 0;
    }
    file_bytes_ += bytes.size();
  }

  [[noreturn]] void fail(std::string found, std::string expected) const {
    throw TraceError({.path = path_,
                      .offset = file_bytes_,
                      .found = std::move(found),
                      .expected = std::move(expected)});
  }

  std::string path_;
  UniqueFd fd_;
  std::unique_ptr<ZSTD_CCtx, CompressorDeleter> compressor_;
  FrameEncoder encoder_;
  TraceIndex index_;
  std::uint64_t file_bytes_ = 0;
};

TraceWriter::TraceWriter(const std::string& path, const TraceWriterOptions& options)
    : impl_(std::make_unique<Impl>(path, options)) {}
TraceWriter::~TraceWriter() = default;
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;

void TraceWriter::append(const TraceRecord& record) {
  impl_->append(record);
}
void TraceWriter::finish(std::span<const Region> initial_regions) {
  impl_->finish(initial_regions);
}
std::uint64_t TraceWriter::num_accesses() const {
  return impl_->num_accesses();
}
std::uint64_t TraceWriter::file_bytes() const {
  return impl_->file_bytes();
}

}  // namespace nestwalk
