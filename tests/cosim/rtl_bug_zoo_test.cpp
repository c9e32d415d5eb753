// The bug zoo: every wrong behaviour of tb/rtl_bugs.h, switched on in the RTL, is found by the
// regression, and with none of them it finds nothing. Each bug meets four kinds of stimulus; what
// noticed it is its row of docs/verification/bug-matrix.md. NESTWALK_UPDATE_GOLDEN=1, in one run of
// this program, writes the rows anew: read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tb/cosim_run.h"
#include "tb/rtl_bugs.h"
#include "tests/cosim/rtl_bug_cases.h"
#include "tests/cosim/rtl_walker_support.h"

namespace nestwalk {
namespace {

constexpr const char* kSet = "small+bugs";
const std::string kPage = std::string(NESTWALK_SOURCE_DIR) + "/docs/verification/bug-matrix.md";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Who noticed, as letters of the page.
std::string observers(const std::vector<std::string>& problems, bool has_wrong_answer) {
  bool by_scoreboard = false;
  bool by_assertion = false;
  bool by_watchdog = false;
  for (const std::string& problem : problems) {
    if (problem.starts_with("protocol assertion")) {
      by_assertion = true;
    } else if (problem.starts_with("nothing happened")) {
      by_watchdog = true;
    } else {
      by_scoreboard = true;
    }
  }
  std::string letters;
  letters += by_scoreboard ? "S" : "";
  letters += by_assertion ? "P" : "";
  letters += by_watchdog ? "W" : "";
  letters += has_wrong_answer ? "E" : "";
  return letters;
}

// The number of a bug, 0 for none.
class RtlBugZoo : public RtlWalkerTest, public testing::WithParamInterface<unsigned> {
 protected:
  RtlBugZoo() : RtlWalkerTest(kSet) {
    EXPECT_TRUE(bench_.walker().switch_bug(GetParam()));
    watch_records();
  }

  // Random walks beside the model, as `nestwalk cosim` does them.
  [[nodiscard]] std::string cosim(bool is_storm) const {
    CosimParams params;
    params.walker = kSet;
    params.seed = 4711;
    params.watchdog_cycles = 500;
    if (!is_storm) {
      params.memory.bus_error_percent = 0;
      params.memory.poison_percent = 0;
      params.memory.racing_write_percent = 0;
      params.traffic.invalidation_percent = 0;
      params.traffic.reset_percent = 0;
    }
    CosimRun run(params, params.walker);
    run.bench().walker().switch_bug(GetParam());
    run.cases({0, 120});
    if (!run.result().failure) {
      return "";
    }
    std::cout << "case " << run.result().failure->number << ": "
              << run.result().failure->problems.front() << "\n";
    return observers(run.result().failure->problems, false);
  }

  // Walks over ready-made tables that come back to what is cached, with invalidations of it and
  // changes of it.
  std::string table_storm() {
    const std::vector<StagePair> pairs = all_stage_pairs();
    for (std::uint64_t seed = 90260101; seed < 90260101 + 70; ++seed) {
      run_storm_case(make_random_case(pairs[seed % pairs.size()], seed), 4);
      if (!bench_.is_sound()) {
        std::cout << "seed " << seed << ": " << bench_.problems().front() << "\n";
        return observers(bench_.problems(), false);
      }
    }
    return "";
  }

  std::string directed() {
    RtlBugCases cases(bench_);
    cases.run();
    std::set<std::string> wrong(cases.wrong().begin(), cases.wrong().end());
    for (const std::string& scenario : wrong) {
      std::cout << scenario << " ";
    }
    std::cout << cases.problems().size() << " problems"
              << (cases.problems().empty() ? "" : ": " + cases.problems().front()) << "\n";
    return observers(cases.problems(), !wrong.empty());
  }
};

std::string row_of(const RtlBug& bug, const std::vector<std::string>& cells) {
  std::string row = "| `" + std::string(bug.name) + "` | " + std::string(bug.catalogue) + " | " +
                    std::string(bug.text) + " |";
  for (const std::string& cell : cells) {
    row += " " + (cell.empty() ? std::string("–") : cell) + " |";
  }
  return row;
}

// Replaces the row of a bug, or appends it: the table ends the page.
void write_row(const RtlBug& bug, const std::string& row) {
  const std::string head = "| `" + std::string(bug.name) + "` |";
  std::istringstream page(text_of(kPage));
  std::string text;
  bool is_there = false;
  for (std::string line; std::getline(page, line);) {
    const bool is_row = line.starts_with(head);
    is_there = is_there || is_row;
    text += (is_row ? row : line) + "\n";
  }
  std::ofstream(kPage, std::ios::binary) << text << (is_there ? "" : row + "\n");
}

TEST_P(RtlBugZoo, EachIsFoundAndNothingElse) {
  const std::vector<std::string> cells = {cosim(false), cosim(true), table_storm(), directed()};
  if (GetParam() == 0) {
    EXPECT_EQ(cells, std::vector<std::string>(cells.size())) << "problems without a bug";
    return;
  }
  std::string all;
  for (const std::string& cell : cells) {
    all += cell;
  }
  const RtlBug& bug = kRtlBugs.at(GetParam() - 1);
  EXPECT_NE(all, "") << bug.name << " was not noticed";
  const std::string row = row_of(bug, cells);
  if (std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr) {
    write_row(bug, row);
  }
  EXPECT_NE(text_of(kPage).find(row + "\n"), std::string::npos)
      << row << "\nNESTWALK_UPDATE_GOLDEN=1 writes it anew";
}

INSTANTIATE_TEST_SUITE_P(Bugs, RtlBugZoo,
                         testing::Range(0U, static_cast<unsigned>(kRtlBugs.size()) + 1),
                         [](const auto& test) {
                           return test.param == 0 ? std::string("None")
                                                  : std::string(kRtlBugs.at(test.param - 1).name);
                         });

std::vector<std::string> names_of_bugs() {
  std::vector<std::string> names;
  names.reserve(kRtlBugs.size());
  for (const RtlBug& bug : kRtlBugs) {
    names.emplace_back(bug.name);
  }
  return names;
}

TEST(RtlBugList, IsThatOfTheRtl) {
  const std::string package = text_of(std::string(NESTWALK_SOURCE_DIR) + "/rtl/pkg/bug_pkg.sv");
  const std::regex item(R"((\w+) = 6'd(\d+))");
  std::vector<std::string> names;
  for (std::sregex_iterator found(package.begin(), package.end(), item), end; found != end;
       ++found) {
    EXPECT_EQ((*found)[2], std::to_string(names.size())) << (*found)[1];
    names.push_back((*found)[1]);
  }
  std::vector<std::string> should = names_of_bugs();
  should.insert(should.begin(), "None");
  EXPECT_EQ(names, should);
}

TEST(RtlBugList, ThePageHasNoOther) {
  const std::string page = text_of(kPage);
  const std::regex row(R"(\n\| `(\w+)` \|)");
  std::vector<std::string> names;
  for (std::sregex_iterator found(page.begin(), page.end(), row), end; found != end; ++found) {
    names.push_back((*found)[1]);
  }
  EXPECT_EQ(names, names_of_bugs());
}

TEST(RtlBugList, AWalkerWithoutThemSaysSo) {
  const std::unique_ptr<PinWalker> walker = open_walker_set("one_slot");
  EXPECT_TRUE(walker->switch_bug(0));
  EXPECT_FALSE(walker->switch_bug(1));
}

}  // namespace
}  // namespace nestwalk
