// `nestwalk area`: figures that can be told by hand, what is wrong with a set, and no Yosys.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tb/area.h"
#include "tb/area_command.h"

namespace nestwalk {
namespace {

struct Result {
  int status = 0;
  std::string out;
  std::string err;
};

Result run(const AreaOptions& options) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const int status = run_area(options, {in, out, err});
  return {status, out.str(), err.str()};
}

bool has_yosys() {
  AreaOptions options;
  options.sets = {"Ways=1"};
  options.module = "replacement";
  return run(options).status != kExitUsage;
}

TEST(RtlArea, FlipFlopsOfAReplacementAreItsRanks) {
  if (!has_yosys()) {
    GTEST_SKIP() << "no yosys";
  }
  AreaOptions options;
  options.module = "replacement";
  options.sets = {"Ways=4", "Ways=4,IsTree=1", "Ways=1"};
  options.is_json = true;
  const Result result = run(options);
  ASSERT_EQ(result.status, kExitOk) << result.err;
  const nlohmann::json sets = nlohmann::json::parse(result.out);
  ASSERT_EQ(sets.size(), 3U);
  EXPECT_EQ(sets[0]["flip_flops"], 8U);  // four ranks of two bits
  EXPECT_EQ(sets[1]["flip_flops"], 3U);  // a tree of three nodes
  EXPECT_EQ(sets[2]["flip_flops"], 0U);
  EXPECT_GT(sets[0]["cells"], 8U);
  EXPECT_EQ(sets[0]["parameters"]["Ways"], 4U);
}

// What Yosys 0.23 prints: a tree of the hierarchy stands in the JSON. The slot is a black box in
// the first, whose two slots are those of the second.
TEST(RtlArea, SlotsAreCountedByTheWalkerOfOneSlot) {
  const std::string two = R"({
   "creator": "Yosys 0.23",
   "modules": {
      "\\nested_walker": {
         "num_cells": 14,
         "num_cells_by_type": {
            "$_AND_": 10,
            "$_DFF_P_": 2,
            "$paramod$0aff\\walk_slot": 1,
            "$paramod$1bff\\walk_slot": 1
         }
      }
   },
       $paramod$0aff\walk_slot      1
      "design": {
)";
  const std::string one = R"({
   "modules": {
      "\\nested_walker": {
         "num_cells_by_type": { "$_AND_": 3, "$paramod$2cff\\walk_slot": 1 }
      },
      "$paramod$2cff\\walk_slot": {
         "num_cells_by_type": { "$_OR_": 100, "$_DFFE_PP_": 20, "guest_judge": 1 }
      },
      "\\guest_judge": {
         "num_cells_by_type": { "$_XOR_": 7 }
      }
   },
   "design": {}
})";
  const AreaSubject subject{"nested_walker", {"Slots=2"}};
  const Area area = area_of(subject, {two, one});
  EXPECT_EQ(area.num_cells, 12U + 2 * (120U + 7U));
  EXPECT_EQ(area.num_flip_flops, 2U + 2 * 20U);
  ASSERT_EQ(area.modules.size(), 3U);
  EXPECT_EQ(area.modules[0].name, "walk_slot");
  EXPECT_EQ(area.modules[0].num_instances, 2U);
  EXPECT_THROW((void)area_of(subject, {two, two}), AreaError);
  EXPECT_THROW((void)area_of(subject, {"yosys: not found"}), AreaError);
}

TEST(RtlArea, MistakesAreNamed) {
  const auto error_of = [](const std::string& module, const std::vector<std::string>& sets) {
    AreaOptions options;
    options.yosys = "/bin/true";  // is not reached
    options.module = module;
    options.sets = sets;
    const Result result = run(options);
    EXPECT_EQ(result.status, kExitUsage);
    return result.err;
  };
  EXPECT_NE(error_of("nested_walker", {"one_slto"}).find("one_slot"), std::string::npos);
  EXPECT_NE(error_of("nested_walker", {"Slotz=1"}).find("did you mean Slots?"), std::string::npos);
  EXPECT_NE(error_of("nested_walker", {"Slots=many"}).find("expected a number"), std::string::npos);
  EXPECT_NE(error_of("nested_waker", {}).find("did you mean nested_walker?"), std::string::npos);
  EXPECT_NE(error_of("l1_tlb", {"one_slot"}).find("parameters like"), std::string::npos);
  AreaOptions options;
  options.yosys = "no-such-yosys";
  const Result missing = run(options);
  EXPECT_EQ(missing.status, kExitUsage);
  EXPECT_NE(missing.err.find("no-such-yosys: no such program"), std::string::npos) << missing.err;
  options.yosys = "/bin/false";
  options.sets = {"one_slot"};
  const Result failing = run(options);
  EXPECT_EQ(failing.status, kExitCheckFailed);
  EXPECT_NE(failing.err.find("yosys ended with status 1"), std::string::npos) << failing.err;
}

}  // namespace
}  // namespace nestwalk
