#include "model/walk/walk_hints.h"

#include <gtest/gtest.h>

#include <vector>

#include "model/walk/functional_driver.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kFirst{0x12345678};
constexpr Gva kSecond{0x12346008};  // the next page: other entries of the same tables
constexpr Gpa kData{0x80000000};

// A memory that notes what it was told to fetch.
struct NotingMemory {
  const WordMemory& words;
  std::vector<Hpa>& prefetched;

  [[nodiscard]] std::uint64_t read(Hpa address, unsigned num_bytes) const {
    return words.read(address, num_bytes).value();
  }
  void prefetch(Hpa address) const { prefetched.push_back(address); }
};

// Walks, and notes where the leaf entries stood.
struct LeafReader {
  WordMemory& words;
  std::vector<Hpa> leaves = {};

  MemoryAnswer read(const Step& step) {
    if (step.position == Position{1, 0} || step.position == Position{0, 1}) {
      leaves.push_back(step.hpa);
    }
    return {true, words.read(step.hpa, step.bytes).value()};
  }
  UpdateAnswer update(const Step& step) {
    return words.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }
};

class WalkHintsTest : public testing::TestWithParam<FormatId> {
 protected:
  HandTables tables_{{GetParam(), FormatId::kX86FourLevel}};

  void map_page(Gva gva, Gpa gpa, unsigned level) {
    tables_.map_guest(gva, gpa, level);
    for (unsigned page = 0; page < (level == 1 ? 1U : 1024U); ++page) {
      tables_.map_host(gpa + page * std::uint64_t{4096}, 1);
    }
  }
  // What is fetched while an address is expected once and then nothing that is known.
  std::vector<Hpa> fetched_for(WalkHints& hints, Gva address) {
    std::vector<Hpa> prefetched;
    const NotingMemory memory{tables_.memory, prefetched};
    for (std::size_t i = 0; i < WalkHints::kLookAhead; ++i) {
      hints.expect(i == 0 ? address : Gva{0x1000}, memory);
    }
    return prefetched;
  }
};

INSTANTIATE_TEST_SUITE_P(Guests, WalkHintsTest,
                         testing::Values(FormatId::kX86TwoLevel, FormatId::kX86FourLevel));

TEST_P(WalkHintsTest, AfterOneWalkTheLeavesOfItsNeighbourAreFetched) {
  map_page(kFirst, kData, 1);
  map_page(kSecond, kData + 4096, 1);
  WalkEngine engine(tables_.context);
  WalkHints hints(engine);
  LeafReader reader{tables_.memory};
  ASSERT_TRUE(walk(engine, Access{kFirst}, reader, NoCache{}).is_translation);
  EXPECT_TRUE(fetched_for(hints, kSecond).empty()) << "nothing is learnt yet";
  hints.learn(engine);

  const std::vector<Hpa> fetched = fetched_for(hints, kSecond);
  reader.leaves.clear();
  ASSERT_TRUE(walk(engine, Access{kSecond}, reader, NoCache{}).is_translation);
  EXPECT_EQ(reader.leaves.size(), 2U);
  EXPECT_EQ(fetched, reader.leaves) << "the guest's leaf at once, the host's by and by";
}

TEST_P(WalkHintsTest, ALargeGuestPageIsNotGuessed) {
  map_page(kFirst, kData, 2);
  WalkEngine engine(tables_.context);
  WalkHints hints(engine);
  LeafReader reader{tables_.memory};
  ASSERT_TRUE(walk(engine, Access{kFirst}, reader, NoCache{}).is_translation);
  hints.learn(engine);
  EXPECT_TRUE(fetched_for(hints, kFirst).empty());
}

}  // namespace
}  // namespace nestwalk
