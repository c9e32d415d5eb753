#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "model/config/scalar.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(ConfigScalar, IntegersAreDecimalOrHexadecimal) {
  EXPECT_EQ(parse_integer("0"), 0U);
  EXPECT_EQ(parse_integer("4096"), 4096U);
  EXPECT_EQ(parse_integer("0x1F"), 31U);
  EXPECT_EQ(parse_integer("18446744073709551615"), kMax);
  for (const char* text : {"", "12.5", "1e3", "-1", "+1", "010", "0x", "0xg", "1 ", " 1", "1_000",
                           "18446744073709551616", "0b1", "4K"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
}

TEST(ConfigScalar, SizesTakeBinaryUnits) {
  EXPECT_EQ(parse_bytes("64"), 64U);
  EXPECT_EQ(parse_bytes("64 B"), 64U);
  EXPECT_EQ(parse_bytes("64 KiB"), 65536U);
  EXPECT_EQ(parse_bytes("4GiB"), std::uint64_t{4} << 30);
  EXPECT_EQ(parse_bytes("1 MiB"), std::uint64_t{1} << 20);
  EXPECT_EQ(parse_bytes("3TiB"), std::uint64_t{3} << 40);
  EXPECT_EQ(parse_bytes("16777215 TiB"), std::uint64_t{16777215} << 40);
  for (const char* text :
       {"16777216 TiB", "KiB", "1.5 GiB", "64 KB", "64K", "64  KiB", "-1 B", ""}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(ConfigScalar, SizesAreWrittenInTheLargestExactUnit) {
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(1000), "1000");
  EXPECT_EQ(format_bytes(1025), "1025");
  EXPECT_EQ(format_bytes(1536), "1536");
  EXPECT_EQ(format_bytes(65536), "64 KiB");
  EXPECT_EQ(format_bytes(std::uint64_t{3} << 40), "3 TiB");
}

TEST(ConfigScalar, EverySizeWrittenReadsBack) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    const std::uint64_t power = std::uint64_t{1} << shift;
    for (std::uint64_t value : {power - 1, power, power + 1, power * 3}) {
      EXPECT_EQ(parse_bytes(format_bytes(value)), value);
    }
  }
}

TEST(ConfigScalar, NumbersAreFinite) {
  EXPECT_EQ(parse_number("1.5"), 1.5);
  EXPECT_EQ(parse_number("1e3"), 1000.0);
  EXPECT_EQ(parse_number("-2"), -2.0);
  for (const char* text : {"", "nan", "inf", "-inf", "1,5", "1.5x", "1e999", "one"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(ConfigScalar, NumbersReadBackExactly) {
  for (double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.123456789, 1e22}) {
    EXPECT_EQ(parse_number(format_number(value)), value);
  }
}

TEST(ConfigScalar, BooleansAreTwoWords) {
  EXPECT_EQ(parse_boolean("true"), true);
  EXPECT_EQ(parse_boolean("false"), false);
  for (const char* text : {"yes", "True", "1", "", "on"}) {
    EXPECT_FALSE(parse_boolean(text)) << text;
  }
}

TEST(ConfigScalar, RangesNameTheirUnit) {
  EXPECT_EQ(range_text(IntegerParameter{"a", "cycles", "", 1, 9}), "1 to 9 cycles");
  EXPECT_EQ(range_text(IntegerParameter{"a", "", "", 1, 9}), "1 to 9");
  EXPECT_EQ(range_text(IntegerParameter{"a", "bytes", "", 4096, 1U << 20}), "4 KiB to 1 MiB");
  EXPECT_EQ(range_text(IntegerParameter{"a", "", ""}), "");
  EXPECT_EQ(range_text(IntegerParameter{"a", "ways", "", 2}), "2 or more ways");
  EXPECT_EQ(range_text(IntegerParameter{"a", "", "", 1, 8, true}), "1 to 8, a power of two");
  EXPECT_EQ(range_text(IntegerParameter{"a", "", "", 0, 8, true}), "0 to 8, a power of two or 0");
  EXPECT_EQ(range_text(IntegerParameter{"a", "address", "", 0, 0x1000}), "0x0 to 0x1000");
  EXPECT_EQ(range_text(NumberParameter{"a", "cycles", "", 0.5, 2}), "0.5 to 2 cycles");
  EXPECT_EQ(range_text(NumberParameter{"a", "", ""}), "0 or more");
}

TEST(ConfigScalar, PowersOfTwoAreEnforcedWithinTheRange) {
  const IntegerParameter d{"a", "", "", 0, 8, true};
  for (std::uint64_t value = 0; value <= 16; ++value) {
    const bool is_allowed = value == 0 || value == 1 || value == 2 || value == 4 || value == 8;
    EXPECT_EQ(is_in_range(d, value), is_allowed) << value;
  }
}

TEST(ConfigScalar, PlainTextThatYamlReadsOtherwiseIsKnown) {
  for (const char* text : {"1", "0x1", "1.5", "true", "null", "~", "", "yes"}) {
    EXPECT_TRUE(looks_like_no_text(text)) << text;
  }
  for (const char* text : {"4k", "a", "true story", "1 2", "lru"}) {
    EXPECT_FALSE(looks_like_no_text(text)) << text;
  }
}

TEST(ConfigScalar, QuotingEscapes) {
  EXPECT_EQ(quoted_text("a\"b\\c\n\t"), "\"a\\\"b\\\\c\\n\\t\"");
}

}  // namespace
}  // namespace nestwalk
