// Each foreign form, packed in each way, comes out as the accesses that went in.
#include "model/workload/trace_import.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "model/workload/bytes.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"
#include "tests/support/test_random.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

std::string xz(const std::string& raw) {
  std::string packed(raw.size() + 1000, '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(raw.data()),
                raw.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  return packed.substr(0, size);
}

std::string gzip(const std::string& raw) {
  std::string packed(raw.size() + 1000, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string copy = raw;
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& raw) {
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 1));
  return packed;
}

std::string plain(const std::string& raw) {
  return raw;
}

using Pack = std::function<std::string(const std::string&)>;
const std::vector<std::pair<std::string, Pack>> kPacks = {
    {"none", plain}, {"xz", xz}, {"gzip", gzip}, {"zstd", zstd}};

// Type, address, size.
using Access = std::tuple<AccessType, std::uint64_t, unsigned>;

std::vector<Access> imported(const TempFolder& folder, const std::string& content) {
  std::filesystem::remove(folder.file("out.nwt"));
  import_trace({.input_path = folder.write("in", content), .output_path = folder.file("out.nwt")},
               {});
  TraceReader reader(folder.file("out.nwt"));
  std::vector<Access> accesses;
  std::vector<Region> regions;
  for (const OwnedRecord& item : read_all(reader)) {
    if (item.is_event) {
      regions.push_back(item.event.region);
      continue;
    }
    accesses.emplace_back(item.record.type, item.record.address.value(), item.record.size_bytes);
    bool is_covered = false;
    for (const Region& region : regions) {
      is_covered |= region.contains(item.record.address) &&
                    (item.record.type == AccessType::kRead    ? region.rights.read
                     : item.record.type == AccessType::kWrite ? region.rights.write
                                                              : region.rights.execute);
    }
    EXPECT_TRUE(is_covered) << std::hex << item.record.address.value();
  }
  return accesses;
}

std::string problem_of(const TempFolder& folder, const std::string& content) {
  try {
    (void)imported(folder, content);
  } catch (const TraceError& error) {
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.nwt"))) << "nothing is left behind";
    return error.what();
  }
  return "no problem";
}

struct ChampSimInstruction {
  std::uint64_t ip = 0;
  std::vector<std::uint64_t> destinations;  // at most 2
  std::vector<std::uint64_t> sources;       // at most 4
};

std::string champsim(const std::vector<ChampSimInstruction>& instructions) {
  Bytes bytes;
  for (const ChampSimInstruction& instruction : instructions) {
    put_word(bytes, instruction.ip);
    put_word(bytes, std::uint64_t{0x0403020100000101});  // a taken branch, six registers
    for (std::size_t i = 0; i < 2; ++i) {
      put_word(bytes, i < instruction.destinations.size() ? instruction.destinations[i] : 0UL);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      put_word(bytes, i < instruction.sources.size() ? instruction.sources[i] : 0UL);
    }
  }
  return {bytes.begin(), bytes.end()};
}

constexpr AccessType kRead = AccessType::kRead;
constexpr AccessType kWrite = AccessType::kWrite;
constexpr AccessType kFetch = AccessType::kFetch;

TEST(TraceImport, ChampSimInEveryPacking) {
  const TempFolder folder;
  const std::string content = champsim({{0x401000, {0x7000, 0x7ff8}, {0x8000, 0x9001, 1, 2}},
                                        {0x401004, {}, {}},
                                        {0x401040, {0x7008}, {}},
                                        {0x401000, {}, {0x7008}}});
  const std::vector<Access> expected = {
      {kFetch, 0x401000, 64}, {kRead, 0x8000, 1},     {kRead, 0x9001, 1},  {kRead, 1, 1},
      {kRead, 2, 1},          {kWrite, 0x7000, 1},    {kWrite, 0x7ff8, 1}, {kFetch, 0x401040, 64},
      {kWrite, 0x7008, 1},    {kFetch, 0x401000, 64}, {kRead, 0x7008, 1}};
  for (const auto& [name, pack] : kPacks) {
    EXPECT_EQ(imported(folder, pack(content)), expected) << name;
    EXPECT_EQ(trace_info(folder.file("out.nwt")).num_instructions, 4U);
  }
}

