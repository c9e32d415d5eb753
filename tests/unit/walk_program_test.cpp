#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/cli/program.h"
#include "model/cli/walk_command.h"

namespace nestwalk {
namespace {

const std::filesystem::path kSource = NESTWALK_SOURCE_DIR;

struct Result {
  int status = 0;
  std::string out;
  std::string err;

  [[nodiscard]] std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> parsed;
    std::istringstream text(out);
    for (std::string line; std::getline(text, line);) {
      parsed.push_back(nlohmann::json::parse(line));
    }
    return parsed;
  }
  [[nodiscard]] bool says(const std::string& text) const {
    return err.find(text) != std::string::npos;
  }
};

Result run(std::vector<const char*> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "nestwalk");
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int status =
      run_program(static_cast<int>(arguments.size()), arguments.data(), {in, out, err});
  return {status, out.str(), err.str()};
}

constexpr const char* kGood =
    R"({"id":1,"access":{"address":"0x10","type":"read","privilege":"user"}})";

TEST(Program, HelpAndVersionSucceed) {
  const Result help = run({"--help"});
  EXPECT_EQ(help.status, kExitOk);
  EXPECT_NE(help.out.find("walk"), std::string::npos);
  EXPECT_NE(help.out.find("Examples"), std::string::npos);
  EXPECT_EQ(run({"walk", "--help"}).status, kExitOk);
  const Result version = run({"--version"});
  EXPECT_EQ(version.status, kExitOk);
  EXPECT_EQ(version.out.rfind("nestwalk ", 0), 0U);
}

TEST(Program, MistakesNameTheNearestWord) {
  EXPECT_EQ(run({}).status, kExitUsage);
  const Result command = run({"wlak"});
  EXPECT_EQ(command.status, kExitUsage);
  EXPECT_TRUE(command.says("unknown command wlak; did you mean walk?")) << command.err;
  const Result option = run({"walk", "--explian", "-"});
  EXPECT_EQ(option.status, kExitUsage);
  EXPECT_TRUE(option.says("unknown option --explian; did you mean --explain?")) << option.err;
  const Result engine = run({"walk", "--engine", "refrence", "-"});
  EXPECT_EQ(engine.status, kExitUsage);
  EXPECT_TRUE(engine.says("did you mean reference?")) << engine.err;
  EXPECT_EQ(run({"walk", "a", "b"}).status, kExitUsage);
  EXPECT_EQ(run({"walk", "--engine"}).status, kExitUsage);
  EXPECT_EQ(run({"walk"}).status, kExitUsage);
}

TEST(WalkCommand, OptionsThatMeanNothingTogetherAreRefused) {
  EXPECT_EQ(run({"walk", "-", "--snapshot", "x"}).status, kExitUsage);
  EXPECT_EQ(run({"walk", "-", "--address", "0x0"}).status, kExitUsage);
  EXPECT_EQ(run({"walk", "--snapshot", "x", "--explain"}).status, kExitUsage);
  EXPECT_EQ(run({"walk", "--snapshot", "x", "--all", "--json"}).status, kExitUsage);
  EXPECT_EQ(run({"walk", "--snapshot", "x", "--type", "read"}).status, kExitUsage);
}

TEST(WalkCommand, AnswersInOrderAndGoesOnAfterAnError) {
  const std::string input =
      std::string(kGood) + "\r\n\r\n  \nnonsense\n{\"id\":2,\"x\":1}\n" + kGood;
  const Result result = run({"walk", "-"}, input);
  EXPECT_EQ(result.status, kExitInput);
  const auto lines = result.lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["outcome"], "translation");
  EXPECT_EQ(lines[1]["outcome"], "error");
  EXPECT_EQ(lines[1]["where"], "line 4, column 1");
  EXPECT_EQ(lines[2]["id"], 2);
  EXPECT_EQ(lines[2]["where"], "line 5, column 9");
  EXPECT_EQ(lines[3], lines[0]);
  EXPECT_TRUE(result.says("2 of 4 lines")) << result.err;
}

TEST(WalkCommand, AWholeStreamOfRequestsSucceeds) {
  const Result result = run({"walk", "-"}, std::string(kGood) + "\n");
  EXPECT_EQ(result.status, kExitOk);
  EXPECT_EQ(result.err, "");
}

