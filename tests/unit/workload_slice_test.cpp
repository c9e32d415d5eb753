// A slice is the same range of the original, with everything mapped that is mapped there.
#include "model/workload/trace_slice.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_regions.h"
#include "model/workload/trace_writer.h"
#include "tests/support/test_random.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPage = 0x1000;

Region pages(std::uint64_t first, std::uint64_t count, const std::string& name = "data") {
  return {.start = Gva(first * kPage),
          .length_bytes = count * kPage,
          .rights = {.read = true, .write = true},
          .name = name};
}

class Script {
 public:
  explicit Script(const std::string& path) : writer_(path, {.command = "prog", .source = "test"}) {}

  void event(std::uint32_t process, TraceEventKind kind, const Region& region = {},
             std::uint32_t target = 0) {
    const TraceEvent event{.kind = kind, .region = region, .target_process = target};
    TraceRecord record;
    record.event = &event;
    record.process = process;
    record.num_instructions = 2;
    writer_.append(record);
  }
  void access(std::uint32_t process, std::uint64_t address) {
    TraceRecord record;
    record.address = Gva(address);
    record.type = address % 2 == 0 ? AccessType::kRead : AccessType::kWrite;
    record.size_bytes = 1;
    record.num_instructions = 3;
    record.process = process;
    writer_.append(record);
  }
  void finish() {
    const std::vector<Region> initial = {pages(1, 4), pages(10, 2, "[stack]")};
    writer_.finish(initial);
  }

 private:
  TraceWriter writer_;
};

// Eleven accesses by two processes with every kind of event between them.
void write_story(const std::string& path) {
  using enum TraceEventKind;
  Script script(path);
  script.access(0, 1 * kPage);
  script.event(0, kMap, pages(20, 6, "file"));
  script.access(0, 25 * kPage);
  script.event(0, kUnmap, pages(22, 2));
  script.event(0, kProtect,
               {.start = Gva(20 * kPage), .length_bytes = kPage, .rights = {}, .name = {}});
  script.access(0, 20 * kPage);
  Region segment{
      .start = Gva(30 * kPage + 100), .length_bytes = kPage + 100, .rights = {}, .name = {}};
  script.event(0, kBreak, segment);
  script.access(0, 30 * kPage + 50);
  segment = {.start = Gva(29 * kPage + 10), .length_bytes = 10, .rights = {}, .name = {}};
  script.event(0, kBreak, segment);
  script.access(0, 29 * kPage + 2);
  script.event(0, kFork, {}, 1);
  script.access(0, 2 * kPage);
  script.event(0, kSwitchProcess, {}, 1);
  script.access(1, 20 * kPage);
  Region program;
  program.name = "/bin/other";
  script.event(1, kExec, program);
  script.event(1, kMap, pages(100, 3, "other"));
  script.access(1, 101 * kPage + 1);
  script.event(1, kSwitchProcess, {}, 0);
  script.access(0, 2 * kPage + 8);
  script.event(0, kExit);
  script.event(0, kSwitchProcess, {}, 1);
  script.access(1, 102 * kPage);
  script.access(1, 100 * kPage);
  script.event(1, kExit);
  script.finish();
}

// The records as they are, and the regions of each process at each access.
struct Replay {
  std::vector<OwnedRecord> records;
  std::vector<std::size_t> access_at;  // the place of each access among the records
  std::vector<std::vector<std::vector<Region>>> regions;
};

Replay replay(const std::string& path) {
  TraceReader reader(path);
  Replay result;
  TraceRegions regions;
  result.records = read_all(reader);
  for (std::size_t i = 0; i < result.records.size(); ++i) {
    TraceRecord record = result.records[i].record;
    if (result.records[i].is_event) {
      record.event = &result.records[i].event;
      regions.apply(record);
      continue;
    }
    result.access_at.push_back(i);
    std::vector<std::vector<Region>> all;
    for (const auto& [number, process] : regions.processes()) {
      all.push_back(process.regions.regions());
    }
    result.regions.push_back(all);
  }
  return result;
}

