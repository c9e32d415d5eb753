#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_format.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_writer.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kSeed = 20261;

// Accesses near and far, of every size and type, now and then an event or another process.
OwnedRecord random_record(SplitMix& random) {
  OwnedRecord made;
  TraceRecord& record = made.record;
  record.process = static_cast<std::uint32_t>(random.draw() % 64 == 0 ? random.draw() : 7);
  record.num_instructions = random.draw() % 32;
  if (random.draw() % 256 == 0) {
    record.num_instructions = random.draw();
  }
  if (random.draw() % 128 == 0) {
    made.is_event = true;
    made.event.kind = static_cast<TraceEventKind>(random.draw() % kNumTraceEventKinds);
    made.event.target_process = static_cast<std::uint32_t>(random.draw());
    const std::uint64_t bits = random.draw();
    made.event.region = {
        .start = Gva(random.draw()),
        .length_bytes = random.draw(),
        .rights = {.read = (bits & 1) != 0, .write = (bits & 2) != 0, .execute = (bits & 4) != 0},
        .name = std::string(random.draw() % 40, 'n')};
    return made;
  }
  const std::uint64_t spread = std::uint64_t{1} << (random.draw() % 64);
  record.address = Gva(0x7ffe00000000 + random.draw() % spread);
  record.type = static_cast<AccessType>(random.draw() % 3);
  record.size_bytes = static_cast<std::uint16_t>(1U << (random.draw() % 8));
  if (random.draw() % 4 == 0) {
    record.size_bytes = static_cast<std::uint16_t>(random.draw());
  }
  if (record.type == AccessType::kFetch && random.draw() % 2 == 0) {
    record.address = record.address.page(6);
    record.size_bytes = 64;
  }
  return made;
}

void append(TraceWriter& writer, const OwnedRecord& owned_record) {
  TraceRecord record = owned_record.record;
  record.event = owned_record.is_event ? &owned_record.event : nullptr;
  writer.append(record);
}

std::vector<Region> two_regions() {
  return {{.start = Gva(0x400000),
           .length_bytes = 0x3000,
           .rights = {.read = true, .execute = true},
           .name = "/bin/program"},
          {.start = Gva(0x7ffffffde000),
           .length_bytes = 0x21000,
           .rights = {.read = true, .write = true},
           .name = "[stack]"}};
}

TEST(TraceFile, RandomRecordsComeBack) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const TempFolder folder;
  SplitMix random(kSeed);
  std::vector<OwnedRecord> expected;
  TraceWriter writer(folder.file("t.nwt"), {.command = "c", .source = "s", .compression_level = 1});
  for (int i = 0; i < 700000; ++i) {
    expected.push_back(random_record(random));
    append(writer, expected.back());
  }
  writer.finish({});

  TraceReader reader(folder.file("t.nwt"));
  ASSERT_GE(reader.info().num_frames, 2U) << "the records must span frames";
  EXPECT_TRUE(read_all(reader) == expected);
  TraceRecord after;
  EXPECT_FALSE(reader.next(after)) << "the end stays the end";
  reader.rewind();
  EXPECT_TRUE(read_all(reader, 17) == expected) << "again, in small batches";
}

TEST(TraceFile, SaysWhatItHolds) {
  const TempFolder folder;
  SplitMix random(kSeed);
  TraceInfo expected;
  TraceWriter writer(folder.file("t.nwt"), {.command = "cc1 'a b.c'", .source = "a test"});
  for (int i = 0; i < 1000; ++i) {
    const OwnedRecord made = random_record(random);
    append(writer, made);
    expected.num_instructions += made.record.num_instructions;
    expected.num_events += made.is_event ? 1 : 0;
    if (!made.is_event) {
      const AccessType type = made.record.type;
      expected.num_reads += type == AccessType::kRead ? 1 : 0;
      expected.num_writes += type == AccessType::kWrite ? 1 : 0;
      expected.num_fetches += type == AccessType::kFetch ? 1 : 0;
    }
  }
  writer.finish(two_regions());

  const TraceInfo info = trace_info(folder.file("t.nwt"));
  EXPECT_EQ(info.command, "cc1 'a b.c'");
  EXPECT_EQ(info.source, "a test");
  EXPECT_EQ(info.version, kTraceVersion);
  EXPECT_EQ(info.num_reads, expected.num_reads);
  EXPECT_EQ(info.num_writes, expected.num_writes);
  EXPECT_EQ(info.num_fetches, expected.num_fetches);
  EXPECT_EQ(info.num_events, expected.num_events);
  EXPECT_EQ(info.num_instructions, expected.num_instructions);
  EXPECT_EQ(info.page_sizes_bytes, std::vector<std::uint64_t>{4096});
  EXPECT_EQ(info.initial_regions, two_regions());
  EXPECT_EQ(info.file_bytes, read_whole_file(folder.file("t.nwt")).size());
}

