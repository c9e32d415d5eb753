#include "model/cli/walk_image.h"

#include <fmt/format.h>
#include <lzma.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

#include "model/arch/access.h"
#include "model/cli/walk_image_readme.h"
#include "model/cli/walk_request.h"

namespace nestwalk {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kRecordBytes = 8 + kPageBytes;
constexpr std::string_view kTablesFile = "tables.bin.xz";
constexpr std::string_view kRegistersFile = "snapshot.json";
constexpr std::string_view kReadmeFile = "README.md";

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct DecoderEnd {
  void operator()(lzma_stream* stream) const { lzma_end(stream); }
};

// The unpacked bytes, or what is wrong with the packed ones.
std::optional<std::string> unpack(std::string_view packed, std::string& unpacked) {
  lzma_stream stream = LZMA_STREAM_INIT;
  const std::unique_ptr<lzma_stream, DecoderEnd> end(&stream);
  constexpr std::uint64_t kMemoryLimit = std::uint64_t{256} << 20;
  if (lzma_stream_decoder(&stream, kMemoryLimit, 0) != LZMA_OK) {
    return "the xz decoder does not start";
  }
  std::vector<std::uint8_t> block(std::size_t{1} << 16);
  const std::vector<std::uint8_t> input(packed.begin(), packed.end());
  stream.next_in = input.data();
  stream.avail_in = input.size();
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK) {
    stream.next_out = block.data();
    stream.avail_out = block.size();
    status = lzma_code(&stream, LZMA_FINISH);
    unpacked.append(block.begin(), block.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  if (status == LZMA_STREAM_END) {
    return std::nullopt;
  }
  return status == LZMA_BUF_ERROR ? "the file is truncated" : "the file is not xz data";
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t word = 0;
  for (unsigned i = 8; i-- > 0;) {
    word = word << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return word;
}

std::optional<std::string> split_records(std::string_view bytes, TableImage& image) {
  if (bytes.empty() || bytes.size() % kRecordBytes != 0) {
    return fmt::format(
        "{} bytes unpacked are not whole records of {} (an address of 8 bytes and a "
        "page of {})",
        bytes.size(), kRecordBytes, kPageBytes);
  }
  for (std::size_t at = 0; at < bytes.size(); at += kRecordBytes) {
    const std::uint64_t page = little_endian(bytes.substr(at, 8));
    if (page % kPageBytes != 0 || (page >> kMaxPhysicalBits) != 0) {
      return fmt::format("record {} is for address {:#x}, which is not a page below 2^52",
                         at / kRecordBytes, page);
    }
    for (std::size_t offset = 0; offset < kPageBytes; offset += 8) {
      const std::uint64_t word = little_endian(bytes.substr(at + 8 + offset, 8));
      if (word != 0) {
        image.words.push_back({Hpa(page + offset), word});
      }
    }
    ++image.num_pages;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> load_table_image(const std::filesystem::path& folder,
                                            TableImage& image) {
  image = {};
  const std::filesystem::path tables = folder / kTablesFile;
  const std::optional<std::string> packed = read_file(tables);
  if (!packed) {
    return fmt::format("{}: no such file; a page-table image is a folder with {} in it",
                       tables.string(), kTablesFile);
  }
  if (packed->starts_with("version https://git-lfs")) {
    return fmt::format("{}: a Git LFS pointer, not the file itself; run `git lfs pull`",
                       tables.string());
  }
  std::string bytes;
  auto problem = unpack(*packed, bytes);
  if (!problem) {
    problem = split_records(bytes, image);
  }
  if (problem) {
    return fmt::format("{}: {}", tables.string(), *problem);
  }
  const std::filesystem::path registers = folder / kRegistersFile;
  if (const std::optional<std::string> text = read_file(registers)) {
    if (const auto error = parse_walk_machine(*text, image.context)) {
      return fmt::format("{}:{}:{}: {}{}{}", registers.string(), error->line, error->column,
                         error->path, error->path.empty() ? "" : ": ", error->what);
    }
    image.has_registers = true;
  } else if (const std::optional<std::string> readme = read_file(folder / kReadmeFile)) {
    if (const std::optional<WalkContext> context = registers_from_readme(*readme)) {
      image.context = *context;
      image.has_registers = true;
    }
  }
  return std::nullopt;
}

}  // namespace nestwalk
