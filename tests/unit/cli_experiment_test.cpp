// `nestwalk experiment`: what must hold of each kind's numbers, judged here by other means than the
// program's own claims, on smaller runs than those that ship.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

using Json = nlohmann::json;

std::string shipped(const std::string& name) {
  return std::string(NESTWALK_SOURCE_DIR) + "/configs/experiments/" + name + ".yaml";
}

struct Result {
  Json json;

  [[nodiscard]] const Json& table(std::size_t index) const { return json.at("tables").at(index); }
  [[nodiscard]] static std::size_t column(const Json& table, const std::string& name) {
    const Json& columns = table.at("columns");
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] == name) {
        return i;
      }
    }
    ADD_FAILURE() << "no column " << name;
    return 0;
  }
  // Of the row whose first cell begins so.
  [[nodiscard]] static Json cell(const Json& table, const std::string& row,
                                 const std::string& name) {
    for (const Json& cells : table.at("rows")) {
      if (cells.at(0).is_string() && cells.at(0).get<std::string>().rfind(row, 0) == 0) {
        return cells.at(column(table, name));
      }
    }
    ADD_FAILURE() << "no row " << row;
    return {};
  }
};

Result answer(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const TempFolder folder;
  std::vector<std::string> words = {"experiment", shipped(name), "--json", "--out", "out"};
  for (const std::string& assignment : overrides) {
    words.insert(words.end(), {"--set", assignment});
  }
  const Ended ended = run_nestwalk(words, folder);
  EXPECT_EQ(ended.status, 0) << ended.err << ended.out;
  Result result{Json::parse(ended.out, nullptr, false)};
  EXPECT_FALSE(result.json.is_discarded()) << ended.out;
  EXPECT_EQ(ended.out, read_whole_file(folder.file("out/results.json")));
  return result;
}

TEST(CliExperiment, FaultsEnterWhomTheLectureSays) {
  const Result r = answer("page-faults");
  const Json& lines = r.table(0);
  const auto entered = [&](const std::string& row) {
    return Result::cell(lines, row, "entered").get<std::string>();
  };
  EXPECT_EQ(entered("Shadow: VA 2"), "hypervisor");
  EXPECT_EQ(
      entered("Shadow, in sync at once: VA 4").rfind("hypervisor, guest kernel, hypervisor", 0),
      0U);
  EXPECT_EQ(entered("Nested: VA 2"), "hypervisor");
  EXPECT_EQ(entered("Nested: VA 4"), "guest kernel");
  EXPECT_EQ(Result::cell(lines, "Nested: VA 4", "exits"), 0);
  const std::string at_once = "Shadow, in sync at once: the guest";
  const std::string on_flush = "Shadow, in sync on flush: the guest";
  EXPECT_GT(Result::cell(lines, at_once, "exits"), Result::cell(lines, on_flush, "exits"));
  // At once the hypervisor makes the guest's writes, on flush the guest its own.
  EXPECT_NE(
      Result::cell(lines, at_once, "writes entries").get<std::string>().find("hypervisor: 2 guest"),
      std::string::npos)
      << lines.dump(1);
  EXPECT_NE(Result::cell(lines, on_flush, "writes entries")
                .get<std::string>()
                .find("guest kernel: 2 guest"),
            std::string::npos)
      << lines.dump(1);
}

TEST(CliExperiment, EventsEnterNobodyOnTlbHitsAndMisses) {
  const Result r = answer("who-is-entered");
  for (std::size_t mode = 0; mode < 3; ++mode) {
    const Json& t = r.table(mode);
    EXPECT_EQ(Result::cell(t, "the same page again", "references"), 0);
    EXPECT_EQ(Result::cell(t, "the same page again", "entered"), "-");
    EXPECT_EQ(Result::cell(t, "the same page later", "walks"), 1);
    EXPECT_EQ(Result::cell(t, "the same page later", "entered"), "-");
  }
  // Two stages to write at a first touch, and a shadow besides.
  const std::string touch = "first touch, the host has no frame";
  EXPECT_EQ(Result::cell(r.table(0), touch, "entered"), "guest kernel");
  EXPECT_EQ(Result::cell(r.table(1), touch, "entered"), "guest kernel, hypervisor");
  EXPECT_NE(Result::cell(r.table(2), touch, "writes entries").get<std::string>().find("shadow"),
            std::string::npos);
}

TEST(CliExperiment, SwitchesLeaveTheGuestUnderShadowPagingOnly) {
  const Result r = answer("context-switches",
                          {"switches.pages=16", "switches.slices=4", "switches.warm_slices=4"});
  for (const Json& row : r.table(0).at("rows")) {
    if (row.at(1) != "in a VM") {
      continue;
    }
    EXPECT_EQ(row.at(Result::column(r.table(0), "VM exits")), row.at(0) == "shadow" ? 1.0 : 0.0)
        << row;
  }
}

// Of each process: a root, one table of level 3, one of level 2, two of level 1.
TEST(CliExperiment, ShadowTablesGrowWithVmsTimesProcesses) {
  const Result r = answer("shadow-tables",
                          {"grid.max_vms=2", "grid.max_processes=2", "grid.pages_per_process=520"});
  const Json& t = r.table(0);
  EXPECT_EQ(t.at("rows").size(), 4U);
  for (const Json& row : t.at("rows")) {
    const std::uint64_t vms = row.at(0);
    const std::uint64_t processes = row.at(1);
    const std::uint64_t ept = row.at(Result::column(t, "EPT tables"));
    EXPECT_EQ(row.at(Result::column(t, "shadow tables")), ept + 5 * vms * processes) << row;
    EXPECT_EQ(ept % vms, 0U) << row;
  }
}

