#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_format.h"
#include "model/workload/trace_frame.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_writer.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kSeed = 77;

// A small trace with everything in it: regions, events, accesses.
std::string small_trace(const TempFolder& folder) {
  TraceWriter writer(folder.file("good.nwt"), {.command = "program", .source = "a test"});
  TraceRecord access;
  access.size_bytes = 8;
  for (std::uint64_t i = 0; i < 40; ++i) {
    access.address = Gva(0x1000 + i * i * 8);
    access.type = static_cast<AccessType>(i % 3);
    writer.append(access);
  }
  TraceEvent exit;
  exit.kind = TraceEventKind::kExit;
  TraceRecord record;
  record.event = &exit;
  writer.append(record);
  const Region region{.start = Gva(0x1000), .length_bytes = 0x10000, .rights = {}, .name = "[x]"};
  writer.finish({&region, 1});
  return read_whole_file(folder.file("good.nwt"));
}

std::vector<OwnedRecord> read_file(const std::string& path) {
  TraceReader reader(path);
  return read_all(reader);
}

// The problem with a file of this content; nothing if it reads to its end.
std::optional<std::string> problem_of(const TempFolder& folder, const std::string& content) {
  const std::string path = folder.write("bad.nwt", content);
  try {
    read_file(path);
  } catch (const TraceError& error) {
    EXPECT_EQ(error.problem().path, path);
    EXPECT_EQ(std::string(error.what()).find(path), 0U);
    return error.what();
  }
  return std::nullopt;
}

// As problem_of, and both parts of the message are there. The texts follow the order of the
// message. NOLINTNEXTLINE(bugprone-easily-swappable-parameters)
void expect_problem(const std::string& content, const std::string& found,
                    const std::string& expected) {
  const TempFolder folder;
  const std::string message = problem_of(folder, content).value_or("no problem");
  EXPECT_NE(message.find("found " + found), std::string::npos) << message;
  EXPECT_NE(message.find(expected), std::string::npos) << message;
}

TEST(BadTrace, AnEmptyFile) {
  expect_problem("", "an empty file", "expected a trace (.nwt)");
}

TEST(BadTrace, AGitLfsPointer) {
  expect_problem("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2811\n",
                 "a Git LFS pointer", "`git lfs pull`");
}

TEST(BadTrace, LackeyText) {
  expect_problem("I  0401ab70,3\n S 1fff000688,8\n", "the text output of valgrind's lackey tool",
                 "`nestwalk record");
  expect_problem("==12== Lackey, an example Valgrind tool\n==12==\nI  0401ab70,3\n",
                 "the text output of valgrind's lackey tool", "`nestwalk record");
}

TEST(BadTrace, TextWithCrlf) {
  expect_problem("0x1000 R\r\n0x2000 W\r\n", "a text file with CRLF line ends", "(.nwt)");
  expect_problem(" L 1fff000688,8\r\n", "the text output of valgrind's lackey tool with CRLF",
                 "`nestwalk record");
}

TEST(BadTrace, ATraceWithConvertedLineEnds) {
  const TempFolder folder;
  const std::string good = small_trace(folder);
  std::string unix_ends = good;
  unix_ends.erase(good.find('\r'), 1);
  expect_problem(unix_ends, "a trace whose line ends were converted", "binary mode");
  std::string dos_ends = good;
  dos_ends.insert(dos_ends.find('\n', 7), "\r");
  expect_problem(dos_ends, "a trace whose line ends were converted", "binary mode");
}

TEST(BadTrace, OtherKindsOfFile) {
  expect_problem(std::string("\xfd"
                             "7zXZ\0\0",
                             7),
                 "a compressed file", "unpack");
  expect_problem(std::string("\x7f"
                             "ELF\x02\x01\x01\0\0\0",
                             10),
                 "a binary file of another kind", "(.nwt)");
  expect_problem("workload:\n  kind: gups\n", "a text file", "(.nwt)");
}

