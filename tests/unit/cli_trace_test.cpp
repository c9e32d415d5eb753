// `nestwalk trace` as a user starts it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/workload/trace_reader.h"
#include "model/workload/trace_writer.h"
#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

constexpr int kUsageError = 2;
constexpr int kInputError = 3;

Region region(std::uint64_t start, std::uint64_t length, RegionRights rights,
              const std::string& name) {
  return {.start = Gva(start), .length_bytes = length, .rights = rights, .name = name};
}

// One record of every kind.
void write_trace(const std::string& path) {
  using enum TraceEventKind;
  TraceWriter writer(path, {.command = "prog", .source = "test"});
  const auto access = [&writer](AccessType type, std::uint64_t address, std::uint16_t size) {
    TraceRecord record;
    record.address = Gva(address);
    record.type = type;
    record.size_bytes = size;
    record.num_instructions = 1;
    writer.append(record);
  };
  const auto event = [&writer](TraceEventKind kind, const Region& about, std::uint32_t target,
                               std::uint32_t process = 0) {
    const TraceEvent item{.kind = kind, .region = about, .target_process = target};
    TraceRecord record;
    record.event = &item;
    record.process = process;
    record.num_instructions = 10;
    writer.append(record);
  };
  access(AccessType::kFetch, 0x401000, 64);
  access(AccessType::kRead, 0x7ffe00000010, 8);
  access(AccessType::kWrite, 0x402fff, 2);
  event(kMap, region(0x10000, 0x3000, {.read = true}, "/lib/a.so"), 0);
  event(kProtect, region(0x11000, 0x1000, {.read = true, .write = true}, ""), 0);
  event(kUnmap, region(0x10000, 0x1000, {}, ""), 0);
  event(kBreak, region(0x500800, 0x800, {}, ""), 0);
  event(kFork, {}, 1);
  event(kSwitchProcess, {}, 1);
  event(kExec, region(0, 0, {}, "/bin/other"), 0, 1);
  event(kExit, {}, 0, 1);
  const std::vector<Region> initial = {
      region(0x401000, 0x2000, {.read = true, .write = true, .execute = true}, "prog")};
  writer.finish(initial);
}

TEST(CliTrace, HeadShowsEveryKindOfRecord) {
  const TempFolder folder;
  write_trace(folder.file("t.nwt"));
  const Ended ended = run_nestwalk({"trace", "head", "t.nwt"}, folder);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out,
            "process  instructions  record\n"
            "      0             0  map            0x401000 to 0x403000 rwx prog\n"
            "      0             1  fetch          0x401000  64\n"
            "      0             2  read     0x7ffe00000010   8\n"
            "      0             3  write          0x402fff   2\n"
            "      0            13  map             0x10000 to 0x13000 r-- /lib/a.so\n"
            "      0            23  protect         0x11000 to 0x12000 rw-\n"
            "      0            33  unmap           0x10000 to 0x11000\n"
            "      0            43  break          0x500800, 2048 bytes in all\n"
            "      0            53  fork     process 1\n"
            "      0            63  switch   to process 1\n"
            "      1            73  exec     /bin/other\n"
            "      1            83  exit\n");
  const Ended two = run_nestwalk({"trace", "head", "-n", "2", "t.nwt"}, folder);
  EXPECT_EQ(two.out, ended.out.substr(0, ended.out.find("      0             2")));
  EXPECT_EQ(run_nestwalk({"trace", "head", "-n", "0", "t.nwt"}, folder).out,
            "process  instructions  record\n");
}

TEST(CliTrace, SliceAndImportWriteTraces) {
  const TempFolder folder;
  write_trace(folder.file("t.nwt"));
  const Ended sliced = run_nestwalk(
      {"trace", "slice", "t.nwt", "--from", "1", "--count", "2", "-o", "s.nwt"}, folder);
  ASSERT_EQ(sliced.status, 0) << sliced.err;
  EXPECT_EQ(trace_info(folder.file("s.nwt")).num_accesses(), 2U);

  folder.write("foreign.bin", "LD 0x1000\r\nST 0x3000\r\nLD 0x2000\r\n");
  const Ended imported = run_nestwalk({"trace", "import", "foreign.bin", "-o", "i.nwt"}, folder);
  ASSERT_EQ(imported.status, 0) << imported.err;
  EXPECT_NE(imported.out.find("load-store text"), std::string::npos) << imported.out;
  const TraceInfo info = trace_info(folder.file("i.nwt"));
  EXPECT_EQ(info.num_reads, 2U);
  EXPECT_EQ(info.num_writes, 1U);
  EXPECT_EQ(info.initial_regions.size(), 1U);

  folder.write("run.yaml", "vms:\n  - processes:\n      - workload: {kind: trace, trace: i.nwt}\n");
  const Ended ran = run_nestwalk({"run", "run.yaml", "--out", "r"}, folder);
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST(CliTrace, AnExistingFileIsKeptUnlessForced) {
  const TempFolder folder;
  folder.write("in", "LD 0x1000\n");
  folder.write("mine.nwt", "precious");
  const Ended kept = run_nestwalk({"trace", "import", "in", "-o", "mine.nwt"}, folder);
  EXPECT_EQ(kept.status, kUsageError);
  EXPECT_NE(kept.err.find("--force"), std::string::npos) << kept.err;
  folder.write("bad", "LD what\n");
  EXPECT_EQ(run_nestwalk({"trace", "import", "bad", "-o", "mine.nwt", "--force"}, folder).status,
            kInputError);
  EXPECT_EQ(read_whole_file(folder.file("mine.nwt")), "precious");
  EXPECT_EQ(run_nestwalk({"trace", "import", "in", "-o", "mine.nwt", "--force"}, folder).status, 0);
  EXPECT_EQ(trace_info(folder.file("mine.nwt")).num_accesses(), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder.file("mine.nwt.part")));
}

TEST(CliTrace, MistakesAreNamed) {
  const TempFolder folder;
  folder.write("in", "LD 0x1000\nST 4k\n");
  write_trace(folder.file("t.nwt"));
  const auto expect = [&](const std::vector<std::string>& arguments, int status,
                          const std::string& part) {
    const Ended ended = run_nestwalk(arguments, folder);
    EXPECT_EQ(ended.status, status) << part;
    EXPECT_NE(ended.err.find(part), std::string::npos) << ended.err;
  };
  expect({"trace", "import", "in", "-o", "o.nwt"}, kInputError, "in: line 2: found \"ST 4k\"");
  expect({"trace", "import", "none", "-o", "o.nwt"}, kInputError,
         "none: byte 0: found no readable");
  expect({"trace", "import", "in"}, kUsageError, "--output");
  expect({"trace", "slice", "t.nwt", "-o", "o.nwt"}, kUsageError, "--count");
  expect({"trace", "slice", "t.nwt", "--from", "9", "--count", "1", "-o", "o.nwt"}, kInputError,
         "found 3 accesses");
  expect({"trace", "head", "in"}, kInputError, "nestwalk trace import");
  expect({"trace", "heads", "t.nwt"}, kUsageError, "did you mean head?");
  EXPECT_FALSE(std::filesystem::exists(folder.file("o.nwt")));
}

}  // namespace
}  // namespace nestwalk
