#include "model/cli/walk_request_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "model/params/nearest_name.h"

namespace nestwalk {

namespace {

constexpr std::string_view kHexExpected = "a string of \"0x\" and hexadecimal digits";

std::string hint(std::string_view found, std::span<const std::string_view> names) {
  const std::vector<std::string_view> list(names.begin(), names.end());
  const std::optional<std::string> nearest = nearest_name(found, list);
  return nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : std::string();
}

}  // namespace

std::optional<std::size_t> RequestReader::take_key(std::string_view key, Names names,
                                                   std::uint32_t seen) {
  const auto found = std::find(names.begin(), names.end(), key);
  if (found == names.end()) {
    key_ = {};
    fail(fmt::format("unknown key \"{}\"{}", excerpt(key), hint(key, names)));
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(found - names.begin());
  key_ = *found;
  if ((seen & (1U << index)) != 0) {
    fail(fmt::format("the key \"{}\" stands here twice", key));
    return std::nullopt;
  }
  return index;
}

void RequestReader::leave_section() {
  if (!reader_.failed()) {
    section_ = {};
    key_ = {};
    is_in_list_ = false;
  }
}

void RequestReader::require(std::uint32_t seen, Names names, std::size_t index) {
  if ((seen & (1U << index)) != 0 || reader_.failed()) {
    return;
  }
  key_ = {};
  reader_.fail(fmt::format("the key \"{}\" is missing", names[index]), reader_.offset() - 1);
}

std::uint64_t RequestReader::hex() {
  const std::string_view text = reader_.string(kHexExpected);
  if (reader_.failed()) {
    return 0;
  }
  const std::optional<std::uint64_t> value = parse_hex(text);
  if (!value) {
    fail(fmt::format("expected {} of at most 64 bits, found \"{}\"", kHexExpected, excerpt(text)));
  }
  return value.value_or(0);
}

std::size_t RequestReader::name(std::string_view what, Names names) {
  const std::string expected = fmt::format("{}: {}", what, fmt::join(names, ", "));
  const std::string_view text = reader_.string(expected);
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) {
    return static_cast<std::size_t>(found - names.begin());
  }
  fail(fmt::format("expected {}, found \"{}\"{}", expected, excerpt(text), hint(text, names)));
  return 0;
}

void RequestReader::fail_at(std::string_view section_name, std::string_view key, std::size_t offset,
                            const std::optional<std::string>& problem) {
  if (problem && !reader_.failed()) {
    section_ = section_name;
    key_ = key;
    reader_.fail(*problem, offset);
  }
}

std::string RequestReader::path() const {
  if (is_in_list_) {
    return fmt::format("{}[{}]", section_, list_index_);
  }
  if (section_.empty() || key_.empty()) {
    return std::string(section_.empty() ? key_ : section_);
  }
  return fmt::format("{}.{}", section_, key_);
}

std::optional<RequestError> RequestReader::find_error() const {
  if (!reader_.failed()) {
    return std::nullopt;
  }
  const LineColumn at = line_column(text_, reader_.problem().offset);
  return RequestError{"null", reader_.problem().what, path(), at.line, at.column};
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (!text.starts_with("0x")) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

}  // namespace nestwalk
