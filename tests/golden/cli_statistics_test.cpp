// The table in docs/reference/statistics.md is what a run writes: every statistic with its unit and
// sentence. NESTWALK_UPDATE_GOLDEN=1 writes it anew: read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

const std::string kPage = std::string(NESTWALK_SOURCE_DIR) + "/docs/reference/statistics.md";
constexpr std::string_view kTableHead = "| name | unit | meaning |\n| --- | --- | --- |\n";

std::string row_of(const std::string& name, const nlohmann::ordered_json& description) {
  return "| `" + name + "` | " + description.at("unit").get<std::string>() + " | " +
         description.at("text").get<std::string>() + " |\n";
}

std::string table_of(const nlohmann::ordered_json& stats) {
  std::string table(kTableHead);
  for (const auto& [name, description] : stats.at("descriptions").items()) {
    // The ledger has the same causes for every process as in total.
    if (!name.starts_with("ledger.vm")) {
      table += row_of(name, description);
    }
  }
  return table;
}

// What a VM under shadow paging has on top.
std::string shadow_rows(const nlohmann::ordered_json& stats) {
  std::string rows;
  for (const auto& [name, description] : stats.at("descriptions").items()) {
    if (name.starts_with("hypervisor.vm0.shadow.")) {
      rows += row_of(name, description);
    }
  }
  return rows;
}

TEST(CliStatistics, ThePageListsWhatARunWrites) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended = run_nestwalk(
      {"run", "run.yaml", "--mode", "nested", "--set", "check=all", "--out", "r"}, folder);
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto stats = nlohmann::ordered_json::parse(read_whole_file(folder.file("r/stats.json")));
  const Ended shadow = run_nestwalk({"run", "run.yaml", "--mode", "shadow", "--out", "s"}, folder);
  ASSERT_EQ(shadow.status, 0) << shadow.err;
  const std::string table =
      table_of(stats) +
      shadow_rows(nlohmann::ordered_json::parse(read_whole_file(folder.file("s/stats.json"))));

  const std::string page = read_whole_file(kPage);
  const std::size_t begin = page.find(kTableHead);
  ASSERT_NE(begin, std::string::npos) << "the page has the table";
  if (std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kPage, std::ios::binary) << page.substr(0, begin) << table;
  }
  EXPECT_EQ(read_whole_file(kPage).substr(begin), table)
      << "NESTWALK_UPDATE_GOLDEN=1 writes the table anew";
}

}  // namespace
}  // namespace nestwalk
