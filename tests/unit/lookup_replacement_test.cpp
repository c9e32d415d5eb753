// Replacement policies against naive models that share no code and no representation with them.

#include "model/lookup/replacement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

class Model {
 public:
  virtual ~Model() = default;
  virtual void used(unsigned way) = 0;
  virtual void filled(unsigned way) = 0;
  virtual unsigned victim() = 0;
};

// The ways in order of use.
class LruModel : public Model {
 public:
  explicit LruModel(unsigned ways) {
    for (unsigned way = 0; way < ways; ++way) {
      order_.push_back(way);
    }
  }
  void used(unsigned way) override {
    order_.erase(std::find(order_.begin(), order_.end(), way));
    order_.push_back(way);
  }
  void filled(unsigned way) override { used(way); }
  unsigned victim() override { return order_.front(); }

 private:
  std::vector<unsigned> order_;
};

// A tree by recursion over ranges of ways; a node is named by its range.
class TreeModel : public Model {
 public:
  explicit TreeModel(unsigned ways) : ways_(ways) {
    while (size_ < ways) {
      size_ *= 2;
    }
  }
  void used(unsigned way) override { point_away(0, size_, way); }
  void filled(unsigned way) override { used(way); }
  unsigned victim() override { return search(0, size_); }

 private:
  void point_away(unsigned low, unsigned size, unsigned way) {
    if (size == 1) {
      return;
    }
    const unsigned middle = low + size / 2;
    victim_is_right_[{low, size}] = way < middle;
    way < middle ? point_away(low, size / 2, way) : point_away(middle, size / 2, way);
  }
  unsigned search(unsigned low, unsigned size) {
    if (size == 1) {
      return low;
    }
    const unsigned middle = low + size / 2;
    const bool right_exists = middle < ways_;
    return right_exists && victim_is_right_[{low, size}] ? search(middle, size / 2)
                                                         : search(low, size / 2);
  }

  unsigned ways_;
  unsigned size_ = 1;
  std::map<std::pair<unsigned, unsigned>, bool> victim_is_right_;
};

// Ageing one step at a time.
class SrripModel : public Model {
 public:
  explicit SrripModel(unsigned ways) : age_(ways, 3) {}
  void used(unsigned way) override { age_[way] = 0; }
  void filled(unsigned way) override { age_[way] = 2; }
  unsigned victim() override {
    for (;;) {
      for (unsigned way = 0; way < age_.size(); ++way) {
        if (age_[way] == 3) {
          return way;
        }
      }
      for (unsigned& age : age_) {
        ++age;
      }
    }
  }

 private:
  std::vector<unsigned> age_;
};

std::unique_ptr<Model> make_model(Replacement policy, unsigned ways) {
  switch (policy) {
    case Replacement::kTreePlru:
      return std::make_unique<TreeModel>(ways);
    case Replacement::kSrrip:
      return std::make_unique<SrripModel>(ways);
    default:
      return std::make_unique<LruModel>(ways);
  }
}

TEST(ReplacementState, AgreesWithTheNaiveModels) {
  constexpr std::uint64_t kSeed = 0x5eed0001;
  RecordProperty("seed", std::to_string(kSeed));
  SplitMix64 random(kSeed);
  constexpr unsigned kSets = 3;
  for (const Replacement policy :
       {Replacement::kLru, Replacement::kTreePlru, Replacement::kSrrip}) {
    for (const unsigned ways : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 12U, 16U, 24U, 40U}) {
      ReplacementState state(policy, {kSets, ways, 0});
      std::vector<std::unique_ptr<Model>> models;
      for (unsigned set = 0; set < kSets; ++set) {
        models.push_back(make_model(policy, ways));
        for (unsigned way = 0; way < ways; ++way) {
          state.filled(set, way);
          models[set]->filled(way);
        }
      }
      for (int step = 0; step < 3000; ++step) {
        const auto set = static_cast<unsigned>(random.below(kSets));
        if (random.percent(60)) {
          const auto way = static_cast<unsigned>(random.below(ways));
          state.used(set, way);
          models[set]->used(way);
          continue;
        }
        const unsigned way = state.victim(set);
        ASSERT_EQ(way, models[set]->victim())
            << kReplacementNames[static_cast<unsigned>(policy)] << " ways " << ways << " step "
            << step << " seed " << kSeed;
        state.filled(set, way);
        models[set]->filled(way);
      }
    }
  }
}

TEST(ReplacementState, TreeWithMissingWaysNamesOnlyWaysThatExistAndNeverTheLastUsed) {
  for (unsigned ways = 2; ways <= 33; ++ways) {
    ReplacementState state(Replacement::kTreePlru, {1, ways, 0});
    std::vector<unsigned> victims(ways, 0);
    unsigned last = 0;
    for (unsigned step = 0; step < 8 * ways; ++step) {
      const unsigned way = state.victim(0);
      ASSERT_LT(way, ways);
      ASSERT_TRUE(step == 0 || way != last) << "ways " << ways;
      ++victims[way];
      state.filled(0, way);
      last = way;
    }
    // Every way is a victim in the long run: none is out of reach.
    EXPECT_GT(*std::min_element(victims.begin(), victims.end()), 0U) << "ways " << ways;
  }
}

TEST(ReplacementState, RandomVictimsFollowTheSeedAndReachEveryWay) {
  constexpr unsigned kWays = 6;
  for (const std::uint64_t seed : {1U, 2U, 77U}) {
    ReplacementState state(Replacement::kRandom, {1, kWays, seed});
    SplitMix64 expected(seed);
    std::vector<unsigned> victims(kWays, 0);
    for (int step = 0; step < 600; ++step) {
      state.used(0, 3);  // hits draw nothing
      const unsigned way = state.victim(0);
      ASSERT_EQ(way, expected.below(kWays)) << "seed " << seed << " step " << step;
      state.filled(0, way);
      ++victims[way];
    }
    EXPECT_GT(*std::min_element(victims.begin(), victims.end()), 50U);
  }
}

TEST(ReplacementState, IsCopiedWithItsHistory) {
  for (const Replacement policy :
       {Replacement::kLru, Replacement::kTreePlru, Replacement::kRandom, Replacement::kSrrip}) {
    ReplacementState state(policy, {1, 4, 9});
    for (unsigned way : {0U, 1U, 2U, 3U, 1U, 0U}) {
      state.used(0, way);
    }
    ReplacementState copy = state;
    EXPECT_EQ(copy, state);
    for (int step = 0; step < 20; ++step) {
      const unsigned way = state.victim(0);
      ASSERT_EQ(copy.victim(0), way);
      state.filled(0, way);
      copy.filled(0, way);
    }
    EXPECT_EQ(copy, state);
  }
}

}  // namespace
}  // namespace nestwalk
