// `nestwalk run` as a user starts it: results that repeat, interrupts, bounded memory.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/workload/trace_writer.h"
#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr int kInterrupted = 130;
constexpr const char* kEndless = "vms.0.processes.0.workload.num_accesses=100000000000";

TEST(CliRun, TheWrittenConfigurationRepeatsTheRunByteForByte) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended first = run_nestwalk(
      {"run", "run.yaml", "--out", "a", "--set", "machine.mmu.l1_dtlb.page_4k.replacement=random"},
      folder);
  ASSERT_EQ(first.status, 0) << first.err;
  const Ended second = run_nestwalk({"run", "a/config.yaml", "--out", "b"}, folder);
  ASSERT_EQ(second.status, 0) << second.err;
  for (const char* name : {"stats.json", "stats.txt", "config.yaml"}) {
    const std::string a = read_whole_file(folder.file(std::string("a/") + name));
    EXPECT_GT(a.size(), 100U) << name;
    EXPECT_EQ(a, read_whole_file(folder.file(std::string("b/") + name))) << name;
  }
}

TEST(CliRun, TheCheckerIsSetByTheConfigurationAndShownInTheStatistics) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const auto checked = [&](const std::string& check) {
    const Ended run = run_nestwalk(
        {"run", "run.yaml", "--set", "check=" + check, "--set", "check_every=50", "--out", check},
        folder);
    EXPECT_EQ(run.status, 0) << run.err;
    const auto stats = nlohmann::json::parse(read_whole_file(folder.file(check + "/stats.json")));
    const auto& statistics = stats.at("statistics");
    return statistics.contains("checker") ? statistics.at("checker").at("checked").get<int>() : -1;
  };
  const int all = checked("all");
  const int sample = checked("sample");
  EXPECT_EQ(checked("off"), -1);
  EXPECT_GT(all, 1000);
  EXPECT_GT(sample, all / 60);
  EXPECT_LT(sample, all / 2);
}

TEST(CliRun, APolicysDecisionsAreWrittenWithTheirInputsAndReasons) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended run =
      run_nestwalk({"run", "run.yaml", "--compare", "native,nested,shadow,dsp", "--set",
                    "vms.0.switch.interval_instructions=300", "--set", "check=all", "--out", "out"},
                   folder);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_FALSE(std::filesystem::exists(folder.file("out/nested/decisions.json")));
  const auto log = nlohmann::json::parse(read_whole_file(folder.file("out/dsp/decisions.json")));
  ASSERT_GT(log.at("decisions").size(), 3U);
  for (const auto& decision : log.at("decisions")) {
    EXPECT_GT(decision.at("inputs").at("instructions"), 0);
    EXPECT_EQ(decision.at("reason").get<std::string>().rfind("rule ", 0), 0U);
  }
}

// The options are keys of the configuration, so that config.yaml repeats the run.
TEST(CliRun, ARegionOfInterestIsWhatIsShownAndRepeatsByteForByte) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended first = run_nestwalk({"run", "run.yaml", "--out", "a", "--warmup", "500", "--measure",
                                    "1000", "--stats-every", "300"},
                                   folder);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.out.find("accesses of warm-up                    500"), std::string::npos)
      << first.out;
  EXPECT_NE(first.out.find("1,000 accesses\n"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("run.yaml --warmup 500 --measure 1000 --compare"), std::string::npos);
  const auto stats = nlohmann::json::parse(read_whole_file(folder.file("a/stats.json")));
  EXPECT_EQ(stats.at("end"), "measured");
  EXPECT_EQ(stats.at("region").dump(), R"({"measured_accesses":1000,"warmup_accesses":500})");
  EXPECT_EQ(stats.at("statistics").at("run").at("accesses"), 1000);
  EXPECT_EQ(stats.at("whole_run").at("run").at("accesses"), 1500);
  std::istringstream lines(read_whole_file(folder.file("a/intervals.jsonl")));
  std::vector<std::pair<std::string, int>> intervals;
  for (std::string line; std::getline(lines, line);) {
    const auto interval = nlohmann::json::parse(line);
    EXPECT_EQ(interval.at("interval"), intervals.size());
    intervals.emplace_back(interval.at("part"), interval.at("end_accesses"));
    EXPECT_EQ(interval.at("statistics").at("run").at("accesses").get<int>(),
              interval.at("end_accesses").get<int>() - interval.at("begin_accesses").get<int>());
  }
  EXPECT_EQ(intervals, (std::vector<std::pair<std::string, int>>{{"warmup", 300},
                                                                 {"warmup", 500},
                                                                 {"region", 800},
                                                                 {"region", 1100},
                                                                 {"region", 1400},
                                                                 {"region", 1500}}));
  const Ended second = run_nestwalk({"run", "a/config.yaml", "--out", "b"}, folder);
  ASSERT_EQ(second.status, 0) << second.err;
  for (const char* name : {"stats.json", "stats.txt", "config.yaml", "intervals.jsonl"}) {
    EXPECT_EQ(read_whole_file(folder.file(std::string("a/") + name)),
              read_whole_file(folder.file(std::string("b/") + name)))
        << name;
  }
  // Another run in the folder leaves none of its intervals there.
  const Ended third = run_nestwalk({"run", "run.yaml", "--out", "a", "--force"}, folder);
  ASSERT_EQ(third.status, 0) << third.err;
  EXPECT_FALSE(std::filesystem::exists(folder.file("a/intervals.jsonl")));
}

