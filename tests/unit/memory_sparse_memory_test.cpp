#include "model/memory/sparse_memory.h"

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "model/arch/splitmix.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kTib = std::uint64_t{1} << 40;

TEST(SparseMemory, NeverWrittenReadsZeroWithoutAPage) {
  const SparseMemory memory(kTib);
  EXPECT_EQ(memory.read(Hpa{0}, 8), 0U);
  EXPECT_EQ(memory.read(Hpa{kTib - 8}, 8), 0U);
  EXPECT_EQ(memory.page_if_present(Hpa{0x1000}), nullptr);
  EXPECT_EQ(memory.num_pages(), 0U);
}

TEST(SparseMemory, WritingZeroToANeverWrittenPageAllocatesNothing) {
  SparseMemory memory(kTib);
  memory.write(Hpa{0x5000}, 8, 0);
  memory.write(Hpa{0x5008}, 1, 0x100);  // the low byte is zero
  memory.zero_bytes(Hpa{0x5000}, 3 * 4096);
  const std::array<std::byte, 9000> zeros{};
  memory.write_bytes(Hpa{0x5100}, zeros);
  EXPECT_TRUE(memory.compare_and_swap(Hpa{0x5000}, 8, 0, 0));
  EXPECT_EQ(memory.num_pages(), 0U);
}

TEST(SparseMemory, WordIsLittleEndianInEverySize) {
  SparseMemory memory(4096);
  memory.write(Hpa{8}, 8, 0x8877665544332211);
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_EQ(memory.read(Hpa{8 + i}, 1), 0x11U * (i + 1));
  }
  EXPECT_EQ(memory.read(Hpa{10}, 2), 0x4433U);
  EXPECT_EQ(memory.read(Hpa{12}, 4), 0x88776655U);
  memory.write(Hpa{12}, 2, 0xabcd'1234);  // what does not fit is not stored
  EXPECT_EQ(memory.read(Hpa{8}, 8), 0x8877123444332211U);
}

TEST(SparseMemory, TerabyteCostsOnePagePerPageTouched) {
  SparseMemory memory(kTib);
  constexpr std::uint64_t kNumTouched = 1000;
  constexpr std::uint64_t kStride = (kTib / kNumTouched) & ~std::uint64_t{0xfff};
  for (std::uint64_t i = 0; i < kNumTouched; ++i) {
    memory.write(Hpa{i * kStride + 16}, 8, i + 1);
  }
  EXPECT_EQ(memory.num_pages(), kNumTouched);
  for (std::uint64_t i = 0; i < kNumTouched; ++i) {
    EXPECT_EQ(memory.read(Hpa{i * kStride + 16}, 8), i + 1);
    EXPECT_EQ(memory.read(Hpa{i * kStride + 24}, 8), 0U);
  }
}

TEST(SparseMemory, LargestMemoryReachesItsLastByte) {
  SparseMemory memory(std::uint64_t{1} << 52);
  const Hpa last{(std::uint64_t{1} << 52) - 8};
  memory.write(last, 8, 42);
  EXPECT_EQ(memory.read(last, 8), 42U);
  EXPECT_EQ(memory.num_pages(), 1U);
}

TEST(SparseMemory, ContainsKnowsTheEndWithoutWrapping) {
  const SparseMemory memory(0x10000);
  EXPECT_TRUE(memory.contains(Hpa{0xfff8}, 8));
  EXPECT_FALSE(memory.contains(Hpa{0xfff9}, 8));
  EXPECT_FALSE(memory.contains(Hpa{0x10000}, 1));
  EXPECT_FALSE(memory.contains(Hpa{~std::uint64_t{0}}, 2));
  EXPECT_TRUE(memory.contains(Hpa{0}, 0x10000));
  EXPECT_FALSE(memory.contains(Hpa{0}, 0x10001));
}

