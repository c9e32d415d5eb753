// Entries and their places are worked out by hand from the formats, not taken from the builder.
#include "model/memory/table_builder.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

constexpr std::uint64_t kRoot = 0x10'0000;

// Host tables from 1 MiB on: the root is the first frame, tables made later follow it.
class TableBuilderTest : public testing::Test {
 protected:
  TableBuilderTest() { EXPECT_EQ(frames_.allocate(kSmallPageBits), Hpa{kRoot}); }

  TableBuilder<HostTables> builder(FormatId format) {
    return TableBuilder(format_of(format), kRoot, HostTables{memory_, frames_});
  }
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const {
    return memory_.read(Hpa{address}, 8);
  }
  // Every non-zero word of the memory.
  [[nodiscard]] std::map<std::uint64_t, std::uint64_t> words() const {
    std::map<std::uint64_t, std::uint64_t> all;
    memory_.for_each_page([&](Hpa first, const std::byte*) {
      for (std::uint64_t offset = 0; offset < 4096; offset += 8) {
        if (const std::uint64_t value = memory_.read(first + offset, 8); value != 0) {
          all[first.value() + offset] = value;
        }
      }
    });
    return all;
  }

  SparseMemory memory_{std::uint64_t{1} << 40};
  FrameAllocator<Hpa> frames_{Hpa{kRoot}, std::uint64_t{1} << 30};
};

using Words = std::map<std::uint64_t, std::uint64_t>;

