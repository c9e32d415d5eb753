#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "model/sim/bench_bare_walk.h"
#include "model/sim/bench_case.h"
#include "model/sim/bench_streams.h"
#include "model/sim/bench_tables.h"
#include "model/walk/functional_driver.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kDataBytes = std::uint64_t{8} << 20;

struct Reader {
  const SparseMemory& memory;
  unsigned num_updates = 0;

  MemoryAnswer read(const Step& step) const { return {true, memory.read(step.hpa, step.bytes)}; }
  UpdateAnswer update(const Step& /*step*/) {
    ++num_updates;
    return UpdateAnswer::kStored;
  }
};

TEST(BenchTables, EveryPageIsTranslatedByTwentyFourReadsAndNoUpdate) {
  SparseMemory memory(std::uint64_t{1} << 30);
  const BenchTables tables = make_bench_tables(memory, kDataBytes);
  const BareWalk bare(memory, tables);
  Reader reader{memory};
  std::set<std::uint64_t> pages;
  for (std::uint64_t offset = 8; offset < kDataBytes; offset += 4096) {
    Access access;
    access.address = tables.first_address + offset;
    access.type = AccessType::kWrite;
    const WalkOutcome outcome = walk(tables.context, access, reader, NoCache{});
    ASSERT_TRUE(outcome.is_translation) << offset;
    ASSERT_EQ(outcome.num_references, 24U);
    const std::uint64_t hpa = outcome.translation.hpa.value();
    ASSERT_GE(hpa, tables.table_bytes) << "data lies beyond all tables";
    ASSERT_EQ(hpa % 4096, 8U);
    ASSERT_EQ(bare.translate(access.address.value()), hpa);
    pages.insert(hpa);
  }
  EXPECT_EQ(pages.size(), kDataBytes / 4096) << "no two pages share a frame";
  EXPECT_EQ(reader.num_updates, 0U);
  const std::uint64_t beyond = tables.first_address.value() + kDataBytes;
  EXPECT_EQ(bare.translate(beyond), BareWalk::kNotMapped);
}

TEST(BenchStreams, StayInTheirRangeAndGoOnFromPieceToPiece) {
  const Gva first(0x100000000000);
  std::vector<Gva> words(512);
  BenchStream sequential = make_sequential_stream(first, 4096);
  sequential(words);
  EXPECT_EQ(words.front(), first);
  EXPECT_EQ(words.back(), first + 4088);
  sequential(words);
  EXPECT_EQ(words.front(), first) << "from the start again";

  std::vector<Gva> more(1024);
  BenchStream whole = make_random_stream(first, kDataBytes);
  BenchStream pieces = make_random_stream(first, kDataBytes);
  whole(more);
  pieces(words);
  EXPECT_TRUE(std::equal(words.begin(), words.end(), more.begin()));
  pieces(words);
  EXPECT_TRUE(std::equal(words.begin(), words.end(), more.begin() + 512));
  for (const Gva address : more) {
    EXPECT_LT(address.value() - first.value(), kDataBytes);
  }
}

TEST(BenchCases, AreNamedApart) {
  std::set<std::string_view> names;
  for (const BenchCase& c : bench_cases()) {
    names.insert(c.name);
    EXPECT_LE(bench_size(c, false).num_repetitions, BenchFigures::kMaxRepetitions);
    EXPECT_LT(bench_size(c, true).num_accesses, bench_size(c, false).num_accesses);
  }
  EXPECT_EQ(names.size(), bench_cases().size());
}

}  // namespace
}  // namespace nestwalk
