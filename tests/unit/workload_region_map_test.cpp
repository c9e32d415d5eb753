#include "model/workload/region_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace nestwalk {
namespace {

// A program under Valgrind, as the kernel shows it.
constexpr const char* kAtStart =
    "00108000-0010a000 r--p 00000000 fe:00 248056                             /usr/bin/two words\n"
    "0010a000-0010f000 r-xp 00002000 fe:00 248056                             /usr/bin/two words\n"
    "0010f000-00110000 rw-p 00007000 fe:00 248056                             /usr/bin/two words\n"
    "00110000-00112000 rw-p 00000000 00:00 0 \n"
    "04000000-04001000 r-xp 00000000 fe:00 332383                             /lib/ld.so\n"
    "04001000-04002000 rwxp 00000000 00:00 0 \n"
    "58000000-58001000 r--p 00000000 fe:00 335458                   /usr/libexec/valgrind/lackey\n"
    "58001000-58c25000 rw-p 00000000 00:00 0 \n"
    "1002001000-100278c000 rwxp 00000000 00:00 0 \n"
    "1ffefff000-1fff001000 rw-p 00000000 00:00 0 \n"
    "7ffec7ce4000-7ffec7d05000 rw-p 00000000 00:00 0                          [stack]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

std::string maps_at_start() {
  return kAtStart;
}

TraceRecord access(AccessType type, std::uint64_t address, std::uint16_t size_bytes = 8) {
  TraceRecord record;
  record.address = Gva(address);
  record.type = type;
  record.size_bytes = size_bytes;
  return record;
}

// "start length rights name" of each region.
std::vector<std::string> listing(const RegionMap& map) {
  std::vector<std::string> lines;
  for (const Region& r : map.regions()) {
    char text[200];
    std::snprintf(text, sizeof text, "%llx %llx %s%s%s %s",
                  static_cast<unsigned long long>(r.start.value()),
                  static_cast<unsigned long long>(r.length_bytes), r.rights.read ? "r" : "-",
                  r.rights.write ? "w" : "-", r.rights.execute ? "x" : "-", r.name.c_str());
    lines.emplace_back(text);
  }
  return lines;
}

std::vector<std::string> listing_at_start() {
  return {"108000 2000 r-- /usr/bin/two words", "10a000 5000 r-x /usr/bin/two words",
          "10f000 1000 rw- /usr/bin/two words", "110000 2000 rw- [anonymous]",
          "4000000 1000 r-x /lib/ld.so"};
}

TEST(RegionMap, StartsWithWhatIsTheProgramsOwn) {
  EXPECT_EQ(listing(RegionMap(kAtStart)), listing_at_start());
}

TEST(RegionMap, LinesThatAreNoneArePassedOver) {
  EXPECT_TRUE(parse_maps("\nnonsense\n1000-0fff r--p 0 0 0\n12-zz r--p 0 0 0\n").empty());
  EXPECT_EQ(parse_maps("1000-2000 r--p 00000000 00:00 0").size(), 1U);
}

std::string event_line(const TraceEvent& event) {
  char text[200];
  std::snprintf(text, sizeof text, " %llx %llx ",
                static_cast<unsigned long long>(event.region.start.value()),
                static_cast<unsigned long long>(event.region.length_bytes));
  return std::string(name_of(event.kind)) + text + event.region.name;
}

// What an access makes up, as lines.
std::vector<std::string> touch(RegionMap& map, const TraceRecord& record,
                               const RegionMap::MapsReader& read_maps) {
  std::vector<TraceEvent> made_up;
  map.touch(record, read_maps, made_up);
  std::vector<std::string> lines;
  for (const TraceEvent& event : made_up) {
    lines.push_back(event_line(event));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(RegionMap, CoveredAccessesDoNotAsk) {
  RegionMap map(kAtStart);
  int num_asked = 0;
  const auto asked = [&num_asked] {
    ++num_asked;
    return std::string();
  };
  EXPECT_EQ(touch(map, access(AccessType::kFetch, 0x10a000, 64), asked), Lines());
  EXPECT_EQ(touch(map, access(AccessType::kRead, 0x109ffc), asked), Lines());  // two regions
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x111ff8), asked), Lines());
  EXPECT_EQ(num_asked, 0);
  EXPECT_EQ(listing(map), listing_at_start());
}

TEST(RegionMap, TheStackMayGrowDownAsFarAsAllowed) {
  RegionMap map(kAtStart);
  const Region stack = map.mark_stack(Gva(0x1fff000688), 0x800000, maps_at_start);
  EXPECT_EQ(listing(map).back(), "1ffe801000 800000 rw- [stack]");
  EXPECT_EQ(map.regions().back(), stack);
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x1ffe801000), [] { return std::string(); }),
            Lines());
}

