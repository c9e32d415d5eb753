// The recorded programs that ship with the project: whole, small, and worth replaying.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/workload/trace_reader.h"
#include "model/workload/trace_regions.h"

namespace nestwalk {
namespace {

struct ShippedTrace {
  std::string name;
  std::string command;  // a part of it
  std::uint64_t max_bytes = 0;
  std::uint64_t min_accesses = 0;
  std::uint64_t min_pages = 0;
  std::set<TraceEventKind> events;  // at least
};

// GoogleTest names the parameter by it.
void PrintTo(const ShippedTrace& trace, std::ostream* out) {  // NOLINT: GoogleTest's name
  *out << trace.name;
}

const std::vector<ShippedTrace>& shipped_traces() {
  using enum TraceEventKind;
  static const std::vector<ShippedTrace> kTraces = {
      {"cc1-histogram", "cc1", 3000000, 5000000, 1500, {kMap}},
      {"sqlite-orders", "sqlite3", 3000000, 5000000, 1500, {kMap, kUnmap, kProtect, kBreak, kExit}},
      {"perl-words", "perl", 3000000, 5000000, 500, {kMap, kUnmap, kProtect, kBreak, kExit}},
      {"sh-pipeline",
       "sh pipeline.sh",
       1000000,
       100000,
       100,
       {kMap, kUnmap, kProtect, kBreak, kFork, kExec, kExit, kSwitchProcess}},
  };
  return kTraces;
}

std::string path_of(const std::string& name) {
  return std::string(NESTWALK_SOURCE_DIR "/configs/traces/") + name + ".nwt";
}

class Shipped : public testing::TestWithParam<ShippedTrace> {};

TEST_P(Shipped, IsSmallAndNamesItsProgram) {
  const TraceInfo info = trace_info(path_of(GetParam().name));
  EXPECT_LE(info.file_bytes, GetParam().max_bytes);
  EXPECT_GE(info.num_accesses(), GetParam().min_accesses);
  EXPECT_NE(info.command.find(GetParam().command), std::string::npos);
}

// Follows the regions of every process; an access that they do not permit would make one up.
TEST_P(Shipped, ReadsToItsEndInsideItsRegions) {
  TraceReader reader(path_of(GetParam().name));
  TraceRegions regions;
  std::map<std::uint32_t, RegionMap> current;  // copies that are made anew after an event
  std::vector<TraceEvent> made_up;
  std::set<TraceEventKind> events;
  std::set<std::uint64_t> pages;
  std::uint64_t num_accesses = 0;
  std::uint64_t last_page = ~std::uint64_t{0};
  std::vector<TraceRecord> batch(4096);
  while (const std::size_t count = reader.next_batch(batch)) {
    for (const TraceRecord& record : std::span(batch).first(count)) {
      if (record.event != nullptr) {
        events.insert(record.event->kind);
        regions.apply(record);
        current.clear();
        continue;
      }
      ++num_accesses;
      auto at = current.find(record.process);
      if (at == current.end()) {
        at = current.emplace(record.process, regions.processes().at(record.process).regions).first;
      }
      at->second.touch(
          record, [] { return std::string(); }, made_up);
      const std::uint64_t page = record.address.value() / 4096;
      if (page != last_page) {
        last_page = page;
        pages.insert(page);
      }
    }
  }
  EXPECT_TRUE(made_up.empty()) << made_up.size() << " accesses outside their regions";
  EXPECT_EQ(num_accesses, reader.info().num_accesses());
  EXPECT_GE(pages.size(), GetParam().min_pages);
  for (const TraceEventKind kind : GetParam().events) {
    EXPECT_TRUE(events.contains(kind)) << name_of(kind);
  }
}

INSTANTIATE_TEST_SUITE_P(Traces, Shipped, testing::ValuesIn(shipped_traces()),
                         [](const testing::TestParamInfo<ShippedTrace>& trace) {
                           std::string name = trace.param.name;
                           name[name.find('-')] = '_';
                           return name;
                         });

TEST(ShippedTraces, AreAllInTheList) {
  std::set<std::string> expected;
  for (const ShippedTrace& trace : shipped_traces()) {
    expected.insert(trace.name + ".nwt");
  }
  std::set<std::string> found;
  for (const auto& file :
       std::filesystem::directory_iterator(NESTWALK_SOURCE_DIR "/configs/traces")) {
    if (file.path().extension() == ".nwt") {
      found.insert(file.path().filename().string());
    }
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace nestwalk
