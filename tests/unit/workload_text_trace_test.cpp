// The text forms, line by line.
#include "model/workload/text_trace.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nestwalk {
namespace {

struct GoodLine {
  TextForm form;
  std::string line;
  AccessType type;
  std::uint64_t address;
  std::uint16_t size_bytes = 1;
};

const std::vector<GoodLine>& good_lines() {
  using enum TextForm;
  static const std::vector<GoodLine> lines = {
      {kLoadStore, "LD 0x1000", AccessType::kRead, 0x1000},
      {kLoadStore, "ST 0xffffffffffffffc0", AccessType::kWrite, 0xffffffffffffffc0},
      {kLoadStore, "LD 4096", AccessType::kRead, 4096},
      {kLoadStore, "  ST\t0XaBc  ", AccessType::kWrite, 0xabc},
      {kReadWrite, "R 0x12345680", AccessType::kRead, 0x12345680},
      {kReadWrite, "W 64", AccessType::kWrite, 64},
      {kAddress, "0x12345680 R", AccessType::kRead, 0x12345680},
      {kAddress, "0x4cbd56c0 W", AccessType::kWrite, 0x4cbd56c0},
      {kCycles, "31:\tread\t0x400140", AccessType::kRead, 0x400140},
      {kCycles, "0: write 0x40 ", AccessType::kWrite, 0x40},
      {kCycles, "12: (64) write 0x40 00ff00ff", AccessType::kWrite, 0x40, 64},
      {kCycles, "12: (8)\tread 64", AccessType::kRead, 64, 8},
  };
  return lines;
}

TEST(TextTrace, GoodLines) {
  for (const GoodLine& good : good_lines()) {
    const auto record = parse_text_access(good.form, good.line);
    ASSERT_TRUE(record) << good.line;
    EXPECT_EQ(record->type, good.type) << good.line;
    EXPECT_EQ(record->address, Gva(good.address)) << good.line;
    EXPECT_EQ(record->size_bytes, good.size_bytes) << good.line;
    EXPECT_EQ(record->num_instructions, 1U) << good.line;
    EXPECT_EQ(find_text_form(good.line), good.form) << good.line;
  }
}

// A shorter line is either no access or, while only the number has become shorter, one of its type.
TEST(TextTrace, GoodLinesCutAnywhere) {
  for (const GoodLine& good : good_lines()) {
    for (std::size_t length = 0; length < good.line.size(); ++length) {
      if (const auto record = parse_text_access(good.form, good.line.substr(0, length))) {
        EXPECT_EQ(record->type, good.type) << good.line << " cut at " << length;
        EXPECT_EQ(record->size_bytes, good.size_bytes) << good.line << " cut at " << length;
      }
    }
  }
}

TEST(TextTrace, BadLines) {
  using enum TextForm;
  const std::vector<std::pair<TextForm, std::string>> lines = {
      {kLoadStore, "LD"},
      {kLoadStore, "LD 0x"},
      {kLoadStore, "LD 0x10000000000000000"},
      {kLoadStore, "LD 0x12g"},
      {kLoadStore, "LD -1"},
      {kLoadStore, "LD 0x1000 0x2000"},
      {kLoadStore, "LOAD 0x1000"},
      {kLoadStore, "ld 0x1000"},
      {kLoadStore, "0x1000 R"},
      {kReadWrite, "R 0,1,2,3"},
      {kReadWrite, "RD 0x1000"},
      {kAddress, "12345680 R"},
      {kAddress, "0x1000"},
      {kAddress, "0x1000 X"},
      {kAddress, "0x1000 R R"},
      {kCycles, "read 0x1000"},
      {kCycles, "x: read 0x1000"},
      {kCycles, "1: fetch 0x1000"},
      {kCycles, "1: read 0x1000 00ff"},
      {kCycles, "1: (0) read 0x1000"},
      {kCycles, "1: (70000) read 0x1000"},
      {kCycles, "1: read"},
  };
  for (const auto& [form, line] : lines) {
    EXPECT_FALSE(parse_text_access(form, line)) << line;
  }
}

TEST(TextTrace, TheFirstAccessTellsTheForm) {
  EXPECT_EQ(find_text_form("# LD 0x1\n\r\n\t\nR 0x1000\r\nLD 0x1\n"), TextForm::kReadWrite);
  EXPECT_EQ(find_text_form("I  04001000,3\n"), TextForm::kLackey);
  EXPECT_EQ(find_text_form("==12== Lackey, an example Valgrind tool\n==12== \n"),
            TextForm::kLackey);
  EXPECT_EQ(find_text_form("==12== x\n L 04001000,3\n"), TextForm::kLackey);
  EXPECT_FALSE(find_text_form(""));
  EXPECT_FALSE(find_text_form("# nothing\n"));
  EXPECT_FALSE(find_text_form("hello\nLD 0x1000\n"));
}

}  // namespace
}  // namespace nestwalk