TEST(WalkCommand, BadInputsAreInputErrors) {
  EXPECT_EQ(run({"walk", "-"}).status, kExitInput);
  EXPECT_EQ(run({"walk", "/nonexistent/requests.jsonl"}).status, kExitInput);
  EXPECT_EQ(run({"walk", kSource.c_str()}).status, kExitInput);
  const Result pointer = run({"walk", "-"}, "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_EQ(pointer.status, kExitInput);
  EXPECT_TRUE(pointer.says("git lfs pull"));
  EXPECT_EQ(run({"walk", "--snapshot", "/nonexistent"}).status, kExitInput);
}

TEST(WalkCommand, EveryExampleIsAnswered) {
  std::size_t num_files = 0;
  for (const auto& file : std::filesystem::directory_iterator(kSource / "configs/examples/walk")) {
    const Result result = run({"walk", file.path().c_str()});
    EXPECT_EQ(result.status, kExitOk) << file.path() << result.err;
    EXPECT_GT(result.lines().size(), 1U);
    EXPECT_EQ(run({"walk", "--explain", file.path().c_str()}).status, kExitOk);
    ++num_files;
  }
  EXPECT_GE(num_files, 5U);
}

// (n + 1)(m + 1) - 1 references for n by m levels, all pages 4K.
TEST(WalkCommand, ColdExamplesFollowTheFormula) {
  const auto lines =
      run({"walk", (kSource / "configs/examples/walk/cold_4x4.jsonl").c_str()}).lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["references"].size(), (4U + 1) * (4 + 1) - 1);
  EXPECT_EQ(lines[1]["references"].size(), (5U + 1) * (5 + 1) - 1);
}

// n_g (n_p + 1) + n_d.
TEST(WalkCommand, LargePageExamplesFollowTheFormula) {
  const auto lines =
      run({"walk", (kSource / "configs/examples/walk/large_pages.jsonl").c_str()}).lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["references"].size(), 3U * (4 + 1) + 4);
  EXPECT_EQ(lines[1]["references"].size(), 3U * (3 + 1) + 3);
  EXPECT_EQ(lines[2]["references"].size(), 2U * (2 + 1) + 2);
}

class SnapshotCommand : public testing::Test {
 protected:
  const std::string fixture_ = (kSource / "tests/fixtures/linux-nested").string();
};

TEST_F(SnapshotCommand, SummarisesInWordsAndAsJson) {
  const Result text = run({"walk", "--snapshot", fixture_.c_str()});
  EXPECT_EQ(text.status, kExitOk);
  EXPECT_NE(text.out.find("7855"), std::string::npos);
  const Result json = run({"walk", "--snapshot", fixture_.c_str(), "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["leaves"], 7855);
  const Result all = run({"walk", "--snapshot", fixture_.c_str(), "--all"});
  EXPECT_EQ(all.lines().size(), 7855U);
}

TEST_F(SnapshotCommand, WalksOneAddress) {
  const Result json =
      run({"walk", "--snapshot", fixture_.c_str(), "--address", "0xffffffff81000000"});
  ASSERT_EQ(json.status, kExitOk) << json.err;
  EXPECT_EQ(json.lines().front()["id"], "0xffffffff81000000");
  EXPECT_EQ(json.lines().front()["outcome"], "translation");
  const Result write = run({"walk", "--snapshot", fixture_.c_str(), "--address",
                            "0xffffffff81000000", "--type", "write"});
  EXPECT_EQ(write.lines().front()["fault"], "guest_page_fault");
  EXPECT_EQ(run({"walk", "--snapshot", fixture_.c_str(), "--address", "12"}).status, kExitUsage);
  EXPECT_EQ(
      run({"walk", "--snapshot", fixture_.c_str(), "--address", "0x0", "--type", "wrte"}).status,
      kExitUsage);
}

TEST_F(SnapshotCommand, WithoutRegistersItSaysWhichOptionsToAdd) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("nestwalk_bare_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(std::filesystem::path(fixture_) / "tables.bin.xz",
                             folder / "tables.bin.xz",
                             std::filesystem::copy_options::overwrite_existing);
  const Result bare = run({"walk", "--snapshot", folder.c_str()});
  EXPECT_EQ(bare.status, kExitUsage);
  EXPECT_TRUE(bare.says("Add --guest-format FORMAT --host-format FORMAT --gcr3 ADDRESS --ncr3"))
      << bare.err;
  const Result partly = run({"walk", "--snapshot", folder.c_str(), "--guest-format", "x86-4level",
                             "--gcr3", "0x54e0000", "--host-format", "npt-4level"});
  EXPECT_TRUE(partly.says("Add --ncr3 ADDRESS\n")) << partly.err;
  const Result whole =
      run({"walk", "--snapshot", folder.c_str(), "--guest-format", "x86-4level", "--gcr3",
           "0x54e0000", "--host-format", "npt-4level", "--ncr3", "0x2fd89000", "--json"});
  EXPECT_EQ(nlohmann::json::parse(whole.out)["leaves"], 7855);
  const Result wrong = run({"walk", "--snapshot", folder.c_str(), "--guest-format", "x86-4levl",
                            "--gcr3", "0x0", "--host-format", "none"});
  EXPECT_TRUE(wrong.says("did you mean x86-4level?")) << wrong.err;
  std::filesystem::remove_all(folder);
}

// Another engine needs nothing but a name.
class NoWalks final : public WalkService {
 public:
  void load(const std::vector<MemoryWord>&) override {}
  WalkAnswer walk(const WalkContext&, const Access& access) override {
    WalkAnswer answer;
    answer.outcome.fault.kind = FaultKind::kMemoryError;
    answer.outcome.fault.address = access.address;
    return answer;
  }
};

TEST(WalkCommand, EnginesAreChosenByName) {
  WalkServices engines;
  engines["none"] = [] { return std::make_unique<NoWalks>(); };
  WalkOptions options;
  options.engine = "none";
  options.requests = "-";
  std::istringstream in(kGood);
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_walk(options, engines, {in, out, err}), kExitOk);
  EXPECT_NE(out.str().find("memory_error"), std::string::npos);
}

