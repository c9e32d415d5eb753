// The recorded program that ships with the project: whole, small, and worth replaying.
#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/workload/trace_reader.h"

namespace nestwalk {
namespace {

constexpr const char* kTrace = NESTWALK_SOURCE_DIR "/configs/traces/cc1-histogram.nwt";

TEST(ShippedTrace, IsACompilerRunOfAtMostThreeMegabytes) {
  const TraceInfo info = trace_info(kTrace);
  EXPECT_LE(info.file_bytes, 3000000U);
  EXPECT_GE(info.num_accesses(), 5000000U);
  EXPECT_NE(info.command.find("cc1"), std::string::npos);
  EXPECT_NE(info.command.find("histogram.c"), std::string::npos);
}

TEST(ShippedTrace, ReadsToItsEndInsideItsRegions) {
  TraceReader reader(kTrace);
  std::map<std::uint64_t, Region> regions;
  std::set<std::uint64_t> pages;
  std::uint64_t num_accesses = 0;
  std::uint64_t num_outside = 0;
  std::uint64_t last_page = ~std::uint64_t{0};
  std::vector<TraceRecord> batch(4096);
  while (const std::size_t count = reader.next_batch(batch)) {
    for (const TraceRecord& record : std::span(batch).first(count)) {
      if (record.event != nullptr) {
        regions.emplace(record.event->region.start.value(), record.event->region);
        continue;
      }
      ++num_accesses;
      const std::uint64_t page = record.address.value() / 4096;
      if (page == last_page) {
        continue;
      }
      last_page = page;
      pages.insert(page);
      const auto after = regions.upper_bound(record.address.value());
      num_outside +=
          after == regions.begin() || !std::prev(after)->second.contains(record.address) ? 1 : 0;
    }
  }
  EXPECT_EQ(num_outside, 0U);
  EXPECT_EQ(num_accesses, reader.info().num_accesses());
  EXPECT_GT(pages.size(), 1500U) << "more than the second-level TLBs of the presets hold";
}

}  // namespace
}  // namespace nestwalk
