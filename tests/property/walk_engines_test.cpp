// The TLM platform answers walk requests exactly as the reference does: every leaf of a real Linux
// guest, the shipped examples, and random tables of every pair of formats.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "model/cli/walk_answer.h"
#include "model/cli/walk_engine_reference.h"
#include "model/cli/walk_request.h"
#include "model/cli/walk_snapshot.h"
#include "model/sim/walk_service_tlm.h"
#include "tests/support/random_tables.h"

namespace nestwalk {
namespace {

const std::filesystem::path kSource = NESTWALK_SOURCE_DIR;

std::string text_of(const WalkAnswer& answer) {
  std::string text;
  append_answer(text, "null", answer);
  return text;
}

TEST(WalkEngines, AgreeOnEveryLeafOfALinuxGuest) {
  TableImage image;
  ASSERT_FALSE(load_table_image(kSource / "tests/fixtures/linux-nested", image));
  ReferenceWalkService reference;
  const std::unique_ptr<WalkService> tlm = make_tlm_walk_service();
  tlm->load(image.words);
  std::size_t num_leaves = 0;
  const SnapshotSummary summary = walk_every_leaf(image, reference, [&](const LeafWalk& walk) {
    ++num_leaves;
    ASSERT_EQ(text_of(walk.answer), text_of(tlm->walk(image.context, walk.access)));
  });
  EXPECT_EQ(num_leaves, 7855U);  // of the image's README
  EXPECT_EQ(summary.num_leaves, num_leaves);
}

TEST(WalkEngines, AgreeOnEveryExample) {
  ReferenceWalkService reference;
  const std::unique_ptr<WalkService> tlm = make_tlm_walk_service();
  std::size_t num_requests = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "configs/examples/walk")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      WalkRequest request;
      ASSERT_FALSE(parse_walk_request(line, request)) << entry.path() << ": " << line;
      reference.load(request.memory);
      tlm->load(request.memory);
      EXPECT_EQ(text_of(reference.walk(request.context, request.access)),
                text_of(tlm->walk(request.context, request.access)))
          << line;
      ++num_requests;
    }
  }
  EXPECT_GE(num_requests, 10U);
}

TEST(WalkEngines, AgreeOnRandomTables) {
  constexpr std::uint64_t kSeed = 0x7a11;
  constexpr unsigned kCasesPerPair = 150;
  ReferenceWalkService reference;
  const std::unique_ptr<WalkService> tlm = make_tlm_walk_service();
  std::size_t num_translations = 0;
  std::size_t num_faults = 0;
  std::uint64_t seed = kSeed;
  std::vector<StagePair> pairs = all_stage_pairs();
  for (const StagePair& pair : agile_stage_pairs()) {
    pairs.push_back(pair);
  }
  for (const StagePair& pair : pairs) {
    for (unsigned i = 0; i < kCasesPerPair; ++i, ++seed) {
      const RandomCase random = make_random_case(pair, seed);
      std::vector<MemoryWord> words;
      random.memory.for_each_word([&](Hpa hpa, std::uint64_t word) {
        words.push_back({hpa, word});
      });
      reference.load(words);
      tlm->load(words);
      for (const Access& access : random.accesses) {
        const WalkAnswer expected = reference.walk(random.context, access);
        ASSERT_EQ(text_of(expected), text_of(tlm->walk(random.context, access)))
            << "seed " << seed << ", address " << std::hex << access.address.value();
        ++(expected.outcome.is_translation ? num_translations : num_faults);
      }
    }
  }
  EXPECT_GT(num_translations, 500U);
  EXPECT_GT(num_faults, 500U);
}

// The shipped example is the published row, by either engine.
TEST(WalkEngines, AgileWalksReadThePublishedNumbers) {
  const std::vector<std::uint32_t> published = {4, 8, 12, 16, 20, 24, 4};
  ReferenceWalkService reference;
  const std::unique_ptr<WalkService> tlm = make_tlm_walk_service();
  std::vector<std::uint32_t> by_reference;
  std::vector<std::uint32_t> by_tlm;
  std::ifstream file(kSource / "configs/examples/walk/agile.jsonl");
  for (std::string line; std::getline(file, line);) {
    WalkRequest request;
    ASSERT_FALSE(parse_walk_request(line, request)) << line;
    reference.load(request.memory);
    tlm->load(request.memory);
    const WalkAnswer answer = reference.walk(request.context, request.access);
    EXPECT_TRUE(answer.outcome.is_translation);
    EXPECT_EQ(answer.outcome.translation.hpa.value(), 0x10005678U);
    by_reference.push_back(answer.outcome.num_references);
    by_tlm.push_back(tlm->walk(request.context, request.access).outcome.num_references);
  }
  EXPECT_EQ(by_reference, published);
  EXPECT_EQ(by_tlm, published);
}

}  // namespace
}  // namespace nestwalk
