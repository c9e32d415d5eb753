#include "model/workload/trace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace nestwalk {
namespace {

constexpr std::size_t kHeadBytes = 512;
constexpr std::uint32_t kMaxDescriptionBytes = 1 << 20;
constexpr const char* kCutOff =
    "more: the file was cut off (an interrupted copy or recording?); copy or record it again";

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool starts_with(std::span<const std::uint8_t> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

bool is_text(std::span<const std::uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) {
    return b == '\n' || b == '\r' || b == '\t' || (b >= 0x20 && b != 0x7f);
  });
}

// Its own banner, or lines such as "I  0401ab70,3" and " L 1fff000688,8".
bool is_lackey_text(std::string_view text) {
  return text.find("Lackey") != std::string_view::npos || text.starts_with("I  ") ||
         text.starts_with(" L ") || text.starts_with(" S ") || text.starts_with(" M ");
}

TraceProblem problem(std::string found, std::string expected) {
  return {.path = {}, .offset = 0, .found = std::move(found), .expected = std::move(expected)};
}

// The checked description of the header.
void read_header(const TraceFile& file, TraceInfo& info) {
  std::array<std::uint8_t, kHeadBytes> head{};
  const std::size_t have = file.read_some(0, head);
  const auto bytes = std::span(head).first(have);
  if (!starts_with(bytes, kTraceMagic)) {
    // A cut within the magic is a cut file, not a foreign one.
    if (!bytes.empty() && have < kTraceMagic.size() &&
        std::equal(bytes.begin(), bytes.end(), as_bytes(kTraceMagic).begin())) {
      file.fail(have, "the end of the file", kCutOff);
    }
    TraceProblem foreign = describe_foreign_file(bytes);
    file.fail(0, std::move(foreign.found), std::move(foreign.expected));
  }
  if (have < kTraceHeaderBytes) {
    file.fail(have, "the end of the file", kCutOff);
  }
  info.version = get_word<std::uint32_t>(&head[8]);
  if (info.version != kTraceVersion) {
    file.fail(8, fmt::format("trace version {}", info.version),
              fmt::format("version {}: record the trace again with this program, or use the "
                          "program that recorded it",
                          kTraceVersion));
  }
  const auto length = get_word<std::uint32_t>(&head[12]);
  if (length > kMaxDescriptionBytes) {
    file.fail(12, fmt::format("a description of {} bytes", length),
              fmt::format("at most {}: the header is damaged", kMaxDescriptionBytes));
  }
  Bytes description(length);
  file.read_at(kTraceHeaderBytes, description);
  ByteCursor in(description);
  info.command = in.text();
  info.source = in.text();
  if (checksum(description) != get_word<std::uint64_t>(&head[16]) || in.failed() || !in.at_end()) {
    file.fail(kTraceHeaderBytes, "a description that does not match its checksum",
              "an undamaged header; copy or record the trace again");
  }
}

}  // namespace

TraceFile::TraceFile(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!fd_) {
    fail(0, fmt::format("no readable file ({})", std::strerror(errno)), "a trace (.nwt)");
  }
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    fail(0, "something that is not a regular file", "a trace (.nwt)");
  }
  size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

std::size_t TraceFile::read_some(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno != EINTR) {
      fail(offset + done, fmt::format("a read error ({})", std::strerror(errno)), "data");
    }
    if (got == 0) {
      break;
    }
    done += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return done;
}

void TraceFile::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  const std::size_t got = read_some(offset, out);
  if (got < out.size()) {
    fail(offset + got, "the end of the file", kCutOff);
  }
}

void TraceFile::fail(std::uint64_t offset, std::string found, std::string expected) const {
  throw TraceError({.path = path_,
                    .offset = offset,
                    .found = std::move(found),
                    .expected = std::move(expected)});
}

TraceProblem describe_foreign_file(std::span<const std::uint8_t> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const std::string how =
      "a trace (.nwt); `nestwalk record -o FILE -- COMMAND` makes one, `nestwalk trace import FILE "
      "-o OUT.nwt` makes one of a trace of another tool";
  if (head.empty()) {
    return problem("an empty file", how);
  }
  if (text.starts_with("version https://git-lfs.github.com/spec")) {
    return problem("a Git LFS pointer, not the file that it stands for",
                   "the trace itself; `git lfs install` and `git lfs pull` fetch it");
  }
  if (starts_with(head, "\x89NWT")) {
    return problem("a trace whose line ends were converted (a copy in text mode, or by git)",
                   "the original; copy it in binary mode");
  }
  if (starts_with(head,
                  "\xfd"
                  "7zXZ") ||
      starts_with(head, "\x1f\x8b") || starts_with(head, "\x28\xb5\x2f\xfd")) {
    return problem("a compressed file (xz, gzip or zstd)",
                   "a trace (.nwt), which needs no further compression; unpack it, or `nestwalk "
                   "trace import FILE -o OUT.nwt` if it is a trace of another tool");
  }
  if (!is_text(head)) {
    return problem("a binary file of another kind", how);
  }
  const std::string ends =
      text.find("\r\n") != std::string_view::npos ? " with CRLF line ends" : "";
  if (is_lackey_text(text)) {
    return problem(fmt::format("the text output of valgrind's lackey tool{}", ends),
                   "a trace (.nwt); `nestwalk trace import FILE -o OUT.nwt` makes one of it, or "
                   "record the program with `nestwalk record -o FILE -- COMMAND`");
  }
  return problem(fmt::format("a text file{}", ends), how);
}

TraceIndex read_trace_index(const TraceFile& file) {
  TraceIndex index;
  index.info.path = file.path();
  index.info.file_bytes = file.size_bytes();
  read_header(file, index.info);

  std::array<std::uint8_t, kTraceTrailerBytes> trailer{};
  if (file.size_bytes() < kTraceHeaderBytes + kTraceTrailerBytes) {
    file.fail(file.size_bytes(), "the end of the file", kCutOff);
  }
  const std::uint64_t trailer_offset = file.size_bytes() - kTraceTrailerBytes;
  file.read_at(trailer_offset, trailer);
  if (!starts_with(std::span(trailer).subspan(24), kTraceEndMagic)) {
    file.fail(file.size_bytes(), "the end of the file", kCutOff);
  }
  const auto offset = get_word<std::uint64_t>(&trailer[0]);
  const auto length = get_word<std::uint64_t>(&trailer[8]);
  if (offset > trailer_offset || length != trailer_offset - offset) {
    file.fail(trailer_offset, "an index that lies elsewhere",
              fmt::format("one that ends at byte {}: bytes are missing or were added before here",
                          trailer_offset));
  }
  Bytes bytes(length);
  file.read_at(offset, bytes);
  if (checksum(bytes) != get_word<std::uint64_t>(&trailer[16]) || !decode_index(bytes, index)) {
    file.fail(offset, "an index that does not match its checksum",
              "an undamaged index; copy or record the trace again");
  }
  return index;
}

}  // namespace nestwalk
