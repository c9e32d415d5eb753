#include "model/workload/region_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
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
          "4000000 1000 r-x /lib/ld.so",        "4001000 1000 rw- [heap]"};
}

TEST(RegionMap, StartsWithWhatIsTheProgramsOwn) {
  EXPECT_EQ(listing(RegionMap(kAtStart)), listing_at_start());
}

TEST(RegionMap, LinesThatAreNoneArePassedOver) {
  EXPECT_TRUE(parse_maps("\nnonsense\n1000-0fff r--p 0 0 0\n12-zz r--p 0 0 0\n").empty());
  EXPECT_EQ(parse_maps("1000-2000 r--p 00000000 00:00 0").size(), 1U);
}

TEST(RegionMap, CoveredAccessesDoNotAsk) {
  RegionMap map(kAtStart);
  int num_asked = 0;
  const auto asked = [&num_asked] {
    ++num_asked;
    return std::string();
  };
  map.touch(access(AccessType::kFetch, 0x10a000, 64), asked);
  map.touch(access(AccessType::kRead, 0x109ffc), asked);  // across two regions
  map.touch(access(AccessType::kWrite, 0x4001ff8), asked);
  EXPECT_EQ(num_asked, 0);
  EXPECT_EQ(listing(map), listing_at_start());
  EXPECT_EQ(map.num_widened(), 0U);
}

TEST(RegionMap, TheStackMayGrowDownAsFarAsAllowed) {
  RegionMap map(kAtStart);
  map.mark_stack(Gva(0x1fff000688), 0x800000, maps_at_start);
  EXPECT_EQ(listing(map).back(), "1ffe801000 800000 rw- [stack]");
  map.touch(access(AccessType::kWrite, 0x1ffe801000), [] { return std::string(); });
  EXPECT_EQ(map.num_added(), 0U);
}

TEST(RegionMap, ANewMappingIsLearntWhenTouched) {
  RegionMap map(kAtStart);
  const auto maps = [] {
    return std::string(kAtStart) + "04847000-0486d000 r--p 00000000 fe:00 332835  /lib/libc.so\n" +
           "0486d000-0486e000 r--p 00000000 fe:00 332835  /lib/untouched.so\n";
  };
  map.touch(access(AccessType::kRead, 0x4848000), maps);
  std::vector<std::string> expected = listing_at_start();
  expected.emplace_back("4847000 26000 r-- /lib/libc.so");
  EXPECT_EQ(listing(map), expected);
  EXPECT_EQ(map.num_added(), 0U);
}

TEST(RegionMap, AGrownRegionKeepsItsName) {
  RegionMap map(kAtStart);
  map.touch(access(AccessType::kWrite, 0x4003000),
            [] { return std::string("04001000-04022000 rwxp 00000000 00:00 0 \n"); });
  EXPECT_EQ(listing(map).back(), "4001000 21000 rw- [heap]");
}

TEST(RegionMap, AnAddressNobodyMappedGetsARegion) {
  RegionMap map(kAtStart);
  map.touch(access(AccessType::kWrite, 0x70000ff8, 16), maps_at_start);
  EXPECT_EQ(listing(map).back(), "70000000 2000 rw- [unknown]");
  EXPECT_EQ(map.num_added(), 2U);
}

TEST(RegionMap, AUsedRightIsGranted) {
  RegionMap map(kAtStart);
  map.touch(access(AccessType::kRead, 0x10a000), maps_at_start);
  EXPECT_EQ(map.num_widened(), 0U);
  map.touch(access(AccessType::kWrite, 0x10a000), maps_at_start);
  map.touch(access(AccessType::kWrite, 0x10a008), maps_at_start);
  map.touch(access(AccessType::kFetch, 0x108000, 64), maps_at_start);
  EXPECT_EQ(map.num_widened(), 2U);
  EXPECT_EQ(listing(map)[0], "108000 2000 r-x /usr/bin/two words");
  EXPECT_EQ(listing(map)[1], "10a000 5000 rwx /usr/bin/two words");
}

}  // namespace
}  // namespace nestwalk
