#include "model/config/scalar.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

namespace nestwalk {
namespace {

struct SizeUnit {
  std::string_view name;
  unsigned shift;
};
constexpr std::array<SizeUnit, 5> kSizeUnits = {
    {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}};

template <class Value, class... Format>
std::optional<Value> parse_whole(std::string_view text, Format... format) {
  Value value{};
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, format...);
  if (result.ec != std::errc() || result.ptr != end) {
    return std::nullopt;
  }
  return value;
}

bool has_upper_bound(std::uint64_t max) {
  return max != std::numeric_limits<std::uint64_t>::max();
}
bool has_upper_bound(double max) {
  return max != std::numeric_limits<double>::max();
}
bool has_lower_bound(double min) {
  return min != std::numeric_limits<double>::lowest();
}

std::string with_unit(std::string range, std::string_view unit) {
  return unit.empty() ? range : fmt::format("{} {}", range, unit);
}

}  // namespace

std::optional<std::uint64_t> parse_integer(std::string_view text) {
  if (text.starts_with("0x")) {
    return parse_whole<std::uint64_t>(text.substr(2), 16);
  }
  if (text.size() > 1 && text.front() == '0') {
    return std::nullopt;  // octal in YAML 1.1, decimal in 1.2
  }
  return parse_whole<std::uint64_t>(text, 10);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (!text.ends_with(unit.name)) {
      continue;
    }
    text.remove_suffix(unit.name.size());
    if (text.ends_with(' ')) {
      text.remove_suffix(1);
    }
    const auto value = parse_whole<std::uint64_t>(text, 10);
    if (!value || *value > std::numeric_limits<std::uint64_t>::max() >> unit.shift) {
      return std::nullopt;
    }
    return *value << unit.shift;
  }
  return parse_integer(text);
}

std::optional<double> parse_number(std::string_view text) {
  const auto value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "false") {
    return text == "true";
  }
  return std::nullopt;
}

std::string format_bytes(std::uint64_t value) {
  for (const SizeUnit& unit : kSizeUnits) {
    const std::uint64_t rest = value & ((std::uint64_t{1} << unit.shift) - 1);
    if (unit.shift > 0 && value != 0 && rest == 0) {
      return fmt::format("{} {}", value >> unit.shift, unit.name);
    }
  }
  return fmt::format("{}", value);
}

std::string format_number(double value) {
  return fmt::format("{}", value);
}

std::string format_integer(const IntegerParameter& d, std::uint64_t value) {
  if (is_size(d)) {
    return format_bytes(value);
  }
  return is_address(d) ? fmt::format("{:#x}", value) : fmt::format("{}", value);
}

bool is_address(const IntegerParameter& d) {
  return d.unit == "address";
}

bool is_size(const IntegerParameter& d) {
  return d.unit == "bytes";
}

bool is_in_range(const IntegerParameter& d, std::uint64_t value) {
  const bool is_shape_right = !d.power_of_two || value == 0 || std::has_single_bit(value);
  return is_shape_right && value >= d.min && value <= d.max;
}

std::string range_text(const IntegerParameter& d) {
  std::string range;
  if (has_upper_bound(d.max)) {
    range = fmt::format("{} to {}", format_integer(d, d.min), format_integer(d, d.max));
  } else if (d.min > 0) {
    range = fmt::format("{} or more", format_integer(d, d.min));
  }
  if (!range.empty() && !is_size(d) && !is_address(d)) {
    range = with_unit(range, d.unit);
  }
  if (d.power_of_two) {
    range += range.empty() ? "a power of two" : ", a power of two";
    range += d.min == 0 ? " or 0" : "";
  }
  return range;
}

std::string range_text(const NumberParameter& d) {
  if (!has_lower_bound(d.min)) {
    return has_upper_bound(d.max) ? with_unit(format_number(d.max) + " or less", d.unit) : "";
  }
  return has_upper_bound(d.max)
             ? with_unit(fmt::format("{} to {}", format_number(d.min), format_number(d.max)),
                         d.unit)
             : with_unit(format_number(d.min) + " or more", d.unit);
}

bool looks_like_no_text(std::string_view plain) {
  constexpr std::array<std::string_view, 14> kWords = {"true",  "True", "TRUE", "false", "False",
                                                       "FALSE", "yes",  "no",   "on",    "off",
                                                       "null",  "~",    "",     "Null"};
  for (std::string_view word : kWords) {
    if (plain == word) {
      return true;
    }
  }
  return parse_integer(plain) || parse_number(plain);
}

std::string quoted_text(std::string_view text) {
  // JSON's escapes are a subset of YAML's.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace nestwalk
