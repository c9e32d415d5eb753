// The three engines of `nestwalk walk` give the same answers, to the last character: reference, TLM
// platform and RTL. Requests come from random tables of every pair of formats, as JSON lines.
//
// NESTWALK_SEED=N NESTWALK_WALKS=M: from case N on, M walks; .ci/nightly makes a million, in chunks
// (walks-1 to walks-10). A request that differs is printed, ready for `nestwalk walk`.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "model/cli/walk_answer.h"
#include "model/cli/walk_engine_reference.h"
#include "model/cli/walk_request.h"
#include "model/cli/walk_stream.h"
#include "model/sim/walk_service_tlm.h"
#include "tb/walk_service_rtl.h"
#include "tests/support/random_tables.h"
#include "tests/support/walk_request_text.h"

namespace nestwalk {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::string text_of(const WalkAnswer& answer) {
  std::string text;
  append_answer(text, "null", answer);
  return text;
}

// Requests one after the other, several for the tables of each case.
class RequestSource {
 public:
  explicit RequestSource(std::uint64_t first_seed) : seed_(first_seed) {}

  // A line of JSON.
  std::string next() {
    while (next_access_ == case_.accesses.size() || !is_request(case_.accesses[next_access_])) {
      if (next_access_ < case_.accesses.size()) {
        ++next_access_;
        continue;
      }
      case_ = make_random_case(pairs_[seed_ % pairs_.size()], seed_);
      ++seed_;
      next_access_ = 0;
      narrow(case_.context.guest_format, case_.context.guest_root);
      narrow(case_.context.host_format, case_.context.host_root);
      words_.clear();
      case_.memory.for_each_word([&](Hpa hpa, std::uint64_t word) {
        words_.push_back({hpa, word});
      });
    }
    return walk_request_text(num_requests_++, case_.context, case_.accesses[next_access_++],
                             words_);
  }

 private:
  // A request cannot say what no root register holds.
  static void narrow(FormatId format, std::uint64_t& root) {
    for (const unsigned width : {52U, 32U}) {
      root = find_root_problem(format, root) ? root & mask(width - 1, 0) : root;
    }
  }
  // Nor an address that its guest does not have.
  bool is_request(const Access& access) const {
    return !find_address_problem(case_.context, access.address.value());
  }

  std::vector<StagePair> pairs_ = all_stage_pairs();
  std::uint64_t seed_;
  RandomCase case_;
  std::vector<MemoryWord> words_;
  std::size_t next_access_ = 0;
  std::uint64_t num_requests_ = 0;
};

class RtlWalkEngines : public testing::Test {
 protected:
  // The answers of all engines are those of the reference; false: they are not, and that is said.
  bool compare(const std::string& line) {
    WalkRequest request;
    const std::optional<RequestError> error =
        parse_walk_request(line.substr(0, line.find('\n')), request);
    if (error) {
      ADD_FAILURE() << error->what << ": " << line;
      return false;
    }
    reference_.load(request.memory);
    tlm_->load(request.memory);
    rtl_->load(request.memory);
    const WalkAnswer answer = reference_.walk(request.context, request.access);
    ++(answer.outcome.is_translation ? num_translations_ : num_faults_);
    const std::string expected = text_of(answer);
    EXPECT_EQ(expected, text_of(tlm_->walk(request.context, request.access))) << "tlm: " << line;
    const WalkAnswer by_rtl = rtl_->walk(request.context, request.access);
    if (request.context.has_shadow) {
      EXPECT_EQ(by_rtl.unsupported, "the RTL walker has no agile walks");
    } else {
      EXPECT_EQ(expected, text_of(by_rtl)) << "rtl: " << line;
    }
    return !HasFailure();
  }

  ReferenceWalkService reference_;
  std::unique_ptr<WalkService> tlm_ = make_tlm_walk_service();
  std::unique_ptr<WalkService> rtl_ = make_rtl_walk_service("one_slot");
  std::uint64_t num_translations_ = 0;
  std::uint64_t num_faults_ = 0;
};

TEST_F(RtlWalkEngines, AgreeOnEveryExample) {
  const std::filesystem::path source = NESTWALK_SOURCE_DIR;
  std::size_t num_requests = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source / "configs/examples/walk")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line); ++num_requests) {
      ASSERT_TRUE(compare(line));
    }
  }
  EXPECT_GE(num_requests, 10U);
}