class NoAnswers final : public WalkService {
 public:
  void load(const std::vector<MemoryWord>&) override {}
  WalkAnswer walk(const WalkContext&, const Access&) override {
    WalkAnswer answer;
    answer.unsupported = "it has \"no\" walks";
    return answer;
  }
};

TEST(WalkCommand, WhatAnEngineDoesNotSupportIsAnsweredByTheReason) {
  WalkServices engines;
  engines["none"] = [] { return std::make_unique<NoAnswers>(); };
  engines["gone"] = []() -> std::unique_ptr<WalkService> {
    throw std::runtime_error("it was not built");
  };
  WalkOptions options;
  options.engine = "none";
  options.requests = "-";
  std::istringstream in(kGood);
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_walk(options, engines, {in, out, err}), kExitInput);
  const nlohmann::json line = nlohmann::json::parse(out.str());
  EXPECT_EQ(line["id"], 1);
  EXPECT_EQ(line["outcome"], "unsupported");
  EXPECT_EQ(line["reason"], "it has \"no\" walks");
  EXPECT_NE(err.str().find("1 of 1 requests are not supported"), std::string::npos) << err.str();

  std::istringstream again(kGood);
  std::ostringstream text;
  options.explain = true;
  EXPECT_EQ(run_walk(options, engines, {again, text, err}), kExitInput);
  EXPECT_NE(text.str().find("not supported by this engine"), std::string::npos);

  options.engine = "gone";
  std::ostringstream why;
  EXPECT_EQ(run_walk(options, engines, {again, text, why}), kExitUsage);
  EXPECT_NE(why.str().find("engine gone: it was not built"), std::string::npos) << why.str();
}

// A summary of an image counts such leaves apart.
TEST(WalkCommand, ASummaryCountsWhatIsNotSupported) {
  WalkServices engines;
  engines["none"] = [] { return std::make_unique<NoAnswers>(); };
  WalkOptions options;
  options.engine = "none";
  options.snapshot = (kSource / "tests/fixtures/linux-nested").string();
  options.json = true;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  ASSERT_EQ(run_walk(options, engines, {in, out, err}), kExitOk) << err.str();
  const nlohmann::json summary = nlohmann::json::parse(out.str());
  EXPECT_EQ(summary["unsupported"], summary["leaves"]);
  EXPECT_EQ(summary["references"]["mean"], 0.0);
  options.json = false;
  std::ostringstream text;
  ASSERT_EQ(run_walk(options, engines, {in, text, err}), kExitOk);
  EXPECT_NE(text.str().find("unsupported"), std::string::npos);
}

}  // namespace
}  // namespace nestwalk