TEST(CliExperiment, AnIdleShadowIsANativeTable) {
  const Result r =
      answer("shadow-is-native", {"warmup_accesses=3000", "measure_accesses=4000",
                                  "vms.0.processes.0.workload.footprint_bytes=160 MiB"});
  const Json& t = r.table(0);
  for (const char* row : {"first-level TLB misses", "second-level TLB misses", "page walks",
                          "references", "references per walk"}) {
    EXPECT_EQ(Result::cell(t, row, "native"), Result::cell(t, row, "shadow")) << row;
  }
  EXPECT_GT(Result::cell(t, "page walks", "native"), 3000);
  EXPECT_GT(Result::cell(t, "references per walk", "nested"),
            Result::cell(t, "references per walk", "native"));
}

TEST(CliExperiment, ChurnIsFasterNested) {
  const Result r =
      answer("map-churn", {"warmup_accesses=500", "measure_accesses=2000", "published.gain=0",
                           "sweep.max_accesses_per_region=10", "sweep.num_regions=8"});
  EXPECT_GT(Result::cell(r.table(0), "time relative to nested", "shadow"), 1.0);
  EXPECT_LT(Result::cell(r.table(0), "time relative to nested", "native"), 1.0);
}

TEST(CliExperiment, EntriesOfOneTranslation) {
  const Result r = answer("tlb-entries");
  const Json& t = r.table(0);
  EXPECT_EQ(Result::cell(t, "4-level, 4K, native", "references"), 4);
  EXPECT_EQ(Result::cell(t, "4-level, 4K over EPT 4K", "L1 TLB"), 1);
  EXPECT_EQ(Result::cell(t, "4-level, 4K over EPT 4K", "nested TLB"), 5);
  EXPECT_EQ(Result::cell(t, "2-level, 4K over NPT", "nested TLB"), 3);
  EXPECT_EQ(Result::cell(t, "4-level, 2M over EPT 4K", "L2 TLB, all of it"), 512);
}

TEST(CliExperiment, ANestedWalkHas8And24References) {
  const Result r = answer("nested-walk", {"warmup_accesses=2500", "measure_accesses=500",
                                          "vms.0.processes.0.workload.footprint_bytes=128 MiB"});
  EXPECT_NE(r.table(0).at("title").get<std::string>().find(" 8 references"), std::string::npos);
  EXPECT_EQ(r.table(0).at("rows").dump(),
            R"([["guest level 2","1':1","1'':2","1:3"],["guest level 1","2':4","2'':5","2:6"],)"
            R"(["the data page","3':7","3'':8",""]])");
  EXPECT_NE(r.table(1).at("title").get<std::string>().find(" 24 references"), std::string::npos);
  EXPECT_EQ(r.table(1).at("rows").at(4).dump(),
            R"(["the data page","5':21","5'':22","5''':23","5'''':24",""])");
}

TEST(CliExperiment, AMistakeIsNamedWithTheNearestName) {
  const TempFolder folder;
  folder.write("a.yaml", "experiment: fauls\n");
  Ended ended = run_nestwalk({"experiment", "a.yaml"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("a.yaml:1:13: "), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("faults"), std::string::npos) << ended.err;
  folder.write("b.yaml", "experiment: tables\ngrid: {max_vm: 2}\n");
  ended = run_nestwalk({"experiment", "b.yaml"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("did you mean 'max_vms'?"), std::string::npos) << ended.err;
  folder.write("c.yaml", "mode: nested\n");
  ended = run_nestwalk({"experiment", "c.yaml"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("the key `experiment`"), std::string::npos) << ended.err;
  ended = run_nestwalk({"experiment", "nested-wak"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("did you mean 'nested-walk'?"), std::string::npos) << ended.err;
  // Each once, and no configuration that is none.
  const std::size_t first = ended.err.find("tlb-entries");
  EXPECT_NE(first, std::string::npos) << ended.err;
  EXPECT_EQ(ended.err.find("tlb-entries", first + 1), std::string::npos) << ended.err;
  EXPECT_EQ(ended.err.find("d1-nehalem"), std::string::npos) << ended.err;
}

// Of every recorded trace, in every mode: added up here.
class CliLedgerOfTrace : public testing::TestWithParam<const char*> {};

TEST_P(CliLedgerOfTrace, SumsToTheCyclesOfTheCore) {
  const Result r = answer(GetParam(), {"measure_accesses=20000"});
  const Json& causes = r.table(1);
  for (const char* mode : {"native", "nested", "shadow"}) {
    std::uint64_t sum = 0;
    for (const Json& row : causes.at("rows")) {
      if (row.at(0) == "sum of the causes") {
        break;
      }
      sum += row.at(Result::column(causes, mode)).get<std::uint64_t>();
    }
    EXPECT_GT(sum, 20000U);
    EXPECT_EQ(sum, Result::cell(causes, "cycles of the core", mode)) << mode;
    EXPECT_EQ(Result::cell(r.table(0), "accesses", mode), 20000) << mode;
  }
  EXPECT_GT(Result::cell(causes, "vm_exit", "shadow"), Result::cell(causes, "vm_exit", "nested"));
  EXPECT_EQ(Result::cell(causes, "vm_exit", "native"), 0);
}

INSTANTIATE_TEST_SUITE_P(Traces, CliLedgerOfTrace,
                         testing::Values("trace-cc1", "trace-perl", "trace-sh", "trace-sqlite"),
                         [](const auto& test) { return std::string(test.param).substr(6); });

}  // namespace
}  // namespace nestwalk
