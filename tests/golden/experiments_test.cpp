// The pages of docs/experiments show what the program says: each fenced `text` block is the output
// of the command in the `sh` block before it. NESTWALK_UPDATE_GOLDEN=1 writes the blocks anew: read
// the difference, and the words around it, before committing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = NESTWALK_SOURCE_DIR;
const std::string kCommand = "./nestwalk experiment ";

std::vector<std::string> pages() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kRoot / "docs/experiments")) {
    const std::string stem = entry.path().stem().string();
    if (stem != "README") {
      names.push_back(stem);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Runs it where it is shown to be run, with the results elsewhere.
std::string output_of(const std::string& experiment) {
  const TempFolder folder;
  const std::string file = (kRoot / "configs/experiments" / (experiment + ".yaml")).string();
  const Ended ended = run_nestwalk({"experiment", file, "--out", "out"}, folder);
  EXPECT_EQ(ended.status, 0) << experiment << ": " << ended.err;
  return ended.out.substr(0, ended.out.find("results: "));
}

// The page with every block as the program says.
std::string fresh(const std::string& page, std::set<std::string>& shown) {
  std::istringstream lines(page);
  std::string result;
  std::string experiment;
  bool is_skipping = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(kCommand, 0) == 0) {
      experiment = line.substr(kCommand.size());
    }
    if (is_skipping) {
      is_skipping = line != "```";
    }
    if (!is_skipping) {
      result += line + "\n";
    }
    if (line == "```text" && !experiment.empty()) {
      result += output_of(experiment);
      shown.insert(experiment);
      experiment.clear();
      is_skipping = true;
    }
  }
  return result;
}

TEST(Experiments, EachPageShowsWhatTheProgramSays) {
  EXPECT_GE(pages().size(), 8U);
  for (const std::string& name : pages()) {
    const fs::path path = kRoot / "docs/experiments" / (name + ".md");
    const std::string page = read_whole_file(path.string());
    std::set<std::string> shown;
    const std::string wanted = fresh(page, shown);
    EXPECT_FALSE(shown.empty()) << path;
    if (std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path, std::ios::binary) << wanted;
    } else {
      EXPECT_EQ(page, wanted) << path;
    }
  }
}

// An experiment without a page answers nothing.
TEST(Experiments, EachFileIsOnAPage) {
  std::string all;
  for (const std::string& page : pages()) {
    all += read_whole_file((kRoot / "docs/experiments" / (page + ".md")).string());
  }
  for (const auto& entry : fs::directory_iterator(kRoot / "configs/experiments")) {
    const std::string text = read_whole_file(entry.path().string());
    if (text.find("\nexperiment: ") != std::string::npos) {
      EXPECT_NE(all.find(kCommand + entry.path().stem().string() + "\n"), std::string::npos)
          << entry.path();
    }
  }
}

}  // namespace
}  // namespace nestwalk