TEST(BadTrace, NoFileOrAFolder) {
  const TempFolder folder;
  EXPECT_THROW(trace_info(folder.file("missing.nwt")), TraceError);
  EXPECT_THROW(trace_info(folder.file("")), TraceError);
}

TEST(BadTrace, AnotherVersion) {
  const TempFolder folder;
  std::string content = small_trace(folder);
  content[8] = 2;
  expect_problem(content, "trace version 2", "version 1");
}

TEST(BadTrace, CutOffAnywhere) {
  const TempFolder folder;
  const std::string good = small_trace(folder);
  ASSERT_FALSE(problem_of(folder, good));
  for (std::size_t length = 1; length < good.size(); ++length) {
    const auto problem = problem_of(folder, good.substr(0, length));
    ASSERT_TRUE(problem) << "cut to " << length << " of " << good.size();
    EXPECT_NE(problem->find("cut off"), std::string::npos) << length << ": " << *problem;
  }
}

TEST(BadTrace, BytesAddedOrMissingInside) {
  const TempFolder folder;
  const std::string good = small_trace(folder);
  for (std::size_t at = kTraceMagic.size(); at < good.size(); at += 7) {
    std::string longer = good;
    longer.insert(at, "x");
    EXPECT_TRUE(problem_of(folder, longer)) << at;
    std::string shorter = good;
    shorter.erase(at, 1);
    EXPECT_TRUE(problem_of(folder, shorter)) << at;
  }
}

// Every flipped bit is noticed, or the records are the same (zstd has bits without a meaning).
TEST(BadTrace, AFlippedBitAnywhere) {
  const TempFolder folder;
  const std::string good = small_trace(folder);
  const std::vector<OwnedRecord> expected = read_file(folder.file("good.nwt"));
  std::size_t num_harmless = 0;
  for (std::size_t at = 0; at < good.size() * 8; at += 3) {
    std::string content = good;
    content[at / 8] = static_cast<char>(content[at / 8] ^ (1 << (at % 8)));
    if (!problem_of(folder, content)) {
      ++num_harmless;
      EXPECT_TRUE(read_file(folder.file("bad.nwt")) == expected) << "bit " << at;
    }
  }
  EXPECT_LT(num_harmless, 16U);
}

TEST(BadTrace, ADamagedFrameIsLocated) {
  const TempFolder folder;
  std::string content = small_trace(folder);
  const std::size_t header_bytes =
      kTraceHeaderBytes + 2 + std::string("program").size() + std::string("a test").size();
  const std::size_t inside = header_bytes + kTraceFrameHeaderBytes + 20;
  content[inside] = static_cast<char>(~content[inside]);
  const std::string message = problem_of(folder, content).value_or("no problem");
  EXPECT_NE(message.find("byte " + std::to_string(header_bytes) + ": found a frame"),
            std::string::npos)
      << message;
}

// What passes the checksums but no encoder makes ends in failure, never outside the bytes.
TEST(FrameDecoder, RandomBytesFailOrDecode) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  SplitMix random(kSeed);
  int num_failed = 0;
  for (int round = 0; round < 5000; ++round) {
    Bytes raw(random.draw() % 200);
    for (std::uint8_t& byte : raw) {
      byte = static_cast<std::uint8_t>(random.draw());
    }
    if (!raw.empty() && random.draw() % 2 == 0) {
      raw[0] = static_cast<std::uint8_t>(raw.size() / 2);
      raw[1 % raw.size()] = static_cast<std::uint8_t>(raw.size() / 4);
    }
    FrameDecoder decoder(raw);
    std::deque<TraceEvent> events;
    std::vector<TraceRecord> batch(64);
    std::size_t total = 0;
    while (const std::size_t count = decoder.next_batch(batch, events)) {
      total += count;
    }
    EXPECT_LE(total, raw.size());
    num_failed += decoder.failed() ? 1 : 0;
  }
  EXPECT_GT(num_failed, 1000);
}

}  // namespace
}  // namespace nestwalk