TEST(TraceFile, InitialRegionsAreMapEventsBeforeEverything) {
  const TempFolder folder;
  TraceWriter writer(folder.file("t.nwt"), {});
  TraceRecord access;
  access.address = Gva(0x400010);
  access.size_bytes = 4;
  access.num_instructions = 1;
  writer.append(access);
  writer.finish(two_regions());

  TraceReader reader(folder.file("t.nwt"));
  const std::vector<OwnedRecord> all = read_all(reader, 1);
  ASSERT_EQ(all.size(), 3U);
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(all[i].is_event);
    EXPECT_EQ(all[i].event.kind, TraceEventKind::kMap);
    EXPECT_EQ(all[i].event.region, two_regions()[i]);
    EXPECT_EQ(all[i].record.num_instructions, 0U);
  }
  EXPECT_TRUE(all[2] == owned(access));
}

TEST(TraceFile, CloneGoesOnByItself) {
  const TempFolder folder;
  SplitMix random(kSeed);
  std::vector<OwnedRecord> expected;
  TraceWriter writer(folder.file("t.nwt"), {});
  for (int i = 0; i < 500; ++i) {
    expected.push_back(random_record(random));
    append(writer, expected.back());
  }
  writer.finish({});

  TraceReader reader(folder.file("t.nwt"));
  TraceRecord record;
  for (int i = 0; i < 123; ++i) {
    ASSERT_TRUE(reader.next(record));
  }
  const std::unique_ptr<Stream> clone = reader.clone();
  const std::vector<OwnedRecord> rest(expected.begin() + 123, expected.end());
  EXPECT_TRUE(read_all(*clone) == rest);
  EXPECT_TRUE(read_all(reader) == rest) << "the original has not moved";
}

TEST(TraceFile, HoldsNothingButTheRegions) {
  const TempFolder folder;
  TraceWriter writer(folder.file("t.nwt"), {});
  writer.finish(two_regions());
  TraceReader reader(folder.file("t.nwt"));
  EXPECT_EQ(read_all(reader).size(), 2U);
  EXPECT_EQ(reader.num_accesses(), 0U);
}

// Two streams of sixteen-fold length: what the reader holds does not grow.
TEST(TraceFile, MemoryDoesNotGrowWithTheTrace) {
  const TempFolder folder;
  std::vector<std::size_t> memory;
  for (const int num_accesses : {250000, 4000000}) {
    const std::string path = folder.file(std::to_string(num_accesses));
    TraceWriter writer(path, {.command = "", .source = "", .compression_level = 1});
    SplitMix random(kSeed);
    TraceRecord access;
    access.size_bytes = 8;
    for (int i = 0; i < num_accesses; ++i) {
      access.address = Gva(random.draw() % (std::uint64_t{1} << 30));
      writer.append(access);
    }
    writer.finish({});
    TraceReader reader(path);
    std::vector<TraceRecord> batch(4096);
    std::size_t most = 0;
    while (reader.next_batch(batch) != 0) {
      most = std::max(most, reader.memory_bytes());
    }
    memory.push_back(most);
  }
  EXPECT_GT(memory[0], 250000U) << "the measure must see the frame";
  EXPECT_LE(memory[1], 3 * kTraceFrameMaxBytes);
}

TEST(TraceFile, ARegularLoopTakesLittleRoom) {
  const TempFolder folder;
  TraceWriter writer(folder.file("t.nwt"), {});
  TraceRecord access;
  access.size_bytes = 8;
  for (std::uint64_t i = 0; i < 200000; ++i) {
    access.address = Gva(i % 2 == 0 ? 0x10000000 + 8 * i : 0x7fff0000 + i % 64);
    access.num_instructions = 2;
    writer.append(access);
  }
  writer.finish({});
  EXPECT_LT(writer.file_bytes(), 200000U / 20);
}

TEST(TraceFile, IsNotOverwritten) {
  const TempFolder folder;
  folder.write("t.nwt", "precious");
  EXPECT_THROW(TraceWriter(folder.file("t.nwt"), {}), TraceError);
  EXPECT_EQ(read_whole_file(folder.file("t.nwt")), "precious");
}

}  // namespace
}  // namespace nestwalk