void expect_same_range(const Replay& all, const Replay& part, std::uint64_t from,
                       std::uint64_t count) {
  ASSERT_EQ(part.access_at.size(), count);
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(part.regions[i], all.regions[from + i]) << "at access " << from + i;
  }
  // From the first access to the last one the records are the same, events included.
  const auto first = all.records.begin() + static_cast<std::ptrdiff_t>(all.access_at[from]);
  const auto last =
      all.records.begin() + static_cast<std::ptrdiff_t>(all.access_at[from + count - 1]) + 1;
  const auto part_first = part.records.begin() + static_cast<std::ptrdiff_t>(part.access_at[0]);
  const auto part_last =
      part.records.begin() + static_cast<std::ptrdiff_t>(part.access_at[count - 1]) + 1;
  EXPECT_TRUE(std::equal(first, last, part_first, part_last)) << from << " " << count;
}

TEST(TraceSlice, EveryRangeOfAStoryIsItself) {
  const TempFolder folder;
  write_story(folder.file("all.nwt"));
  const Replay all = replay(folder.file("all.nwt"));
  const std::uint64_t num_accesses = all.access_at.size();
  ASSERT_EQ(num_accesses, 11U);
  for (std::uint64_t from = 0; from < num_accesses; ++from) {
    for (std::uint64_t count = 1; from + count <= num_accesses; ++count) {
      const std::string path = folder.file("part.nwt");
      std::filesystem::remove(path);
      const SliceResult result = slice_trace({.input_path = folder.file("all.nwt"),
                                              .output_path = path,
                                              .from = from,
                                              .count = count});
      EXPECT_EQ(result.num_accesses, count);
      expect_same_range(all, replay(path), from, count);
    }
  }
}

TEST(TraceSlice, OfARandomTraceAcrossFramesAndBatches) {
  const TempFolder folder;
  constexpr std::uint64_t kSeed = 3;
  SplitMix64 random(kSeed);
  Script script(folder.file("all.nwt"));
  constexpr std::uint64_t kNumAccesses = 20000;
  for (std::uint64_t i = 0; i < kNumAccesses; ++i) {
    if (random.percent(2)) {
      script.event(0, random.percent(60) ? TraceEventKind::kMap : TraceEventKind::kUnmap,
                   pages(100 + random.below(50), 1 + random.below(5)));
    }
    script.access(0, 1 * kPage + random.below(4 * kPage));
  }
  script.finish();
  const Replay all = replay(folder.file("all.nwt"));
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t from = random.below(kNumAccesses);
    const std::uint64_t count = 1 + random.below(kNumAccesses - from);
    const std::string path = folder.file("part.nwt");
    std::filesystem::remove(path);
    (void)slice_trace(
        {.input_path = folder.file("all.nwt"), .output_path = path, .from = from, .count = count});
    expect_same_range(all, replay(path), from, count);
  }
}

TEST(TraceSlice, EndsWithTheTrace) {
  const TempFolder folder;
  write_story(folder.file("all.nwt"));
  const SliceResult result = slice_trace({.input_path = folder.file("all.nwt"),
                                          .output_path = folder.file("part.nwt"),
                                          .from = 9,
                                          .count = 1000});
  EXPECT_EQ(result.num_accesses, 2U);
  TraceReader reader(folder.file("part.nwt"));
  const std::vector<OwnedRecord> records = read_all(reader);
  EXPECT_TRUE(records.back().is_event);
  EXPECT_EQ(records.back().event.kind, TraceEventKind::kExit);
}

TEST(TraceSlice, RefusesWhatLiesOutside) {
  const TempFolder folder;
  write_story(folder.file("all.nwt"));
  const auto problem = [&](std::uint64_t from, std::uint64_t count) -> std::string {
    try {
      (void)slice_trace({.input_path = folder.file("all.nwt"),
                         .output_path = folder.file("part.nwt"),
                         .from = from,
                         .count = count});
    } catch (const TraceError& error) {
      EXPECT_FALSE(std::filesystem::exists(folder.file("part.nwt")));
      return error.what();
    }
    return "no problem";
  };
  EXPECT_NE(problem(11, 1).find("found 11 accesses"), std::string::npos);
  EXPECT_NE(problem(0, 0).find("at least one"), std::string::npos);
}

}  // namespace
}  // namespace nestwalk