TEST(TraceImport, TextFormsInEveryPackingAndWithBothLineEnds) {
  const TempFolder folder;
  const std::vector<Access> expected = {{kRead, 0x1000, 1}, {kWrite, 0x2040, 1}};
  for (const std::string form : {"# a comment\nLD 0x1000\n\nST 0x2040\n", "R 0x1000\nW 0x2040",
                                 "0x1000 R\n0x2040 W\n", "0: read 0x1000\n7: write 0x2040\n"}) {
    std::string windows;
    for (const char c : form) {
      windows += c == '\n' ? "\r\n" : std::string(1, c);
    }
    for (const auto& [name, pack] : kPacks) {
      EXPECT_EQ(imported(folder, pack(form)), expected) << form << name;
      EXPECT_EQ(imported(folder, pack(windows)), expected) << form << name;
    }
  }
}

TEST(TraceImport, LackeyText) {
  const TempFolder folder;
  const std::vector<Access> expected = {
      {kFetch, 0x401000, 64}, {kWrite, 0x1fff000688, 8}, {kRead, 0x30f0, 4}, {kWrite, 0x30f0, 4}};
  EXPECT_EQ(imported(folder,
                     "==1== Lackey, an example Valgrind tool\nI  00401000,3\n"
                     "I  00401003,3\n S 1fff000688,8\nSYSCALL[1,1](3) sys_close ( 4 )\n"
                     " --> [pre-success] Success(0x0) \n M 000030f0,4\n==1== Exit\n"),
            expected);
}

TEST(TraceImport, PackedStreamsOneAfterAnotherAreOne) {
  const TempFolder folder;
  for (const auto& [name, pack] : kPacks) {
    EXPECT_EQ(imported(folder, pack("LD 0x1000\nLD 0x1") + pack("040\n")),
              std::vector<Access>({{kRead, 0x1000, 1}, {kRead, 0x1040, 1}}))
        << name;
  }
}

TEST(TraceImport, NeighbouringPagesAreOneRegion) {
  const TempFolder folder;
  import_trace({.input_path = folder.write(
                    "in", champsim({{0x10000, {0x13000}, {0x12000}}, {0x11000, {0x20000}, {}}})),
                .output_path = folder.file("out.nwt")},
               {});
  const std::vector<Region> regions = trace_info(folder.file("out.nwt")).initial_regions;
  ASSERT_EQ(regions.size(), 3U);
  EXPECT_EQ(regions[0].start, Gva(0x10000));
  EXPECT_EQ(regions[0].length_bytes, 0x2000U);
  EXPECT_TRUE(regions[0].rights.execute);
  EXPECT_EQ(regions[1].start, Gva(0x12000));
  EXPECT_EQ(regions[1].length_bytes, 0x2000U);
  EXPECT_EQ(regions[1].rights, (RegionRights{.read = true, .write = true}));
  EXPECT_EQ(regions[2].start, Gva(0x20000));
}

// Longer than every buffer on the way, and nothing to be guessed from the name.
TEST(TraceImport, ALongRandomTrace) {
  const TempFolder folder;
  constexpr std::uint64_t kSeed = 1;
  SplitMix64 random(kSeed);
  std::vector<Access> expected;
  std::string text;
  for (int i = 0; i < 30000; ++i) {
    const bool is_read = random.below(2) == 0;
    const std::uint64_t address = random.below(std::uint64_t{1} << 47);
    expected.emplace_back(is_read ? kRead : kWrite, address, 1);
    text += (is_read ? "LD " : "ST ") + std::to_string(address) + "\n";
  }
  std::filesystem::create_directory(folder.file("d"));
  for (const auto& [name, pack] : kPacks) {
    const std::string input = folder.write("trace.nwt.zip.tar", pack(text));
    import_trace({.input_path = input, .output_path = folder.file("d/" + name)}, {});
    TraceReader reader(folder.file("d/" + name));
    std::vector<Access> accesses;
    for (const OwnedRecord& item : read_all(reader)) {
      if (!item.is_event) {
        accesses.emplace_back(item.record.type, item.record.address.value(),
                              item.record.size_bytes);
      }
    }
    EXPECT_EQ(accesses, expected) << name;
  }
}

