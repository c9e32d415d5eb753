// The written form of single values, one definition for the parser, the schema, the resolved file
// and the reference page. Strict: the whole text must be the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/params/descriptor.h"

namespace nestwalk {

// Decimal without leading zeros, or 0x and hexadecimal digits.
[[nodiscard]] std::optional<std::uint64_t> parse_integer(std::string_view text);
// An integer, or one with a unit: "64 KiB", "4GiB". Units are B, KiB, MiB, GiB, TiB.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
[[nodiscard]] std::optional<double> parse_number(std::string_view text);
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);

// "4 GiB" for exact multiples, digits otherwise; parse_bytes() reads it back.
[[nodiscard]] std::string format_bytes(std::uint64_t value);
// The shortest text that parse_number() reads back to the same value.
[[nodiscard]] std::string format_number(double value);
// As the unit of the parameter asks for.
[[nodiscard]] std::string format_integer(const IntegerParameter& d, std::uint64_t value);

// Written with a unit, in hexadecimal.
[[nodiscard]] bool is_size(const IntegerParameter& d);
[[nodiscard]] bool is_address(const IntegerParameter& d);
[[nodiscard]] bool is_in_range(const IntegerParameter& d, std::uint64_t value);
// "0 to 1000 cycles", "1 KiB to 1 TiB, a power of two", "" when everything is allowed.
[[nodiscard]] std::string range_text(const IntegerParameter& d);
[[nodiscard]] std::string range_text(const NumberParameter& d);

// A plain YAML scalar that another reader would take for a number, a boolean or nothing.
[[nodiscard]] bool looks_like_no_text(std::string_view plain);

// YAML's double-quoted form.
[[nodiscard]] std::string quoted_text(std::string_view text);

}  // namespace nestwalk