TEST(RegionMap, ANewMappingIsLearntWhenTouched) {
  RegionMap map(kAtStart);
  const auto maps = [] {
    return std::string(kAtStart) + "04847000-0486d000 r--p 00000000 fe:00 332835  /lib/libc.so\n" +
           "0486d000-0486e000 r--p 00000000 fe:00 332835  /lib/untouched.so\n";
  };
  EXPECT_EQ(touch(map, access(AccessType::kRead, 0x4848000), maps),
            Lines({"map 4847000 26000 /lib/libc.so"}));
  std::vector<std::string> expected = listing_at_start();
  expected.emplace_back("4847000 26000 r-- /lib/libc.so");
  EXPECT_EQ(listing(map), expected);
}

TEST(RegionMap, OnlyThePartsOfAMappingThatAreNewAreMapped) {
  RegionMap map(kAtStart);
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x107ff8),
                  [] { return std::string("00107000-00114000 rwxp 00000000 00:00 0 \n"); }),
            Lines({"map 107000 1000 [anonymous]", "map 112000 2000 [anonymous]"}));
}

TEST(RegionMap, AnAddressNobodyMappedGetsARegion) {
  RegionMap map(kAtStart);
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x70000ff8, 16), maps_at_start),
            Lines({"map 70000000 1000 [unknown]", "map 70001000 1000 [unknown]"}));
  EXPECT_EQ(listing(map).back(), "70000000 2000 rw- [unknown]");
}

TEST(RegionMap, AUsedRightIsGranted) {
  RegionMap map(kAtStart);
  EXPECT_EQ(touch(map, access(AccessType::kRead, 0x10a000), maps_at_start), Lines());
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x10a000), maps_at_start),
            Lines({"protect 10a000 5000 /usr/bin/two words"}));
  EXPECT_EQ(touch(map, access(AccessType::kWrite, 0x10a008), maps_at_start), Lines());
  EXPECT_EQ(touch(map, access(AccessType::kFetch, 0x108000, 64), maps_at_start),
            Lines({"protect 108000 2000 /usr/bin/two words"}));
  EXPECT_EQ(listing(map)[0], "108000 2000 r-x /usr/bin/two words");
  EXPECT_EQ(listing(map)[1], "10a000 5000 rwx /usr/bin/two words");
}

TEST(RegionMap, WholePagesHoldTheBytes) {
  const auto range = [](std::uint64_t address, std::uint64_t length) {
    const PageRange pages = whole_pages(address, length);
    return std::pair(pages.start, pages.length_bytes);
  };
  EXPECT_EQ(range(0x1000, 0), std::pair(0x1000UL, 0UL));
  EXPECT_EQ(range(0x1000, 1), std::pair(0x1000UL, 0x1000UL));
  EXPECT_EQ(range(0x1000, 0x1000), std::pair(0x1000UL, 0x1000UL));
  EXPECT_EQ(range(0x1001, 0x1000), std::pair(0x1000UL, 0x2000UL));
  EXPECT_EQ(range(0x1fff, 1), std::pair(0x1000UL, 0x1000UL));
}

Region data(std::uint64_t start, std::uint64_t length) {
  return {.start = Gva(start), .length_bytes = length, .rights = {.write = true}, .name = "d"};
}

// Every cut of one region by one range, for each of the three changes.
TEST(RegionMap, ChangesCutRegionsAtTheirEnds) {
  constexpr std::uint64_t kPage = 0x1000;
  for (std::uint64_t from = 1; from < 8; ++from) {
    for (std::uint64_t to = from + 1; to <= 8; ++to) {
      const PageRange range{.start = from * kPage, .length_bytes = (to - from) * kPage};
      RegionMap start;
      start.map(data(3 * kPage, 3 * kPage));  // pages 3, 4, 5
      EXPECT_EQ(start.overlaps(range), from < 6 && to > 3) << from << " " << to;

      RegionMap unmapped = start;
      unmapped.unmap(range);
      RegionMap protected_map = start;
      protected_map.protect(range, {.read = true});
      RegionMap mapped = start;
      Region other = data(range.start, range.length_bytes);
      other.name = "o";
      mapped.map(other);
      for (std::uint64_t page = 0; page < 9; ++page) {
        const PageRange here{.start = page * kPage, .length_bytes = kPage};
        const bool was = page >= 3 && page < 6;
        const bool in = page >= from && page < to;
        EXPECT_EQ(unmapped.overlaps(here), was && !in) << from << " " << to << " " << page;
        ASSERT_EQ(protected_map.overlaps(here), was);
        if (was) {
          EXPECT_EQ(protected_map.within(here).at(0).rights.write, !in);
        }
        ASSERT_EQ(mapped.overlaps(here), was || in);
        if (was || in) {
          EXPECT_EQ(mapped.within(here).at(0).name, in ? "o" : "d");
          EXPECT_EQ(mapped.within(here).at(0).length_bytes, kPage);
        }
      }
    }
  }
}

}  // namespace
}  // namespace nestwalk