TEST_F(TableBuilderTest, FourLevelSmallPage) {
  // Indices of 0x7f0012345000: 254, 0, 145, 325.
  EXPECT_EQ(
      builder(FormatId::kX86FourLevel).map(0x7f00'1234'5000, 0xabc'd000, 12, {.global = true}),
      MapStatus::kMapped);
  const Words expected = {{0x10'0000 + 254 * 8, 0x10'1007},
                          {0x10'1000, 0x10'2007},
                          {0x10'2000 + 145 * 8, 0x10'3007},
                          {0x10'3000 + 325 * 8, 0xabc'd107}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, FiveLevelLargePageInTheHighHalf) {
  // Indices of 0xff00'0000'4000'0000 (56:48, 47:39, 38:30): 256, 0, 1.
  EXPECT_EQ(builder(FormatId::kX86FiveLevel).map(0xff00'0000'4000'0000, 0x8000'0000, 30),
            MapStatus::kMapped);
  const Words expected = {
      {0x10'0000 + 256 * 8, 0x10'1007}, {0x10'1000, 0x10'2007}, {0x10'2008, 0x8000'0087}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, PaeSmallPage) {
  // Indices of 0xc0801000: 3, 4, 1.
  EXPECT_EQ(builder(FormatId::kX86Pae).map(0xc080'1000, 0x5000, 12), MapStatus::kMapped);
  const Words expected = {{0x10'0018, 0x10'1001}, {0x10'1020, 0x10'2007}, {0x10'2008, 0x5007}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, TwoLevelEntriesHaveFourBytes) {
  TableBuilder tables = builder(FormatId::kX86TwoLevel);
  // 0x00c03000: indices 3 and 3. 0x01000000: index 4, a 4M page at 0x12'0040'0000.
  EXPECT_EQ(tables.map(0x00c0'3000, 0x5000, 12), MapStatus::kMapped);
  EXPECT_EQ(tables.map(0x0100'0000, 0x12'0040'0000, 22), MapStatus::kMapped);
  EXPECT_EQ(memory_.read(Hpa{0x10'000c}, 4), 0x10'1007U);
  EXPECT_EQ(memory_.read(Hpa{0x10'100c}, 4), 0x5007U);
  EXPECT_EQ(memory_.read(Hpa{0x10'0010}, 4), 0x0042'4087U);  // 0x12 << 13 = 0x24000
  EXPECT_EQ(words().size(), 3U);
  EXPECT_EQ(tables.find_leaf(0x0112'3456)->output_address, 0x12'0052'3456U);
}

TEST_F(TableBuilderTest, EptPagesOfAllSizes) {
  TableBuilder tables = builder(FormatId::kEptFourLevel);
  EXPECT_EQ(tables.map(0x1000, 0x7000, 12, {.write = false}), MapStatus::kMapped);
  EXPECT_EQ(tables.map(0x20'0000, 0x60'0000, 21), MapStatus::kMapped);
  EXPECT_EQ(tables.map(0x4000'0000, 0xc000'0000, 30, {.execute = false}), MapStatus::kMapped);
  const Words expected = {{0x10'0000, 0x10'1007}, {0x10'1000, 0x10'2007}, {0x10'1008, 0xc000'00b3},
                          {0x10'2000, 0x10'3007}, {0x10'2008, 0x60'00b7}, {0x10'3008, 0x7035}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, FiveLevelEptGoesThroughFiveTables) {
  EXPECT_EQ(builder(FormatId::kEptFiveLevel).map(0x1'0000'0000'0000, 0x7000, 12),
            MapStatus::kMapped);
  const Words expected = {{0x10'0008, 0x10'1007},
                          {0x10'1000, 0x10'2007},
                          {0x10'2000, 0x10'3007},
                          {0x10'3000, 0x10'4007},
                          {0x10'4000, 0x7037}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, OccupiedPlaceIsLeftAlone) {
  TableBuilder tables = builder(FormatId::kX86FourLevel);
  ASSERT_EQ(tables.map(0x20'0000, 0x40'0000, 21), MapStatus::kMapped);
  ASSERT_EQ(tables.map(0x1000, 0x5000, 12), MapStatus::kMapped);
  const Words before = words();
  EXPECT_EQ(tables.map(0x20'0000, 0x60'0000, 21), MapStatus::kOccupied);
  EXPECT_EQ(tables.map(0x20'3000, 0x6000, 12), MapStatus::kOccupied);  // below a 2M page
  EXPECT_EQ(tables.map(0, 0x20'0000, 21), MapStatus::kOccupied);       // a table stands there
  EXPECT_EQ(words(), before);
}

TEST_F(TableBuilderTest, OutOfFramesIsAnAnswer) {
  FrameAllocator<Hpa> two_frames(Hpa{0x20'0000}, 0x2000);
  TableBuilder tables(format_of(FormatId::kX86FourLevel), kRoot, HostTables{memory_, two_frames});
  EXPECT_EQ(tables.map(0, 0x5000, 12), MapStatus::kNoFrame);
  EXPECT_EQ(tables.find_leaf(0), std::nullopt);
  EXPECT_EQ(tables.map(0, 0, 30), MapStatus::kOccupied);  // the tables made on the way stay
  EXPECT_EQ(tables.map(0x4000'0000, 0, 30), MapStatus::kMapped);
}

TEST_F(TableBuilderTest, RecycledTableFrameIsCleared) {
  memory_.write(Hpa{0x10'1ff8}, 8, 0x1234'5007);  // what the next frame held before
  ASSERT_EQ(builder(FormatId::kX86FourLevel).map(0, 0x5000, 12), MapStatus::kMapped);
  EXPECT_EQ(word(0x10'1ff8), 0U);
}

TEST_F(TableBuilderTest, FindLeafReadsEntriesMadeByHand) {
  memory_.write(Hpa{0x10'0000 + 511 * 8}, 8, 0x20'0063);
  memory_.write(Hpa{0x20'0000 + 510 * 8}, 8, 0x8000'0000'0030'0063);
  memory_.write(Hpa{0x30'0000}, 8, 0x8000'0000'0160'11e3);  // PAT of a 2M page set
  TableBuilder tables = builder(FormatId::kX86FourLevel);
  const std::optional<FoundLeaf> leaf = tables.find_leaf(0xffff'ffff'8012'3456);
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->level, 2U);
  EXPECT_EQ(leaf->page_bits, 21U);
  EXPECT_EQ(leaf->entry_address, 0x30'0000U);
  EXPECT_EQ(leaf->entry, 0x8000'0000'0160'11e3U);
  EXPECT_EQ(leaf->output_address, 0x172'3456U);
  EXPECT_EQ(tables.find_leaf(0xffff'ffff'8032'3456), std::nullopt);
}

TEST_F(TableBuilderTest, PathEndsAtTheFirstEntryThatIsNotPresent) {
  memory_.write(Hpa{0x10'0000 + 3 * 8}, 8, 0x20'0007);
  memory_.write(Hpa{0x20'0000 + 5 * 8}, 8, 0x5555'0000);
  const EntryPath path = builder(FormatId::kX86FourLevel)
                             .path((std::uint64_t{3} << 39) | (std::uint64_t{5} << 30) | 0x1000);
  ASSERT_EQ(path.num_entries, 2U);
  EXPECT_FALSE(path.ends_in_leaf);
  EXPECT_EQ(path.entry[0].level, 4U);
  EXPECT_EQ(path.entry[0].address, 0x10'0018U);
  EXPECT_EQ(path.last().level, 3U);
  EXPECT_EQ(path.last().address, 0x20'0028U);
  EXPECT_EQ(path.last().value, 0x5555'0000U);
}

TEST_F(TableBuilderTest, UnmapClearsTheLeafAndReturnsIt) {
  TableBuilder tables = builder(FormatId::kX86FourLevel);
  ASSERT_EQ(tables.map(0x1000, 0x5000, 12), MapStatus::kMapped);
  const std::optional<FoundLeaf> leaf = tables.unmap(0x1abc);
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->entry, 0x5007U);
  EXPECT_EQ(word(leaf->entry_address), 0U);
  EXPECT_EQ(tables.unmap(0x1abc), std::nullopt);
  EXPECT_EQ(tables.map(0x1000, 0x6000, 12), MapStatus::kMapped);
}

TEST_F(TableBuilderTest, LeavesAreListedInAddressOrder) {
  TableBuilder tables = builder(FormatId::kX86FourLevel);
  ASSERT_EQ(tables.map(0xffff'8000'0000'0000, 0x4000'0000, 30), MapStatus::kMapped);
  ASSERT_EQ(tables.map(0x20'0000, 0x80'0000, 21), MapStatus::kMapped);
  ASSERT_EQ(tables.map(0x3000, 0x5000, 12), MapStatus::kMapped);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  tables.for_each_leaf([&](std::uint64_t input, const FoundLeaf& leaf) {
    seen.emplace_back(input, leaf.output_address);
  });
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> expected = {
      {0x3000, 0x5000}, {0x20'0000, 0x80'0000}, {0xffff'8000'0000'0000, 0x4000'0000}};
  EXPECT_EQ(seen, expected);
}

TEST_F(TableBuilderTest, FreeTablesGivesAllFramesButTheRootBack) {
  const std::uint64_t num_free = frames_.num_free();
  TableBuilder tables = builder(FormatId::kX86FiveLevel);
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(tables.map(i << 33, 0x5000, 12), MapStatus::kMapped);
  }
  ASSERT_EQ(tables.map(0x4000'0000, 0x4000'0000, 30), MapStatus::kMapped);
  // Pages 8 GiB apart share tables of level 4 and 3 (20 * 8 GiB < 512 GiB); levels 2 and 1 are
  // each page's own: 1 + 1 + 20 + 20.
  EXPECT_EQ(num_free - frames_.num_free(), 42U);
  tables.free_tables();
  EXPECT_EQ(frames_.num_free(), num_free);
  EXPECT_EQ(tables.path(0).num_entries, 1U);
}

// A guest's tables lie at GPAs: the same builder over another Tables type.
TEST_F(TableBuilderTest, GuestTablesLiveBehindTheirGuestAddresses) {
  struct GuestTables {
    SparseMemory& memory;
    std::uint64_t next_gpa;
    static Hpa host(std::uint64_t gpa) { return Hpa{gpa + 0x7000'0000}; }
    std::uint64_t read(std::uint64_t gpa, unsigned num_bytes) {
      return memory.read(host(gpa), num_bytes);
    }
    void write(std::uint64_t gpa, unsigned num_bytes, std::uint64_t value) {
      memory.write(host(gpa), num_bytes, value);
    }
    std::optional<std::uint64_t> allocate_table(unsigned) {
      return std::exchange(next_gpa, next_gpa + 0x1000);
    }
  };
  TableBuilder tables(format_of(FormatId::kX86Pae), 0x1000, GuestTables{memory_, 0x2000});
  EXPECT_EQ(tables.map(0x20'0000, 0x60'0000, 21), MapStatus::kMapped);
  const Words expected = {{0x7000'1000, 0x2001}, {0x7000'2008, 0x60'0087}};
  EXPECT_EQ(words(), expected);
}

TEST_F(TableBuilderTest, PageSizesAreThoseOfTheFormat) {
  EXPECT_EQ(builder(FormatId::kX86TwoLevel).leaf_level(22), 2U);
  EXPECT_EQ(builder(FormatId::kX86TwoLevel).leaf_level(21), std::nullopt);
  EXPECT_EQ(builder(FormatId::kX86Pae).leaf_level(30), std::nullopt);
  EXPECT_EQ(builder(FormatId::kEptFourLevel).leaf_level(30), 3U);
  EXPECT_EQ(builder(FormatId::kX86FourLevel).leaf_level(39), std::nullopt);
}

TEST_F(TableBuilderTest, MisalignedMappingIsFatal) {
  TableBuilder tables = builder(FormatId::kX86FourLevel);
  EXPECT_DEATH(tables.map(0x1000, 0x20'0000, 21), "aligned");
  EXPECT_DEATH(tables.map(0, 0x1000, 21), "aligned");
  EXPECT_DEATH(tables.map(0, 0, 22), "pages of this size");
}

}  // namespace
}  // namespace nestwalk