TEST(TraceImport, StopsAtTheLimit) {
  const TempFolder folder;
  const ImportResult result =
      import_trace({.input_path = folder.write("in", "R 0x1000\nW 0x1000\nR 0x2000\n"),
                    .output_path = folder.file("out.nwt"),
                    .max_accesses = 2},
                   {});
  EXPECT_EQ(result.num_accesses, 2U);
  EXPECT_EQ(result.num_pages, 1U);
  EXPECT_EQ(trace_info(folder.file("out.nwt")).num_accesses(), 2U);
}

std::string tar() {
  std::string block(1024, '\0');
  block.replace(0, 6, "a.trac");
  block.replace(257, 5, "ustar");
  return block;
}

TEST(TraceImport, SaysWhatAFileIsInstead) {
  const TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "an empty file"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"},
      {tar(), "a tar archive"},
      {xz(tar()), "within its xz data a tar archive"},
      {gzip(xz("LD 0x1000\n")), "within its gzip data data that was packed twice"},
      {zstd(""), "within its zstd data nothing"},
      {std::string("PK\x03\x04 and more", 13), "a zip archive"},
      {"BZh91AY", "a bzip2 file"},
      {std::string("\xff\xfeL\0D\0", 6), "text in UTF-16"},
      {std::string("\x89NWT\r\n\x1a\n and more", 17), "needs no import"},
      {std::string(640, '\xee'), "a binary file of another kind"},
      {"hello\nworld\n", "text with the line \"hello\""},
      {"# only\n", "text with the line \"\""},
      {"R 0,1,2,3\n", "\"R 0x1000\""},
      {"==7== Lackey\n", "without any access"},
  };
  for (const auto& [content, part] : cases) {
    EXPECT_NE(problem_of(folder, content).find(part), std::string::npos)
        << part << ": " << problem_of(folder, content);
  }
}

TEST(TraceImport, NamesTheLineOrRecordThatIsWrong) {
  const TempFolder folder;
  const std::string mixed = problem_of(folder, "# c\nLD 0x1000\n0x2000 R\n");
  EXPECT_NE(mixed.find("in: line 3: found \"0x2000 R\", expected \"LD 0x1000\""), std::string::npos)
      << mixed;
  const std::string last = problem_of(folder, "R 0x1000\nR 0x20zz");
  EXPECT_NE(last.find("line 2: found \"R 0x20zz\""), std::string::npos) << last;
  const std::string binary = problem_of(folder, "R 0x1000\nR \x01\n");
  EXPECT_NE(binary.find("a binary file"), std::string::npos) << binary;

  std::string records = champsim({{0x401000, {}, {}}, {0x401040, {}, {}}});
  const std::string cut = problem_of(folder, records.substr(0, 100));
  EXPECT_NE(cut.find("record 2: found the end of the file after 36 of its 64 bytes"),
            std::string::npos)
      << cut;
  for (int i = 0; i < 2000; ++i) {
    records += champsim({{0x401000, {}, {}}});
  }
  records[1500 * 64 + 8] = 7;
  const std::string damaged = problem_of(folder, records);
  EXPECT_NE(damaged.find("record 1501: found branch flags 7 and 1"), std::string::npos) << damaged;
}

TEST(TraceImport, PackedDataCutAnywhereIsNoticed) {
  const TempFolder folder;
  const std::string text = "LD 0x1000\nST 0x2000\nLD 0x12345678\n";
  for (const auto& [name, pack] : kPacks) {
    if (name == "none") {
      continue;
    }
    const std::string packed = pack(text);
    for (std::size_t size = 6; size < packed.size(); ++size) {
      const std::string problem = problem_of(folder, packed.substr(0, size));
      EXPECT_NE(problem.find("the file was cut off"), std::string::npos)
          << name << " cut at " << size << ": " << problem;
    }
    std::string damaged = packed;
    damaged[packed.size() / 2] = static_cast<char>(damaged[packed.size() / 2] ^ 0x55);
    EXPECT_NE(problem_of(folder, damaged), "no problem") << name;
  }
}

}  // namespace
}  // namespace nestwalk