TEST(CliRun, AWarmUpThatTheRunDoesNotReachIsAMistake) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended = run_nestwalk({"run", "run.yaml", "--out", "a", "--warmup", "2001"}, folder);
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("the workloads ended after 2000 accesses, within the warm-up "
                           "(warmup_accesses 2001)"),
            std::string::npos)
      << ended.err;
}

TEST(CliRun, AComparisonWritesOneFolderForEachMode) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended =
      run_nestwalk({"run", "run.yaml", "--out", "r", "--compare", "native,nested"}, folder);
  ASSERT_EQ(ended.status, 0) << ended.err;
  for (const char* mode : {"native", "nested"}) {
    const std::string stats =
        read_whole_file(folder.file(std::string("r/") + mode + "/stats.json"));
    EXPECT_NE(stats.find("\"mode\": \"" + std::string(mode) + "\""), std::string::npos);
  }
  EXPECT_NE(ended.out.find("time relative to native"), std::string::npos) << ended.out;
}

// Waits until the run has made its results folder and caught the signal's meaning.
Ended interrupt(const TempFolder& folder, const std::vector<std::string>& arguments, int signal,
                const std::string& made) {
  const NestwalkProcess process(arguments, folder);
  for (int i = 0; i < 500 && !std::filesystem::exists(folder.file(made)); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  process.signal(signal);
  return process.wait();
}

TEST(CliRun, AnInterruptWritesTheStatistics) {
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const Ended ended =
      interrupt(folder, {"run", "run.yaml", "--out", "r", "--set", kEndless}, SIGINT, "r");
  EXPECT_EQ(ended.status, kInterrupted) << ended.err;
  EXPECT_NE(ended.err.find("interrupted"), std::string::npos);
  const std::string stats = read_whole_file(folder.file("r/stats.json"));
  EXPECT_NE(stats.find("\"end\": \"interrupted\""), std::string::npos);
}

TEST(CliRun, AnInterruptReachesAllModesOfAComparison) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const TempFolder folder;
    folder.write("run.yaml", kTinyRun);
    const Ended ended = interrupt(
        folder, {"run", "run.yaml", "--out", "r", "--set", kEndless, "--compare", "native,nested"},
        signal, "r/nested");
    EXPECT_EQ(ended.status, kInterrupted) << ended.err;
    EXPECT_TRUE(std::filesystem::exists(folder.file("r/native/stats.json")));
    EXPECT_TRUE(std::filesystem::exists(folder.file("r/nested/stats.json")));
  }
}

// A sanitizer's own memory is in what is measured.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kMeasuresMemory = false;
#else
constexpr bool kMeasuresMemory = true;
#endif

std::uint64_t peak_memory(const TempFolder& folder, const std::vector<std::string>& arguments) {
  const Ended ended = run_nestwalk(arguments, folder);
  EXPECT_EQ(ended.status, 0) << ended.err;
  return ended.peak_memory_bytes;
}

TEST(CliRun, MemoryDoesNotGrowWithTheAccesses) {
  if (!kMeasuresMemory) {
    GTEST_SKIP() << "under a sanitizer";
  }
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  const auto peak = [&](const std::string& num_accesses) {
    return peak_memory(folder, {"run", "run.yaml", "--set",
                                "vms.0.processes.0.workload.num_accesses=" + num_accesses});
  };
  EXPECT_LT(peak("1000000"), peak("20000") + 4 * kMiB);
}

// Records that do not compress to nothing, so that a reader that kept them would show.
void write_trace(const std::string& path, std::uint64_t num_accesses) {
  TraceWriter writer(path, {.command = "test", .source = "test", .compression_level = 1});
  Region region;
  region.start = Gva(0x10000);
  region.length_bytes = 4 * kMiB;
  std::uint64_t random = 1;
  TraceRecord record;
  record.size_bytes = 8;
  record.num_instructions = 1;
  for (std::uint64_t i = 0; i < num_accesses; ++i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    record.address = region.start + (random >> 40) % 0x3ffff * 8 % region.length_bytes;
    writer.append(record);
  }
  writer.finish({&region, 1});
}

TEST(CliRun, MemoryDoesNotGrowWithTheTrace) {
  if (!kMeasuresMemory) {
    GTEST_SKIP() << "under a sanitizer";
  }
  const TempFolder folder;
  write_trace(folder.file("short.nwt"), 50'000);
  write_trace(folder.file("long.nwt"), 1'500'000);
  EXPECT_GT(std::filesystem::file_size(folder.file("long.nwt")), 3 * kMiB);
  const auto peak = [&](const std::string& trace) {
    folder.write("run.yaml", "mode: native\nvms: [{processes: [{workload: {kind: trace, trace: " +
                                 trace + "}}]}]\n");
    return peak_memory(folder, {"run", "run.yaml"});
  };
  // Two frames of 4 MiB and what decodes them, and no more.
  EXPECT_LT(peak("long.nwt"), peak("short.nwt") + 16 * kMiB);
}

TEST(CliRun, AGuestOfATerabyteStartsInAHundredMegabytes) {
  if (!kMeasuresMemory) {
    GTEST_SKIP() << "under a sanitizer";
  }
  const TempFolder folder;
  folder.write("run.yaml", kTinyRun);
  EXPECT_LT(peak_memory(folder, {"run", "run.yaml", "--set", "vms.0.memory_bytes=1 TiB", "--set",
                                 "machine.memory_bytes=2 TiB"}),
            100 * kMiB);
}

}  // namespace
}  // namespace nestwalk
