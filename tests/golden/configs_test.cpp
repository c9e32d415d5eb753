// The configurations that ship: every file in configs/machines and configs/examples is one, says
// what it should in its comments, and can be read from any directory; the schema and the reference
// page in the tree are those of the program. NESTWALK_UPDATE_GOLDEN=1 writes the two anew: read the
// difference before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "model/cli/config_command.h"
#include "model/cli/program.h"
#include "model/config/problem.h"
#include "model/config/run_config.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = NESTWALK_SOURCE_DIR;
constexpr std::string_view kFirstLine = "# yaml-language-server: $schema=../schema.json";

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> shipped_files() {
  std::vector<fs::path> files = yaml_files(kRoot / "configs/machines");
  const std::vector<fs::path> examples = yaml_files(kRoot / "configs/examples");
  files.insert(files.end(), examples.begin(), examples.end());
  return files;
}

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome run_nestwalk(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"nestwalk"};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const int status = run_program(static_cast<int>(argv.size()), argv.data(), {in, out, err});
  return {status, out.str(), err.str()};
}

// Every rule must hold in each mode that the file compares.
void expect_loads(ConfigDocument document, const std::string& what) {
  try {
    const RunParams params = load_run(document);
    for (const Mode mode : parse_modes(params.compare).modes) {
      document.set("mode", kModeNames[static_cast<unsigned>(mode)]);
      (void)load_run(document);
    }
  } catch (const ConfigError& error) {
    ADD_FAILURE() << what << ":\n" << error.what();
  }
}

// The words behind the command in comment lines that show one.
std::vector<std::vector<std::string>> commands_in(const fs::path& path) {
  std::vector<std::vector<std::string>> commands;
  for (const std::string& line : lines_of(path)) {
    for (const std::string_view command : {"#   ./nestwalk run ", "#   ./nestwalk config show "}) {
      if (line.rfind(command, 0) == 0) {
        std::istringstream words(line.substr(command.size()));
        commands.emplace_back(std::istream_iterator<std::string>(words),
                              std::istream_iterator<std::string>());
      }
    }
  }
  return commands;
}

TEST(Configs, EveryMachineAndExampleLoads) {
  EXPECT_GE(yaml_files(kRoot / "configs/machines").size(), 10U);
  EXPECT_GE(yaml_files(kRoot / "configs/examples").size(), 8U);
  for (const fs::path& file : shipped_files()) {
    expect_loads(ConfigDocument::load(file.string()), file.string());
  }
}

TEST(Configs, AMachineIsNamedAsItsFile) {
  for (const fs::path& file : yaml_files(kRoot / "configs/machines")) {
    EXPECT_EQ(load_run(ConfigDocument::load(file.string())).machine.name, file.stem());
  }
}

// What the sources say of each core's TLBs, beside the files: entries in all that a page of the
// size can use.
TEST(Configs, TheTlbsOfTheMachinesAreThoseOfTheSources) {
  struct Row {
    const char* machine;
    std::uint32_t l1i_4k, l1d_4k, store_4k, l2i_4k, l2_4k, l2_2m, l2_1g;
  };
  const Row rows[] = {
      {"nehalem-i7-860", 128, 64, 0, 0, 512, 0, 0},
      {"sandy-bridge", 128, 64, 0, 0, 512, 0, 0},
      {"haswell", 128, 64, 0, 0, 1024, 1024, 0},
      {"broadwell", 128, 64, 0, 0, 1536, 1536, 16},
      {"skylake-sp", 128, 64, 0, 0, 1536, 1536, 16},
      {"ice-lake", 128, 64, 16, 0, 2048, 1024, 1024},
      {"sapphire-rapids", 256, 96, 16, 0, 2048, 1024, 1024},
      {"zen2", 64, 64, 0, 512, 2048, 2048, 0},
      {"zen3", 64, 64, 0, 512, 2048, 2048, 0},
      {"zen4", 64, 72, 0, 512, 3072, 3072, 0},
  };
  const auto small = [](const TlbParams& t) { return t.page_4k.entries + t.beside.entries; };
  const auto medium = [](const TlbParams& t) {
    return t.unified_2m ? t.page_4k.entries : t.page_2m.entries;
  };
  const auto large = [](const TlbParams& t) {
    return t.unified_1g ? t.page_4k.entries : t.beside_1g ? t.beside.entries : t.page_1g.entries;
  };
  for (const Row& row : rows) {
    const fs::path file = kRoot / "configs/machines" / (std::string(row.machine) + ".yaml");
    const MmuParams mmu = load_run(ConfigDocument::load(file.string())).machine.mmu;
    EXPECT_EQ(small(mmu.l1_itlb), row.l1i_4k) << row.machine;
    EXPECT_EQ(small(mmu.l1_dtlb), row.l1d_4k) << row.machine;
    EXPECT_EQ(small(mmu.store_tlb), row.store_4k) << row.machine;
    EXPECT_EQ(small(mmu.l2_itlb), row.l2i_4k) << row.machine;
    EXPECT_EQ(small(mmu.l2_tlb), row.l2_4k) << row.machine;
    EXPECT_EQ(medium(mmu.l2_tlb), row.l2_2m) << row.machine;
    EXPECT_EQ(large(mmu.l2_tlb), row.l2_1g) << row.machine;
  }
}

