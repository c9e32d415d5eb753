#include "model/workload/byte_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "model/workload/trace_error.h"
#include "model/workload/unpacker.h"

namespace nestwalk {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{64} << 10;

struct Magic {
  std::string_view bytes;
  Compression compression = Compression::kNone;
};
constexpr std::array kMagics = {
    Magic{{"\xfd\x37\x7a\x58\x5a\x00", 6}, Compression::kXz},
    Magic{{"\x1f\x8b", 2}, Compression::kGzip},
    Magic{{"\x28\xb5\x2f\xfd", 4}, Compression::kZstd},
};

}  // namespace

std::string_view name_of(Compression compression) {
  constexpr std::array<std::string_view, 4> kNames = {"none", "xz", "gzip", "zstd"};
  return kNames[static_cast<std::size_t>(compression)];
}

ByteSource::ByteSource(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), packed_(kPackedBytes) {
  if (!fd_) {
    fail(fmt::format("no readable file ({})", std::strerror(errno)), "a trace to import");
  }
  refill();
  const std::string_view head(reinterpret_cast<const char*>(packed_.data()), packed_end_);
  for (const Magic& magic : kMagics) {
    if (head.starts_with(magic.bytes)) {
      compression_ = magic.compression;
      unpacker_ = make_unpacker(compression_);
    }
  }
}

ByteSource::~ByteSource() = default;

void ByteSource::fail(std::string found, std::string expected) const {
  throw TraceError({.path = path_,
                    .offset = num_read_,
                    .found = std::move(found),
                    .expected = std::move(expected)});
}

// As many bytes as there are: a pipe gives them in pieces.
std::size_t ByteSource::read_file(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size() && !file_ended_) {
    const ssize_t got = ::read(fd_.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno != EINTR) {
      fail(fmt::format("a read error ({})", std::strerror(errno)), "data");
    }
    file_ended_ = got == 0;
    done += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  num_read_ += done;
  return done;
}

void ByteSource::refill() {
  packed_begin_ = 0;
  packed_end_ = read_file(packed_);
}

std::size_t ByteSource::read(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    if (packed_begin_ == packed_end_ && !file_ended_) {
      refill();
    }
    const auto packed = std::span(packed_).subspan(packed_begin_, packed_end_ - packed_begin_);
    const auto rest = out.subspan(done);
    if (unpacker_ == nullptr) {
      const std::size_t count = std::min(packed.size(), rest.size());
      std::copy_n(packed.begin(), count, rest.begin());
      packed_begin_ += count;
      done += count;
      if (count == 0) {
        break;
      }
      continue;
    }
    const UnpackStep step =
        unpacker_->unpack(packed, rest, file_ended_ ? InputEnd::kEnd : InputEnd::kMore);
    packed_begin_ += step.num_used;
    done += step.num_made;
    if (step.is_damaged) {
      fail(fmt::format("{} data that does not unpack", name_of(compression_)),
           "an undamaged file; fetch it again");
    }
    if (step.num_used == 0 && step.num_made == 0 && file_ended_) {
      if (!step.is_between_streams) {
        fail(fmt::format("the end of the file within its {} data", name_of(compression_)),
             "more: the file was cut off (an interrupted download?); fetch it again");
      }
      break;
    }
  }
  return done;
}

}  // namespace nestwalk
