#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "model/config/document.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

class ConfigDocumentTest : public testing::Test {
 protected:
  void SetUp() override {
    start_ = fs::current_path();
    folder_ =
        fs::temp_directory_path() / ("nestwalk_config_" + std::to_string(getpid()) + '_' +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(start_);
    fs::remove_all(folder_);
  }

  static void write(const fs::path& path, const std::string& text) {
    if (path.has_parent_path()) {
      fs::create_directories(path.parent_path());
    }
    std::ofstream(path, std::ios::binary) << text;
  }

  static std::string failure(const std::string& path) {
    try {
      (void)ConfigDocument::load(path);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "loaded";
  }

  static const ConfigNode& at(const ConfigDocument& document, const std::string& key) {
    const ConfigEntry* const entry = document.root().find(key);
    EXPECT_NE(entry, nullptr) << key;
    return entry->value;
  }

  fs::path start_;
  fs::path folder_;
};

TEST_F(ConfigDocumentTest, ValuesKnowTheirPositions) {
  write("a.yaml", "x: 1\ny:\n  z: \"two\"\n");
  const auto document = ConfigDocument::load("a.yaml");
  EXPECT_EQ(at(document, "x").mark.line, 1);
  EXPECT_EQ(at(document, "x").mark.column, 4);
  const ConfigEntry& z = at(document, "y").entries.front();
  EXPECT_EQ(z.mark.line, 3);
  EXPECT_EQ(z.mark.column, 3);
  EXPECT_TRUE(z.value.is_quoted);
  EXPECT_EQ(z.value.text, "two");
}

TEST_F(ConfigDocumentTest, CarriageReturnsAndByteOrderMarkChangeNothing) {
  write("a.yaml", "\xEF\xBB\xBFx: a b\r\ny:\r\n  z: \"two\"\r\n");
  const auto document = ConfigDocument::load("a.yaml");
  EXPECT_EQ(at(document, "x").text, "a b");
  EXPECT_EQ(at(document, "x").mark.column, 4);
  EXPECT_EQ(at(document, "y").entries.front().value.text, "two");
}

TEST_F(ConfigDocumentTest, TheFileWinsOverItsBasesAndGroupsMerge) {
  write("deep/base.yaml", "a: base\ng: {x: base, y: base}\nl: [1, 2, 3]\n");
  write("other.yaml", "a: other\nb: other\n");
  write("top.yaml", "extends: [deep/base.yaml, other.yaml]\ng: {y: top}\nl: [9]\n");
  const auto document = ConfigDocument::load("top.yaml");
  EXPECT_EQ(at(document, "a").text, "other");
  EXPECT_EQ(at(document, "b").text, "other");
  EXPECT_EQ(at(document, "g").find("x")->value.text, "base");
  EXPECT_EQ(at(document, "g").find("y")->value.text, "top");
  ASSERT_EQ(at(document, "l").items.size(), 1U);
  EXPECT_EQ(at(document, "g").find("x")->mark.source->name, "deep/base.yaml");
  EXPECT_EQ(document.root().find("extends"), nullptr);
  EXPECT_EQ(document.files().size(), 3U);
  EXPECT_EQ(document.files().back(), (folder_ / "top.yaml").string());
}

TEST_F(ConfigDocumentTest, ExtendsIsRelativeToTheFileThatSaysSo) {
  write("a/top.yaml", "extends: ../b/middle.yaml\n");
  write("b/middle.yaml", "extends: base.yaml\n");
  write("b/base.yaml", "x: found\n");
  write("elsewhere/none", "");
  for (const char* start : {".", "a", "elsewhere"}) {
    fs::current_path(folder_ / start);
    EXPECT_EQ(at(ConfigDocument::load((folder_ / "a/top.yaml").string()), "x").text, "found");
    EXPECT_EQ(at(ConfigDocument::load(fs::relative(folder_ / "a/top.yaml").string()), "x").text,
              "found");
  }
}

TEST_F(ConfigDocumentTest, AMissingBaseIsReportedWhereItIsNamed) {
  write("sub/base_file.yaml", "x: 1\n");
  write("top.yaml", "x: 1\nextends: sub/base_fil.yaml\n");
  EXPECT_EQ(failure("top.yaml"),
            "top.yaml:2:10: 'extends': no file '" + (folder_ / "sub/base_fil.yaml").string() +
                "'; did you mean 'base_file.yaml'? ('sub/base_fil.yaml' is relative to the file "
                "that names it)");
}

TEST_F(ConfigDocumentTest, ACircleOfBasesIsReportedWithItsChain) {
  write("a.yaml", "extends: sub/b.yaml\n");
  write("sub/b.yaml", "extends: ../a.yaml\n");
  EXPECT_EQ(failure("a.yaml"),
            "sub/b.yaml:1:10: 'extends' goes round in a circle: a.yaml -> sub/b.yaml -> a.yaml");
}

TEST_F(ConfigDocumentTest, TheSameBaseTwiceIsNoCircle) {
  write("base.yaml", "x: 1\n");
  write("left.yaml", "extends: base.yaml\n");
  write("right.yaml", "extends: base.yaml\n");
  write("top.yaml", "extends: [left.yaml, right.yaml]\n");
  EXPECT_EQ(at(ConfigDocument::load("top.yaml"), "x").text, "1");
}

TEST_F(ConfigDocumentTest, ALongChainOfBasesStops) {
  for (int i = 0; i < 20; ++i) {
    write(std::to_string(i) + ".yaml", "extends: " + std::to_string(i + 1) + ".yaml\n");
  }
  const std::string message = failure("0.yaml");
  EXPECT_NE(message.find("15.yaml:1:10: 'extends' goes through more than 16 files: 0.yaml -> "
                         "1.yaml"),
            std::string::npos)
      << message;
}

TEST_F(ConfigDocumentTest, FilesThatAreNoConfigurationSaySo) {
  EXPECT_EQ(failure("none.yaml"), "none.yaml: no file '" + (folder_ / "none.yaml").string() + "'");
  write("deep.yaml", "{}\n");  // shares little but its extension
  EXPECT_EQ(failure("nope.yaml"), "nope.yaml: no file '" + (folder_ / "nope.yaml").string() + "'");
  EXPECT_NE(failure("deeq.yaml").find("did you mean 'deep.yaml'?"), std::string::npos);
  EXPECT_EQ(failure("."), ".: '" + folder_.string() + "/' is a folder, expected a file");
  write("lfs.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  EXPECT_NE(failure("lfs.yaml").find("lfs.yaml: found a Git LFS pointer"), std::string::npos);
  write("binary.yaml", std::string("a: 1\0b", 6));
  EXPECT_NE(failure("binary.yaml").find("binary.yaml: found binary data"), std::string::npos);
  write("empty.yaml", "");
  EXPECT_NE(failure("empty.yaml").find("empty.yaml:1:1: the file is empty"), std::string::npos);
  write("comments.yaml", "# only\r\n# this\r\n");
  EXPECT_NE(failure("comments.yaml").find("comments.yaml:1:1: the file is empty"),
            std::string::npos);
}

TEST_F(ConfigDocumentTest, AnAliasInsideItsAnchorAndABombStop) {
  write("loop.yaml", "a: &x [*x]\n");
  EXPECT_NE(failure("loop.yaml").find("loop.yaml:1:4: nested deeper than"), std::string::npos);
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int j = 0; j < 9; ++j) {
      bomb += ", " + below;
    }
    bomb += "]\n";
  }
  write("bomb.yaml", bomb);
  EXPECT_NE(failure("bomb.yaml").find("values"), std::string::npos);
}

TEST_F(ConfigDocumentTest, QuotesThatAreNeverClosedAreFound) {
  for (const char* text : {"a: \"x\n", "a: 'x\n", "a: 'it''s\n", "a: \"x\\\"\n"}) {
    write("a.yaml", text);
    EXPECT_NE(failure("a.yaml").find("a.yaml:1:4: the quote"), std::string::npos) << text;
  }
  write("a.yaml", "u: \xC3\xA4\na: 'it''s'\nb: \"x\\\"\"\nc: |\n  'open\n");
  EXPECT_EQ(at(ConfigDocument::load("a.yaml"), "a").text, "it's");
}

TEST_F(ConfigDocumentTest, TheStandardInputIsAFileOfTheWorkingDirectory) {
  write("base.yaml", "x: 1\n");
  std::istringstream input("extends: base.yaml\ny: 2\n");
  std::streambuf* const saved = std::cin.rdbuf(input.rdbuf());
  const auto document = ConfigDocument::load("-");
  std::cin.rdbuf(saved);
  EXPECT_EQ(at(document, "x").text, "1");
  EXPECT_EQ(at(document, "y").mark.source->name, "<stdin>");
}

TEST_F(ConfigDocumentTest, AnOverrideReplacesOneValueAndMakesGroups) {
  auto document = ConfigDocument::parse("a: {b: 1, c: 2}\nl: [{x: 1}, {x: 2}]\n", "t", folder_);
  document.set("a.b=5=6");
  document.set("n.e.w= two words");
  document.set("l.1.x", "9");
  document.set("y=[1, \"2\"]");
  document.set("s=a: b");
  EXPECT_TRUE(document.problems().empty());
  EXPECT_EQ(at(document, "a").find("b")->value.text, "5=6");
  EXPECT_EQ(at(document, "a").find("c")->value.text, "2");
  EXPECT_EQ(at(document, "n").find("e")->value.find("w")->value.text, " two words");
  EXPECT_EQ(at(document, "l").items[0].find("x")->value.text, "1");
  EXPECT_EQ(at(document, "l").items[1].find("x")->value.text, "9");
  EXPECT_EQ(at(document, "y").items.size(), 2U);
  EXPECT_EQ(at(document, "s").text, "a: b");
  EXPECT_EQ(at(document, "a").find("b")->value.mark.source->name, "--set a.b=5=6");
}

TEST_F(ConfigDocumentTest, OverridesThatFitNothingAreProblems) {
  auto document = ConfigDocument::parse("l: [{x: 1}]\n", "t", folder_);
  for (const char* assignment :
       {"l.1.x=1", "l.x=1", "l..x=1", "nothing", "a=[1", "extends=b.yaml", "a={b: 1, b: 2}"}) {
    document.set(assignment);
  }
  std::string all;
  for (const ConfigProblem& problem : document.problems()) {
    all += problem.to_string() + '\n';
  }
  EXPECT_NE(all.find("--set l.1.x=1: found '1' behind the list 'l'; expected an index below 1\n"),
            std::string::npos);
  EXPECT_NE(all.find("--set l.x=1: found 'x' behind the list 'l'; expected an index below 1\n"),
            std::string::npos);
  EXPECT_NE(all.find("--set l..x=1: found an empty name"), std::string::npos) << all;
  EXPECT_NE(all.find("--set nothing: found no '='"), std::string::npos);
  EXPECT_NE(all.find("--set a=[1: no valid YAML"), std::string::npos) << all;
  EXPECT_NE(all.find("--set extends=b.yaml: 'extends' belongs into a file"), std::string::npos);
  EXPECT_NE(all.find("--set a={b: 1, b: 2}: key 'b' is given twice"), std::string::npos) << all;
  EXPECT_EQ(document.problems().size(), 7U) << all;
}

TEST_F(ConfigDocumentTest, AProblemFoundLaterStandsAtTheNearestWrittenNode) {
  const auto document = ConfigDocument::parse("g:\n  x: 1\nl:\n  - y: 2\n", "t.yaml", folder_);
  EXPECT_EQ(document.problem_at("g.x", "bad").to_string(), "t.yaml:2:6: 'g.x': bad");
  EXPECT_EQ(document.problem_at("l.0.y", "bad").to_string(), "t.yaml:4:8: 'l.0.y': bad");
  EXPECT_EQ(document.problem_at("l.0.z", "bad").to_string(), "t.yaml:4:5: 'l.0.z': bad");
  EXPECT_EQ(document.problem_at("h.x", "bad").to_string(), "t.yaml:1:1: 'h.x': bad");
}

}  // namespace
}  // namespace nestwalk
