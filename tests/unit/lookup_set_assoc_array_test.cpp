#include "model/lookup/set_assoc_array.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <stdexcept>

#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

struct Item {
  std::uint64_t number = 0;
  int owner = 0;
  friend bool operator==(const Item&, const Item&) = default;
};
using Array = SetAssocArray<Item>;

std::uint32_t find(const Array& array, std::uint64_t number, int owner = 0) {
  return array.find(number, number, [&](const Item& item) { return item.owner == owner; });
}

TEST(SetAssocArray, RejectsEntriesThatAreNoMultipleOfTheWays) {
  EXPECT_THROW(Array({10, 4}, 0), std::invalid_argument);
  EXPECT_THROW(Array({4, 8}, 0), std::invalid_argument);
  EXPECT_NO_THROW(Array({12, 4}, 0));
}

TEST(SetAssocArray, WithoutEntriesIsAbsentAndFindsNothing) {
  const Array array({0, 4}, 0);
  EXPECT_FALSE(array.is_present());
  EXPECT_EQ(array.capacity(), 0U);
  EXPECT_EQ(find(array, 7), Array::kNone);
}

TEST(SetAssocArray, WaysZeroIsFullyAssociative) {
  Array array({6, 0}, 0);
  for (std::uint64_t number = 0; number < 6; ++number) {
    EXPECT_FALSE(array.insert(number * 100, number * 100, {number * 100}));
  }
  EXPECT_EQ(array.size(), 6U);
  const auto victim = array.insert(1, 1, {1});
  ASSERT_TRUE(victim);
  EXPECT_EQ(victim->number, 0U);  // the least recently used
  EXPECT_EQ(array.size(), 6U);
}

// Every number goes to the set of its remainder, powers of two or not, wide sets or not.
TEST(SetAssocArray, SetsAreTheRemainderOfTheNumber) {
  for (const std::uint32_t ways : {1U, 2U, 3U, 9U, 16U, 20U}) {
    for (const std::uint32_t sets : {1U, 2U, 3U, 5U, 8U, 12U}) {
      Array array({sets * ways, ways}, 0);
      for (std::uint32_t i = 0; i < ways; ++i) {
        EXPECT_FALSE(array.insert(i * sets + sets - 1, i * sets + sets - 1, {i * sets + sets - 1}));
      }
      for (std::uint32_t i = 0; i < ways; ++i) {
        EXPECT_NE(find(array, i * sets + sets - 1), Array::kNone);
      }
      const std::uint64_t next = std::uint64_t{ways} * sets + sets - 1;
      EXPECT_EQ(array.insert(next, next, {next})->number, sets - 1) << sets << "x" << ways;
      EXPECT_EQ(find(array, sets - 1), Array::kNone);
      EXPECT_EQ(array.size(), ways);
    }
  }
}

TEST(SetAssocArray, FindsExactlyWhatIsThere) {
  constexpr std::uint64_t kSeed = 0x5eed0002;
  SplitMix64 random(kSeed);
  Array array({40, 20}, 0);
  std::set<std::uint64_t> present;
  for (int step = 0; step < 20000; ++step) {
    const std::uint64_t number = random.below(200) << random.below(40);
    const std::uint32_t slot = find(array, number);
    ASSERT_EQ(slot != Array::kNone, present.count(number) == 1) << "seed " << kSeed;
    if (slot == Array::kNone) {
      if (const auto victim = array.insert(number, number, {number})) {
        ASSERT_EQ(present.erase(victim->number), 1U);
      }
      present.insert(number);
    } else if (random.percent(30)) {
      ASSERT_EQ(array[slot].number, number);
      array.erase(slot);
      present.erase(number);
    }
    ASSERT_EQ(array.size(), present.size());
  }
}

TEST(SetAssocArray, Tlb18FindAndEraseLeaveReplacementAlone) {
  Array array({4, 0}, 0);
  for (std::uint64_t number = 0; number < 4; ++number) {
    array.insert(number, number, {number});
  }
  find(array, 0);
  array.erase_if([](const Item& item) { return item.number == 99; });
  EXPECT_EQ(array.insert(10, 10, {10})->number, 0U);
  array.use(find(array, 1));
  EXPECT_EQ(array.insert(11, 11, {11})->number, 2U);
  // An erased way is filled before any victim is looked for.
  array.erase(find(array, 11));
  EXPECT_FALSE(array.insert(12, 12, {12}));
  EXPECT_EQ(array.insert(13, 13, {13})->number, 3U);
}

TEST(SetAssocArray, EqualityIsOfWhatIsCachedAndItsHistory) {
  Array array({4, 2}, 0);
  array.insert(1, 1, {1});
  Array copy = array;
  EXPECT_EQ(copy, array);
  copy.insert(2, 2, {2});
  EXPECT_NE(copy, array);
}

// 128 sets: the field of seven bits XOR the one above, and nothing of the bits above both.
TEST(SetAssocArray, XorFoldChoosesTheSetByTwoFields) {
  Array array({256, 2, Replacement::kLru, SetIndex::kXorFold}, 0);
  const std::uint64_t same_set[] = {0x3 << 7 | 0x15, 0x15 << 7 | 0x3, 1 << 14 | 0x16};
  array.insert(same_set[0], same_set[0], {same_set[0]});
  array.insert(same_set[1], same_set[1], {same_set[1]});
  EXPECT_FALSE(array.has_room(same_set[2]));
  EXPECT_TRUE(array.has_room(0x15));
  const auto victim = array.insert(same_set[2], same_set[2], {same_set[2]});
  ASSERT_TRUE(victim);
  EXPECT_EQ(victim->number, same_set[0]);
  EXPECT_THROW(Array({12, 4, Replacement::kLru, SetIndex::kXorFold}, 0), std::invalid_argument);
}

TEST(SetAssocArrayDeathTest, Tlb14TwoMatchesAreFatal) {
  Array array({4, 0}, 0);
  array.insert(5, 5, {5, 1});
  array.insert(5, 5, {5, 2});
  EXPECT_NE(find(array, 5, 1), find(array, 5, 2));
  const auto any = [](const Item&) { return true; };
  EXPECT_DEATH(static_cast<void>(array.find(5, 5, any)), "at most one entry matches");
}

}  // namespace
}  // namespace nestwalk