TEST(SparseMemory, CompareAndSwapStoresOnlyOverTheExpectedWord) {
  SparseMemory memory(0x10000);
  memory.write(Hpa{0x100}, 4, 0x67);
  memory.write(Hpa{0x104}, 4, 0x99);
  EXPECT_FALSE(memory.compare_and_swap(Hpa{0x100}, 4, 0x66, 0x1));
  EXPECT_EQ(memory.read(Hpa{0x100}, 4), 0x67U);
  EXPECT_TRUE(memory.compare_and_swap(Hpa{0x100}, 4, 0x67, 0x27));
  EXPECT_EQ(memory.read(Hpa{0x100}, 8), 0x00000099'00000027U);
}

TEST(SparseMemory, CopyIsIndependent) {
  SparseMemory memory(kTib);
  for (std::uint64_t page = 0; page < 1500; ++page) {  // more than two slabs of storage
    memory.write(Hpa{page << 20}, 8, page + 1);
  }
  const SparseMemory copy = memory;
  memory.write(Hpa{0}, 8, 77);
  memory.write(Hpa{0x800}, 8, 78);
  EXPECT_EQ(copy.num_pages(), 1500U);
  EXPECT_EQ(copy.read(Hpa{0x800}, 8), 0U);
  for (std::uint64_t page = 0; page < 1500; ++page) {
    ASSERT_EQ(copy.read(Hpa{page << 20}, 8), page + 1);
  }
  memory = copy;  // a checkpoint restored
  EXPECT_EQ(memory.read(Hpa{0}, 8), 1U);
  EXPECT_EQ(memory.read(Hpa{0x800}, 8), 0U);
}

TEST(SparseMemory, ClearedMemoryShowsNoOldContent) {
  SparseMemory memory(kTib);
  memory.write(Hpa{0x1000}, 8, 0x1111);
  memory.write(Hpa{0x1ff8}, 8, 0x2222);
  memory.clear();
  EXPECT_EQ(memory.num_pages(), 0U);
  EXPECT_EQ(memory.read(Hpa{0x1000}, 8), 0U);
  memory.write(Hpa{0x7008}, 8, 1);  // takes the storage of the page that was forgotten
  EXPECT_EQ(memory.read(Hpa{0x7000}, 8), 0U);
  EXPECT_EQ(memory.read(Hpa{0x7ff8}, 8), 0U);
}

TEST(SparseMemory, BulkAccessCrossesPagesAndGaps) {
  SparseMemory memory(kTib);
  std::vector<std::byte> out(10000);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::byte>(i % 251 + 1);
  }
  memory.write_bytes(Hpa{0x3ff9}, out);
  std::vector<std::byte> in(out.size() + 8192, std::byte{0xee});
  memory.read_bytes(Hpa{0x3ff9 - 4096}, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool written = i >= 4096 && i < 4096 + out.size();
    ASSERT_EQ(in[i], written ? out[i - 4096] : std::byte{0}) << "offset " << i;
  }
  EXPECT_EQ(memory.num_pages(), 4U);  // 7 + 4096 + 4096 + 1801 bytes
  memory.zero_bytes(Hpa{0x4000}, 4097);
  EXPECT_EQ(memory.read(Hpa{0x3fff}, 1), static_cast<std::uint64_t>(out[6]));
  EXPECT_EQ(memory.read(Hpa{0x4ff8}, 8), 0U);
  EXPECT_EQ(memory.read(Hpa{0x5000}, 1), 0U);
  EXPECT_EQ(memory.read(Hpa{0x5001}, 1), static_cast<std::uint64_t>(out[7 + 4096 + 1]));
}

TEST(SparseMemory, PagesAreListedWithTheirAddresses) {
  SparseMemory memory(kTib);
  memory.write(Hpa{0x7f'0000'0010}, 8, 5);
  memory.materialize(Hpa{0x1234})[0x10] = std::byte{9};
  std::map<std::uint64_t, int> first_word_byte;
  memory.for_each_page([&](Hpa first, const std::byte* content) {
    first_word_byte[first.value()] = static_cast<int>(content[0x10]);
  });
  const std::map<std::uint64_t, int> expected = {{0x1000, 9}, {0x7f'0000'0000, 5}};
  EXPECT_EQ(first_word_byte, expected);
  EXPECT_EQ(memory.read(Hpa{0x1010}, 1), 9U);
}

TEST(SparseMemory, AgreesWithAPlainMapOfBytesOnRandomAccesses) {
  const std::uint64_t seed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SplitMix random(seed);
  SparseMemory memory(kTib);
  std::map<std::uint64_t, std::uint8_t> bytes;
  // A few hot pages far apart, so that accesses meet.
  std::array<std::uint64_t, 12> pages{};
  for (auto& page : pages) {
    page = (random.draw() % kTib) & ~std::uint64_t{0xfff};
  }
  for (int i = 0; i < 50000; ++i) {
    const unsigned size = 1U << (random.draw() % 4);
    const std::uint64_t address =
        pages[random.draw() % pages.size()] + ((random.draw() % 256) & ~std::uint64_t{size - 1});
    std::uint64_t expected = 0;
    for (unsigned b = 0; b < size; ++b) {
      const auto it = bytes.find(address + b);
      expected |= std::uint64_t{it == bytes.end() ? std::uint8_t{0} : it->second} << (8 * b);
    }
    ASSERT_EQ(memory.read(Hpa{address}, size), expected) << std::hex << address;
    if (random.draw() % 2 == 0) {
      const std::uint64_t value = random.draw();
      memory.write(Hpa{address}, size, value);
      for (unsigned b = 0; b < size; ++b) {
        bytes[address + b] = static_cast<std::uint8_t>(value >> (8 * b));
      }
    }
  }
}

TEST(SparseMemoryDeathTest, RefusesWhatIsNoScalarInsideIt) {
  SparseMemory memory(0x2000);
  EXPECT_DEATH(static_cast<void>(memory.read(Hpa{0x1004}, 8)), "aligned");
  EXPECT_DEATH(static_cast<void>(memory.read(Hpa{0x1000}, 3)), "aligned");
  EXPECT_DEATH(memory.write(Hpa{0x2000}, 1, 1), "inside the memory");
  EXPECT_DEATH(static_cast<void>(memory.materialize(Hpa{0x2000})), "inside the memory");
  EXPECT_DEATH(SparseMemory((std::uint64_t{1} << 52) + 4096), "at most 2\\^52");
}

}  // namespace
}  // namespace nestwalk