// What can be said by form: a line that gives a number has a comment that says where it is from.
TEST(Configs, EveryNumberOfAMachineHasAComment) {
  for (const fs::path& file : yaml_files(kRoot / "configs/machines")) {
    for (const std::string& line : lines_of(file)) {
      const std::string setting = line.substr(0, line.find('#'));
      const std::size_t colon = setting.find(": ");
      if (colon == std::string::npos || line.find('#') != std::string::npos) {
        continue;
      }
      const std::string value = setting.substr(colon + 2);
      EXPECT_FALSE(std::isdigit(static_cast<unsigned char>(value[0])) != 0 || value[0] == '{')
          << file << ": " << line;
    }
  }
}

// Costs of software are set once and stay: a study that moves them says so in a file of its own.
TEST(Configs, CostsOfExitsAndShadowFaultsAreFrozenAndNameTheirSource) {
  struct Costs {
    const char* machine;
    std::uint32_t exit;
    std::uint32_t shadow_fault;
    std::uint32_t emulation;
  };
  constexpr Costs kCosts[] = {
      {"broadwell", 900, 5800, 4500},    {"haswell", 900, 5800, 4500},
      {"ice-lake", 1200, 7700, 5900},    {"nehalem-i7-860", 1009, 6500, 5000},
      {"sandy-bridge", 784, 5100, 3900}, {"sapphire-rapids", 1300, 8400, 6400},
      {"skylake-sp", 1100, 7100, 5500},  {"zen2", 1350, 8700, 6700},
      {"zen3", 1300, 8400, 6400},        {"zen4", 1300, 8400, 6400}};
  EXPECT_EQ(yaml_files(kRoot / "configs/machines").size(), std::size(kCosts) + 2)
      << "textbook and rtl-match have no hypervisor of their own";
  for (const Costs& costs : kCosts) {
    const fs::path file = kRoot / "configs/machines" / (std::string(costs.machine) + ".yaml");
    const RunParams run = load_run(ConfigDocument::load(file.string()));
    EXPECT_EQ(run.hypervisor.exit_cycles, costs.exit) << file;
    EXPECT_EQ(run.hypervisor.shadow.fault_cycles, costs.shadow_fault) << file;
    EXPECT_EQ(run.hypervisor.shadow.emulation_cycles, costs.emulation) << file;
    std::size_t num_named = 0;
    for (const std::string& line : lines_of(file)) {
      for (const char* cost : {"exit_cycles:", "fault_cycles:", "emulation_cycles:"}) {
        num_named += line.find(cost) != std::string::npos &&
                             (line.find("# verified") != std::string::npos ||
                              line.find("# memory") != std::string::npos ||
                              line.find("# calibrated") != std::string::npos ||
                              line.find("# assumed") != std::string::npos)
                         ? 1
                         : 0;
      }
    }
    EXPECT_EQ(num_named, 3U) << file << ": a cost without a word about its source";
  }
}

TEST(Configs, EveryFileNamesTheSchemaForEditors) {
  for (const fs::path& file : shipped_files()) {
    EXPECT_EQ(lines_of(file).at(0), kFirstLine) << file;
  }
}

TEST(Configs, EveryFileShowsCommandsThatWork) {
  fs::current_path(kRoot);
  for (const fs::path& file : shipped_files()) {
    const std::vector<std::vector<std::string>> commands = commands_in(file);
    ASSERT_FALSE(commands.empty()) << file;
    EXPECT_EQ(commands[0].at(0), fs::relative(file, kRoot).string());
    for (const std::vector<std::string>& words : commands) {
      ConfigDocument document = ConfigDocument::load(words[0]);
      for (std::size_t i = 1; i + 1 < words.size(); ++i) {
        if (words[i] == "--set") {
          document.set(words[i + 1]);
        }
      }
      expect_loads(document, file.string());
    }
  }
}

