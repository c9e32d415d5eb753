#include "model/cli/walk_image_readme.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

namespace nestwalk {

namespace {

std::string lower_trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  std::string result(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::optional<FormatId> x86_format(std::string_view text) {
  if (contains(text, "5-level")) {
    return FormatId::kX86FiveLevel;
  }
  if (contains(text, "4-level")) {
    return FormatId::kX86FourLevel;
  }
  if (contains(text, "2-level")) {
    return FormatId::kX86TwoLevel;
  }
  return contains(text, "pae") ? std::optional(FormatId::kX86Pae) : std::nullopt;
}

std::optional<FormatId> host_format(std::string_view text) {
  if (!contains(text, "ept")) {
    return contains(text, "npt") ? x86_format(text) : std::nullopt;
  }
  if (contains(text, "5-level")) {
    return FormatId::kEptFiveLevel;
  }
  return contains(text, "4-level") ? std::optional(FormatId::kEptFourLevel) : std::nullopt;
}

std::optional<std::uint64_t> address(std::string_view text) {
  if (!text.starts_with("0x")) {
    return std::nullopt;
  }
  text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<WalkContext> registers_from_readme(std::string_view text) {
  std::optional<FormatId> guest;
  std::optional<FormatId> host;
  std::optional<std::uint64_t> gcr3;
  std::optional<std::uint64_t> ncr3;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text = newline == std::string_view::npos ? std::string_view() : text.substr(newline + 1);
    if (!line.starts_with('|')) {
      continue;
    }
    const std::size_t middle = line.find('|', 1);
    const std::size_t last = middle == std::string_view::npos ? middle : line.find('|', middle + 1);
    if (last == std::string_view::npos) {
      continue;
    }
    const std::string name = lower_trimmed(line.substr(1, middle - 1));
    const std::string value = lower_trimmed(line.substr(middle + 1, last - middle - 1));
    if (name == "guest format") {
      guest = x86_format(value);
    } else if (name == "host format") {
      host = host_format(value);
    } else if (name.starts_with("gcr3")) {
      gcr3 = address(value);
    } else if (name.starts_with("ncr3")) {
      ncr3 = address(value);
    }
  }
  if (!guest || !host || !gcr3 || !ncr3) {
    return std::nullopt;
  }
  WalkContext context;
  context.has_guest = true;
  context.guest_format = *guest;
  context.guest_root = *gcr3;
  context.has_host = true;
  context.host_format = *host;
  context.host_root = *ncr3;
  return context;
}

}  // namespace nestwalk
