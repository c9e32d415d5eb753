#include "model/config/schema.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "model/config/scalar.h"
#include "tests/unit/config_sample.h"

namespace nestwalk {
namespace {

using Json = nlohmann::ordered_json;

class ConfigSchema : public testing::Test {
 protected:
  Json schema_ = json_schema<SampleRoot>("Sample");

  const Json& property(const std::string& pointer) const {
    return schema_.at(Json::json_pointer(pointer));
  }
};

TEST_F(ConfigSchema, TheRootIsAStrictDraft7Object) {
  EXPECT_EQ(schema_.at("$schema"), "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema_.at("title"), "Sample");
  EXPECT_EQ(schema_.at("type"), "object");
  EXPECT_EQ(schema_.at("additionalProperties"), false);
}

TEST_F(ConfigSchema, EveryObjectIsStrict) {
  int num_objects = 0;
  const auto check = [&num_objects](const auto& self, const Json& node) -> void {
    if (node.is_object() && node.contains("properties")) {
      EXPECT_EQ(node.at("type"), "object");
      EXPECT_EQ(node.at("additionalProperties"), false) << node;
      ++num_objects;
    }
    for (const Json& child : node) {
      if (child.is_structured()) {
        self(self, child);
      }
    }
  };
  check(check, schema_);
  // Root, core, ntlb, ntlb.array, vms and their processes, daemons.
  EXPECT_EQ(num_objects, 7);
}

TEST_F(ConfigSchema, ExtendsIsANameOrAList) {
  const Json& extends = property("/properties/extends/anyOf");
  EXPECT_EQ(extends.at(0).at("type"), "string");
  EXPECT_EQ(extends.at(1).at("type"), "array");
}

TEST_F(ConfigSchema, SingleValuesCarryTypeRangeDefaultAndText) {
  EXPECT_EQ(property("/properties/mode"),
            (Json{{"description", "How guest addresses are translated."},
                  {"enum", {"native", "nested", "shadow"}},
                  {"default", "nested"}}));
  EXPECT_EQ(property("/properties/core/properties/address_bits"),
            (Json{{"description", "Width of a physical address. Unit: bits."},
                  {"type", "integer"},
                  {"minimum", 36},
                  {"maximum", 52},
                  {"default", 46}}));
  EXPECT_EQ(property("/properties/core/properties/base_cpi/type"), "number");
  EXPECT_EQ(property("/properties/core/properties/base_cpi/maximum"), 100.0);
  EXPECT_EQ(property("/properties/core/properties/in_order/default"), true);
  EXPECT_EQ(property("/properties/trace/type"), "string");
  EXPECT_FALSE(property("/properties/seed").contains("maximum"));
}

TEST_F(ConfigSchema, PowersOfTwoAreEnumerated) {
  EXPECT_EQ(property("/properties/core/properties/window/enum"),
            Json({1, 2, 4, 8, 16, 32, 64, 128, 256}));
}

TEST_F(ConfigSchema, SizesAreIntegersOrTextWithAUnit) {
  const Json& memory = property("/properties/vms/items/properties/memory_bytes");
  EXPECT_EQ(memory.at("/anyOf/0/type"_json_pointer), "integer");
  EXPECT_EQ(memory.at("/anyOf/0/minimum"_json_pointer), 4096);
  const std::regex pattern(memory.at("/anyOf/1/pattern"_json_pointer).get<std::string>());
  for (const char* text : {"64 KiB", "4GiB", "1 MiB", "7B", "2 TiB", "1.5 GiB", "64 KB", "64",
                           "KiB", "64  KiB", "x64 KiB"}) {
    const bool has_unit = std::string(text).find('B') != std::string::npos;
    EXPECT_EQ(std::regex_match(text, pattern), has_unit && parse_bytes(text).has_value()) << text;
  }
}

TEST_F(ConfigSchema, ListsDescribeAnElementWithItsOwnDefaults) {
  EXPECT_EQ(property("/properties/vms/type"), "array");
  EXPECT_EQ(property("/properties/vms/minItems"), 1);
  EXPECT_EQ(property("/properties/daemons/minItems"), 0);
  EXPECT_EQ(property("/properties/vms/items/properties/name/default"), "vm");
  EXPECT_EQ(property("/properties/vms/items/properties/processes/items/properties/name/default"),
            "main");
}

// YAML is a superset of JSON, so the loader can judge the same documents.
TEST_F(ConfigSchema, AnotherValidatorAndTheLoaderAgree) {
  const Json good = Json::parse(R"([
    {}, {"extends": "a.yaml"}, {"extends": ["a.yaml", "b.yaml"]}, {"seed": 5, "mode": "shadow"},
    {"core": {"base_cpi": 2, "window": 256}}, {"vms": [{"memory_bytes": "4 GiB"}, {}]},
    {"vms": [{"memory_bytes": 4096, "processes": [{"name": "x"}]}], "daemons": []}])");
  const Json bad = Json::parse(R"([
    {"sed": 5}, {"seed": -1}, {"seed": 1.5}, {"seed": "1"}, {"seed": null}, {"mode": "shadw"},
    {"core": {"window": 3}}, {"core": {"window": 512}}, {"core": {"base_cpi": 0}},
    {"core": {"in_order": "true"}}, {"core": []}, {"vms": []}, {"vms": {"name": "x"}},
    {"vms": [{"memory_bytes": "4 GB"}]}, {"vms": [{"memory_bytes": 4095}]},
    {"vms": [{"processes": [{"nam": "x"}]}]}, {"label": 5}, {"trace": true}, []])");
  const auto is_accepted = [](const Json& document) {
    try {
      (void)bind_config<SampleRoot>(ConfigDocument::parse(document.dump(), "t", "/"));
    } catch (const ConfigError&) {
      return false;
    }
    return true;
  };
  for (const Json& document : good) {
    EXPECT_EQ(is_accepted(document), !document.contains("extends")) << document;  // no such files
  }
  for (const Json& document : bad) {
    EXPECT_FALSE(is_accepted(document)) << document;
  }

  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("nestwalk_schema_" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "schema.json") << schema_;
  std::ofstream(folder / "good.json") << good;
  std::ofstream(folder / "bad.json") << bad;
  const std::string command = "cd '" + folder.string() +
                              "' && python3 '" NESTWALK_SOURCE_DIR
                              "/tests/unit/config_schema_check.py' schema.json good.json bad.json";
  const int status = std::system(command.c_str());
  fs::remove_all(folder);
  ASSERT_TRUE(WIFEXITED(status));
  constexpr int kNotInstalled = 77;
  constexpr int kNoPython = 127;
  if (WEXITSTATUS(status) == kNotInstalled || WEXITSTATUS(status) == kNoPython) {
    GTEST_SKIP() << "python3-jsonschema is not installed";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace nestwalk
