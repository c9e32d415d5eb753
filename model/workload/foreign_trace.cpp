#include "model/workload/foreign_trace.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "model/workload/champsim_trace.h"
#include "model/workload/text_trace.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_format.h"

namespace nestwalk {
namespace {

constexpr std::size_t kHeadBytes = std::size_t{64} << 10;
constexpr std::size_t kTarMagicAt = 257;

std::string known_forms() {
  std::string text = "a ChampSim trace (records of 64 bytes)";
  for (unsigned form = 0; form < kNumTextForms; ++form) {
    const TextFormInfo& info = info_of(static_cast<TextForm>(form));
    text += fmt::format("{}{}: lines such as {}", form + 1 == kNumTextForms ? ", or " : ", ",
                        info.name, info.example);
  }
  return text;
}

// Without comments and empty lines; empty if there is no other.
std::string_view first_content_line(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    if (!line.empty() && line.front() != '#') {
      return line;
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return text;
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](char c) {
    return c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c <= '~');
  });
}

// What the bytes are, if they are known not to be a trace of another tool.
std::pair<std::string, std::string> describe(std::string_view head) {
  if (head.empty()) {
    return {"nothing: an empty file", known_forms()};
  }
  if (head.starts_with(kTraceMagic)) {
    return {"a trace of Nestwalk (.nwt)", "a trace of another tool; this one needs no import"};
  }
  if (head.starts_with("version https://git-lfs.github.com/spec")) {
    return {"a Git LFS pointer, not the file that it stands for",
            "the trace itself; `git lfs install` and `git lfs pull` fetch it"};
  }
  if (head.size() > kTarMagicAt && head.substr(kTarMagicAt).starts_with("ustar")) {
    return {"a tar archive", "the trace itself; `tar -xf` takes it out of the archive"};
  }
  if (head.starts_with("PK\x03\x04") || head.starts_with("BZh")) {
    return {head.starts_with("BZh") ? "a bzip2 file" : "a zip archive",
            "a trace, packed with xz, gzip or zstd or not at all"};
  }
  if (head.starts_with("\xfd\x37\x7a\x58\x5a") || head.starts_with("\x1f\x8b") ||
      head.starts_with("\x28\xb5\x2f\xfd")) {
    return {"data that was packed twice", "a trace that was packed once; unpack the outer file"};
  }
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) {
    return {"text in UTF-16", "plain ASCII text"};
  }
  return {};
}

}  // namespace

std::unique_ptr<ForeignTrace> open_foreign_trace(ByteSource& source) {
  std::vector<std::uint8_t> head(kHeadBytes);
  head.resize(source.read(head));
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  auto [found, expected] = describe(text);
  if (found.empty() && is_text(text)) {
    if (const auto form = find_text_form(text)) {
      return open_text_trace(source, *form, head);
    }
    found = fmt::format("text with the line \"{}\"", first_content_line(text).substr(0, 60));
  } else if (found.empty()) {
    if (is_champsim(head)) {
      return open_champsim_trace(source, head);
    }
    found = "a binary file of another kind";
  }
  if (source.compression() != Compression::kNone) {
    found = fmt::format("within its {} data {}", name_of(source.compression()), found);
  }
  throw TraceError({.path = source.path(),
                    .offset = 0,
                    .found = std::move(found),
                    .expected = expected.empty() ? known_forms() : std::move(expected)});
}

}  // namespace nestwalk