TEST(Configs, ARelativePathMeansTheSameFromEveryDirectory) {
  const std::string trace = (kRoot / "configs/traces/cc1-histogram.nwt").string();
  const std::vector<std::vector<std::string>> places = {
      {kRoot.string(), "configs/examples/quickstart.yaml"},
      {(kRoot / "configs/traces").string(), "../examples/quickstart.yaml"},
      {"/", (kRoot / "configs/examples/quickstart.yaml").string()},
  };
  for (const std::vector<std::string>& place : places) {
    fs::current_path(place[0]);
    const Outcome check = run_nestwalk({"config", "check", place[1]});
    EXPECT_EQ(check.status, kExitOk) << check.err;
    EXPECT_EQ(check.out, place[1] + ": ok\n");
    const Outcome show = run_nestwalk({"config", "show", place[1]});
    EXPECT_NE(show.out.find("trace: \"" + trace + "\"\n"), std::string::npos) << show.out;
  }
}

// A key of the quickstart off by one letter, at the place where it stands.
TEST(Configs, AMisspeltKeyIsOneMessageWithPlaceAndNearestName) {
  std::string text;
  std::size_t line = 0;
  const std::vector<std::string> lines = lines_of(kRoot / "configs/examples/quickstart.yaml");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string copy = lines[i];
    if (copy.rfind("    backing:", 0) == 0) {
      copy.replace(0, 12, "    backng:");
      line = i + 1;
    }
    text += copy + '\n';
  }
  ASSERT_NE(line, 0U);
  try {
    (void)load_run(ConfigDocument::parse(text, "quickstart.yaml", kRoot / "configs/examples"));
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              "quickstart.yaml:" + std::to_string(line) +
                  ":5: unknown key 'backng' in 'vms.0'; did you mean 'backing'? (allowed there: "
                  "name, memory_bytes, paging, format, backing, accessed_dirty, vcpus, vpid, "
                  "dirty_log_method, dirty_log_splits_pages, migration, resident_limit_bytes, "
                  "reclaim_batch_pages, host_events, shadow, switch, guest, processes)");
  }
}

TEST(Configs, CheckReportsEveryFileAndEndsWithTheWorst) {
  fs::current_path(kRoot);
  const std::string good = "configs/machines/zen2.yaml";
  const Outcome outcome = run_nestwalk({"config", "check", "configs/nothing.yaml", good});
  EXPECT_EQ(outcome.status, kExitUsage);
  EXPECT_EQ(outcome.out, good + ": ok\n");
  EXPECT_NE(outcome.err.find("configs/nothing.yaml: no file"), std::string::npos) << outcome.err;
}

TEST(Configs, CheckJudgesOverridesToo) {
  fs::current_path(kRoot);
  const Outcome outcome = run_nestwalk(
      {"config", "check", "configs/machines/zen2.yaml", "--set", "machine.clock_mhz=0"});
  EXPECT_EQ(outcome.status, kExitUsage);
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err.find("machine.clock_mhz"), std::string::npos) << outcome.err;
}

// What `config show` prints is a configuration, and showing that changes nothing.
TEST(Configs, WhatIsShownCanBeShownAgain) {
  const fs::path file = kRoot / "configs/examples/two-vms.yaml";
  const Outcome first =
      run_nestwalk({"config", "show", file.string(), "--set", "vms.1.backing=1g"});
  ASSERT_EQ(first.status, kExitOk) << first.err;
  EXPECT_NE(first.out.find("backing: 1g\n"), std::string::npos);
  const RunParams again = load_run(ConfigDocument::parse(first.out, "shown", "/"));
  EXPECT_EQ(again.vms.at(1).vm.backing, PageSize::k1G);
  EXPECT_EQ(again.machine.name, "skylake-sp");
}

struct Document {
  std::string path;
  std::string command;
  std::string of = "run";
};

TEST(Configs, TheSchemaAndTheReferencePageAreFresh) {
  const bool is_update = std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr;
  const std::vector<Document> documents = {
      {"configs/schema.json", "schema"},
      {"docs/reference/configuration.md", "reference"},
      {"docs/reference/cosim-parameters.md", "reference", "cosim"}};
  for (const Document& document : documents) {
    const Outcome outcome = run_nestwalk({"config", document.command, "--of", document.of});
    ASSERT_EQ(outcome.status, kExitOk) << outcome.err;
    if (is_update) {
      std::ofstream(kRoot / document.path) << outcome.out;
    }
    // Not EXPECT_EQ: what differs is better seen in the file.
    EXPECT_TRUE(outcome.out == content_of(kRoot / document.path))
        << document.path << " is not what the program says; make it anew with\n  ./nestwalk config "
        << document.command << " --of " << document.of << " > " << document.path;
  }
}

}  // namespace
}  // namespace nestwalk
