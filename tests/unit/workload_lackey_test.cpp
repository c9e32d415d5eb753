#include "model/workload/lackey.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk {
namespace {

using Kind = LackeyLine::Kind;

constexpr std::string_view kText =
    "==6092== Lackey, an example Valgrind tool\n"
    "==6092== Command: true\n"
    "==6092== \n"
    "I  0401ab70,3\n"
    "I  0401ab73,5\n"
    " S 1fff000688,8\n"
    " M 04a29a48,4\n"
    "**6092** a message of the program\n"
    " L 04a29a48,16\n"
    "I  xyz,3\n"
    " L 04a29a48\n"
    " L ,4\n"
    " Q 04a29a48,4\n"
    " L 04a29a48,99999999999\n"
    " L 04a29a48,0\n"
    "\n"
    " S ffffffffff600000,1\n"
    "==6092== Exit code:       0\n"
    "I  0401ab70,3";  // cut off: no line

std::vector<LackeyLine> expected_lines() {
  return {{Kind::kInstruction, 0x401ab70, 3}, {Kind::kInstruction, 0x401ab73, 5},
          {Kind::kStore, 0x1fff000688, 8},    {Kind::kModify, 0x4a29a48, 4},
          {Kind::kLoad, 0x4a29a48, 16},       {Kind::kStore, 0xffffffffff600000, 1}};
}

// The accesses among the lines; every other line is a text, in order.
std::vector<LackeyLine> accesses_of(const LackeyLines& all) {
  std::vector<LackeyLine> accesses;
  std::uint64_t num_texts = 0;
  for (const LackeyLine& line : all.lines) {
    if (line.kind == Kind::kText) {
      EXPECT_EQ(line.address, num_texts++);
    } else {
      accesses.push_back(line);
    }
  }
  EXPECT_EQ(num_texts, all.texts.size());
  return accesses;
}

const std::vector<std::string> kTexts = {"==6092== Lackey, an example Valgrind tool",
                                         "==6092== Command: true",
                                         "==6092== ",
                                         "**6092** a message of the program",
                                         "I  xyz,3",
                                         " L 04a29a48",
                                         " L ,4",
                                         " Q 04a29a48,4",
                                         " L 04a29a48,99999999999",
                                         " L 04a29a48,0",
                                         "",
                                         "==6092== Exit code:       0"};

TEST(LackeyParser, TakesAccessesAndHandsOnTheRest) {
  LackeyParser parser;
  LackeyLines lines;
  parser.feed(kText, lines);
  EXPECT_EQ(accesses_of(lines), expected_lines());
  EXPECT_EQ(lines.texts, kTexts);
  EXPECT_EQ(parser.rest(), "I  0401ab70,3");
}

TEST(LackeyParser, PiecesMayBeCutAnywhere) {
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    LackeyParser parser;
    LackeyLines lines;
    parser.feed(kText.substr(0, cut), lines);
    parser.feed(kText.substr(cut), lines);
    EXPECT_EQ(accesses_of(lines), expected_lines()) << "cut at " << cut;
    EXPECT_EQ(lines.texts, kTexts) << "cut at " << cut;
  }
}

std::vector<TraceRecord> convert(const std::vector<LackeyLine>& lines) {
  LackeyCoalescer coalescer;
  std::vector<TraceRecord> records;
  for (const LackeyLine& line : lines) {
    coalescer.convert(line, records);
  }
  return records;
}

std::uint64_t sum_of_instructions(const std::vector<TraceRecord>& records) {
  std::uint64_t sum = 0;
  for (const TraceRecord& record : records) {
    sum += record.num_instructions;
  }
  return sum;
}

TEST(LackeyCoalescer, OneFetchPerChangeOfLine) {
  const auto records = convert({{Kind::kInstruction, 0x1000, 4},
                                {Kind::kInstruction, 0x1004, 4},
                                {Kind::kInstruction, 0x1044, 4},
                                {Kind::kInstruction, 0x1008, 4}});
  ASSERT_EQ(records.size(), 3U);
  const std::uint64_t lines[] = {0x1000, 0x1040, 0x1000};
  const std::uint64_t instructions[] = {1, 2, 1};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].type, AccessType::kFetch);
    EXPECT_EQ(records[i].address, Gva(lines[i]));
    EXPECT_EQ(records[i].size_bytes, 64);
    EXPECT_EQ(records[i].num_instructions, instructions[i]) << i;
  }
}

TEST(LackeyCoalescer, AnInstructionAcrossTwoPagesFetchesBoth) {
  const auto records = convert({{Kind::kInstruction, 0x1ffe, 5}});
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].address, Gva(0x1fc0));
  EXPECT_EQ(records[1].address, Gva(0x2000));
  EXPECT_EQ(sum_of_instructions(records), 1U);
}

TEST(LackeyCoalescer, DataBetweenTwoFetchesOfALineDoesNotFetchAgain) {
  const auto records = convert({{Kind::kInstruction, 0x1000, 4},
                                {Kind::kLoad, 0x8000, 8},
                                {Kind::kInstruction, 0x1004, 4},
                                {Kind::kStore, 0x9000, 2}});
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1].type, AccessType::kRead);
  EXPECT_EQ(records[1].num_instructions, 0U) << "counted with its fetch";
  EXPECT_EQ(records[2].type, AccessType::kWrite);
  EXPECT_EQ(records[2].address, Gva(0x9000));
  EXPECT_EQ(records[2].size_bytes, 2);
  EXPECT_EQ(records[2].num_instructions, 1U);
}

TEST(LackeyCoalescer, AModifyReadsAndThenWrites) {
  const auto records = convert({{Kind::kModify, 0x8000, 4}});
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].type, AccessType::kRead);
  EXPECT_EQ(records[1].type, AccessType::kWrite);
  EXPECT_EQ(records[1].address, Gva(0x8000));
}

TEST(LackeyCoalescer, TrailingInstructionsArePending) {
  LackeyCoalescer coalescer;
  std::vector<TraceRecord> records;
  for (const std::uint64_t address : {0x1000, 0x1004, 0x1008}) {
    coalescer.convert({Kind::kInstruction, address, 4}, records);
  }
  EXPECT_EQ(sum_of_instructions(records), 1U);
  EXPECT_EQ(coalescer.take_pending_instructions(), 2U);
  EXPECT_EQ(coalescer.take_pending_instructions(), 0U);
}

}  // namespace
}  // namespace nestwalk
