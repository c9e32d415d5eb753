#include "model/workload/unpacker.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <limits>

#include "model/arch/check.h"

namespace nestwalk {
namespace {

class XzUnpacker : public Unpacker {
 public:
  XzUnpacker() {
    const lzma_ret made =
        lzma_stream_decoder(&stream_, std::numeric_limits<std::uint64_t>::max(), LZMA_CONCATENATED);
    fatal_unless(made == LZMA_OK, "liblzma makes a decoder");
  }
  ~XzUnpacker() override { lzma_end(&stream_); }

  UnpackStep unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out,
                    InputEnd end) override {
    stream_.next_in = packed.data();
    stream_.avail_in = packed.size();
    stream_.next_out = out.data();
    stream_.avail_out = out.size();
    const lzma_ret result = lzma_code(&stream_, end == InputEnd::kEnd ? LZMA_FINISH : LZMA_RUN);
    return {
        .num_used = packed.size() - stream_.avail_in,
        .num_made = out.size() - stream_.avail_out,
        .is_damaged = result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR,
        .is_between_streams = result == LZMA_STREAM_END};
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class GzipUnpacker : public Unpacker {
 public:
  GzipUnpacker() {
    constexpr int kGzipWindowBits = 15 + 16;  // zlib: 16 more is the gzip wrapping
    fatal_unless(inflateInit2(&stream_, kGzipWindowBits) == Z_OK, "zlib makes a decoder");
  }
  ~GzipUnpacker() override { inflateEnd(&stream_); }

  UnpackStep unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out,
                    InputEnd /*end*/) override {
    if (is_between_ && !packed.empty()) {
      inflateReset(&stream_);
    }
    stream_.next_in = const_cast<Bytef*>(packed.data());  // NOLINT: zlib does not write there
    stream_.avail_in = static_cast<uInt>(packed.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = is_between_ && packed.empty() ? Z_STREAM_END : inflate(&stream_, Z_NO_FLUSH);
    is_between_ = result == Z_STREAM_END;
    return {.num_used = packed.size() - stream_.avail_in,
            .num_made = out.size() - stream_.avail_out,
            .is_damaged = result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR,
            .is_between_streams = is_between_};
  }

 private:
  z_stream stream_{};
  bool is_between_ = false;
};

class ZstdUnpacker : public Unpacker {
 public:
  UnpackStep unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out,
                    InputEnd /*end*/) override {
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer made{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream_.get(), &made, &in);
    // Without new input, the answer is about a stream that has not begun.
    is_between_ = in.pos == 0 && made.pos == 0 ? is_between_ : left == 0;
    return {.num_used = in.pos,
            .num_made = made.pos,
            .is_damaged = ZSTD_isError(left) != 0,
            .is_between_streams = is_between_};
  }

 private:
  struct Deleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Deleter> stream_{ZSTD_createDCtx()};
  bool is_between_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> make_unpacker(Compression compression) {
  switch (compression) {
    case Compression::kXz:
      return std::make_unique<XzUnpacker>();
    case Compression::kGzip:
      return std::make_unique<GzipUnpacker>();
    case Compression::kZstd:
      return std::make_unique<ZstdUnpacker>();
    case Compression::kNone:
      break;
  }
  fatal_unless(false, "only a packed file is unpacked");
  return nullptr;
}

}  // namespace nestwalk