TEST_F(RtlWalkEngines, AgreeOnGeneratedRequests) {
  const std::uint64_t first_seed = number_from_environment("NESTWALK_SEED", 0x3e);
  const std::uint64_t num_walks = number_from_environment("NESTWALK_WALKS", 10'000);
  RequestSource source(first_seed);
  for (std::uint64_t i = 0; i < num_walks; ++i) {
    ASSERT_TRUE(compare(source.next())) << "first seed " << first_seed << ", walk " << i;
  }
  std::cout << num_walks << " walks from seed " << first_seed << ": " << num_translations_
            << " translations, " << num_faults_ << " faults\n";
  EXPECT_GT(num_translations_, num_walks / 10);
  EXPECT_GT(num_faults_, num_walks / 10);
}

// The whole command: the text that goes in, the text that comes out.
TEST_F(RtlWalkEngines, TheStreamsAreTheSame) {
  RequestSource source(0x5eed);
  std::string requests;
  for (unsigned i = 0; i < 300; ++i) {
    requests += source.next();
  }
  const auto answers = [&](WalkService& service) {
    std::istringstream in(requests);
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(answer_requests({"requests", false}, service, {in, out, err}), kExitOk) << err.str();
    return out.str();
  };
  const std::string expected = answers(reference_);
  EXPECT_EQ(answers(*tlm_), expected);
  EXPECT_EQ(answers(*rtl_), expected);
}

// A walker with caches reads less: it says so where it did, and agrees everywhere else.
TEST_F(RtlWalkEngines, AWalkerWithCachesAnswersWhatItReadInFull) {
  rtl_ = make_rtl_walk_service("pwc");
  RequestSource source(0xcace);
  unsigned num_unsupported = 0;
  unsigned num_answers = 0;
  for (unsigned i = 0; i < 1500; ++i) {
    WalkRequest request;
    const std::string line = source.next();
    ASSERT_FALSE(parse_walk_request(line.substr(0, line.size() - 1), request));
    reference_.load(request.memory);
    rtl_->load(request.memory);
    const WalkAnswer expected = reference_.walk(request.context, request.access);
    const WalkAnswer answer = rtl_->walk(request.context, request.access);
    if (!answer.unsupported.empty()) {
      ++num_unsupported;
      ASSERT_LE(answer.references.size(), expected.references.size()) << line;
      ASSERT_EQ(answer.outcome.is_translation, expected.outcome.is_translation) << line;
    } else {
      ++num_answers;
      ASSERT_EQ(text_of(answer), text_of(expected)) << line;
    }
  }
  std::cout << num_answers << " answers, " << num_unsupported << " unsupported\n";
  EXPECT_GT(num_unsupported, 20U);
  EXPECT_GT(num_answers, 500U);
}

// A table that refers to itself: each of its two words serves two levels, and the A bit that is set
// for one is not what was read for the other. So the walk begins anew twice.
TEST_F(RtlWalkEngines, AgreeOnATableThatRefersToItself) {
  const std::vector<MemoryWord> words = {{Hpa(0x1000), 0x1007}, {Hpa(0x1008), 0x1007}};
  WalkContext context;
  context.has_guest = true;
  context.guest_root = 0x1000;
  const Access twice{Gva(0x20'1000), AccessType::kRead, Privilege::kUser};
  const Access once{Gva(0), AccessType::kRead, Privilege::kUser};
  reference_.load(words);
  EXPECT_EQ(reference_.walk(context, twice).outcome.num_restarts, 2U);
  EXPECT_EQ(reference_.walk(context, once).outcome.num_restarts, 1U);
  ASSERT_TRUE(compare(walk_request_text(1, context, twice, words)));
  ASSERT_TRUE(compare(walk_request_text(2, context, once, words)));
}

TEST_F(RtlWalkEngines, AnAnswerThatIsNotSupportedIsALineOfItsOwn) {
  WalkAnswer answer;
  answer.unsupported = "a \"reason\"";
  EXPECT_EQ(text_of(answer),
            "{\"id\":null,\"outcome\":\"unsupported\",\"reason\":\"a \\\"reason\\\"\"}\n");
}

}  // namespace
}  // namespace nestwalk
