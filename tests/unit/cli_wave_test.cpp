// `nestwalk run --wave` and `nestwalk wave`: what is recorded is read back; windows, bad options,
// an interrupt.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/observe/wave_file.h"
#include "tests/support/wave_reader.h"
#include "tests/unit/cli_process.h"

namespace nestwalk {
namespace {

constexpr int kInterrupted = 130;
constexpr const char* kNoPwc = "machine.walker.pwc.organisation=none";
constexpr const char* kNoNtlb = "machine.walker.ntlb.array.entries=0";

class CliWave : public testing::Test {
 protected:
  void SetUp() override {
    if (!WaveFile::is_available()) {
      GTEST_SKIP() << WaveFile::what_is_missing();
    }
    folder_.write("run.yaml", kTinyRun);
  }
  // In one mode, with more arguments.
  [[nodiscard]] Ended run(const std::vector<std::string>& more,
                          const std::string& mode = "nested") const {
    std::vector<std::string> words = {"run", "run.yaml", "--mode", mode, "--out", "r", "--force"};
    words.insert(words.end(), more.begin(), more.end());
    return run_nestwalk(words, folder_);
  }
  [[nodiscard]] WaveContent waves(const std::string& name = "r/waves.fst") const {
    return read_waves(folder_.file(name));
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(folder_.file(name));
  }

  TempFolder folder_;
};

std::vector<std::string> positions_of_a_cold_walk() {
  std::vector<std::string> texts = {"-"};
  for (int g = 4; g >= 0; --g) {
    for (int h = 4; h >= (g == 0 ? 1 : 0); --h) {
      texts.push_back("(" + std::to_string(g) + "," + std::to_string(h) + ")");
    }
  }
  return texts;
}

TEST_F(CliWave, AColdWalkOfAProgramPassesTwentyFourPositions) {
  for (const std::string timing : {"at", "lt"}) {
    const std::vector<std::string> machine = {
        "--set", kNoPwc, "--set", kNoNtlb, "--set", "machine.timing=" + timing, "--wave", "fst"};
    ASSERT_EQ(run(machine).status, 0);
    const WaveContent all = waves();
    const std::string slot = "tlm.core0.walker.slot0.";
    // A walk that makes 24 reads, the last one: the program's own.
    std::uint64_t number = 0;
    for (const WaveValue& reads : all.values(slot + "reads")) {
      if (std::stoull(reads.value, nullptr, 2) == 24) {
        for (const WaveValue& walk : all.values(slot + "walk")) {
          number = walk.cycle <= reads.cycle ? std::stoull(walk.value, nullptr, 2) : number;
        }
      }
    }
    ASSERT_NE(number, 0U) << timing;
    std::vector<std::string> window = machine;
    for (const char* option : {"--wave-from", "--wave-to"}) {
      window.emplace_back(option);
      window.push_back("walk:" + std::to_string(number));
    }
    ASSERT_EQ(run(window).status, 0);
    const WaveContent one = waves();
    EXPECT_EQ(one.texts(slot + "position"), positions_of_a_cold_walk()) << timing;
    EXPECT_EQ(one.numbers(slot + "walk"), std::vector<std::uint64_t>{number});
    EXPECT_EQ(one.numbers(slot + "mode"), std::vector<std::uint64_t>{3});
    EXPECT_EQ(one.numbers(slot + "fault"), std::vector<std::uint64_t>{0});
  }
}

TEST_F(CliWave, RecordingChangesNoStatistics) {
  for (const std::string timing : {"machine.timing=at", "machine.timing=lt"}) {
    ASSERT_EQ(run({"--set", timing, "--log", "log.jsonl"}).status, 0);
    const std::string log = read_whole_file(folder_.file("log.jsonl"));
    const std::string without = read_whole_file(folder_.file("r/stats.json"));
    EXPECT_FALSE(exists("r/waves.fst"));
    const Ended with = run({"--set", timing, "--wave", "fst", "--log", "log.jsonl"});
    ASSERT_EQ(with.status, 0) << with.err;
    EXPECT_NE(with.out.find("waves: r/waves.fst, cycles 0 to "), std::string::npos) << with.out;
    EXPECT_EQ(read_whole_file(folder_.file("r/stats.json")), without);
    EXPECT_TRUE(exists("r/waves.gtkw"));
    EXPECT_EQ(read_whole_file(folder_.file("log.jsonl")), log);
  }
}

TEST_F(CliWave, AVmShowsItsModeItsExitsAndItsFlushes) {
  for (const auto& [mode, number] : {std::pair{"nested", 1U}, std::pair{"shadow", 2U}}) {
    ASSERT_EQ(run({"--wave", "fst"}, mode).status, 0);
    const WaveContent content = waves();
    EXPECT_EQ(content.numbers("tlm.vm0.mode").back(), number);
    EXPECT_EQ(content.values("tlm.vm0.mode").back().cycle, 0U) << "it never changes";
    const std::vector<std::string> exits = content.texts("tlm.vm0.exit");
    const std::string cause = mode == std::string("nested") ? "ept_violation" : "page_fault";
    EXPECT_NE(std::find(exits.begin(), exits.end(), cause), exits.end());
    EXPECT_GT(content.numbers("tlm.vm0.policy_inputs.misses").back(), 0U);
    EXPECT_GT(content.numbers("tlm.vm0.policy_inputs.faults").back(), 0U);
    EXPECT_GT(content.numbers("tlm.vm0.policy_inputs.interval_misses").size(), 1U);
    EXPECT_GT(content.numbers("tlm.core0.tlb.misses").back(), 0U);
  }
}

TEST_F(CliWave, AVcdComesWithFiltersForItsNames) {
  ASSERT_EQ(run({"--wave", "vcd", "--wave-to", "walk:20"}).status, 0);
  EXPECT_EQ(waves("r/waves.vcd").numbers("tlm.core0.walker.slot0.walk").back(), 20U);
  EXPECT_FALSE(exists("r/waves.vcd.fst"));
  EXPECT_NE(read_whole_file(folder_.file("r/waves-filters/walk_state.txt")).find("3 read\n"),
            std::string::npos);
  EXPECT_NE(
      read_whole_file(folder_.file("r/waves-filters/invalidation.txt")).find("0E vm_transition"),
      std::string::npos)
      << "with as many digits as GTKWave shows";
  // For waves from elsewhere the same filters are in waveforms/. NESTWALK_UPDATE_GOLDEN=1 writes
  // them.
  const std::filesystem::path shipped =
      std::filesystem::path(NESTWALK_SOURCE_DIR) / "waveforms" / "filters";
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file("r/waves-filters"))) {
    const std::filesystem::path kept = shipped / entry.path().filename();
    if (std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr) {
      std::filesystem::copy_file(entry.path(), kept,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    EXPECT_EQ(read_whole_file(kept.string()), read_whole_file(entry.path().string())) << kept;
  }
  ASSERT_EQ(run({"--wave", "fst"}).status, 0);
  EXPECT_FALSE(exists("r/waves.vcd")) << "waves of another run";
}

TEST_F(CliWave, AWindowThatNeverComesIsSaid) {
  const Ended late = run({"--wave", "fst", "--wave-from", "walk:123456789"});
  EXPECT_EQ(late.status, 0);
  EXPECT_NE(late.out.find("before --wave-from walk:123456789 came"), std::string::npos) << late.out;
  const Ended good = run({"--wave", "fst", "--wave-around-failure", "500"});
  EXPECT_EQ(good.status, 0);
  EXPECT_NE(good.out.find("waves: none; nothing has failed"), std::string::npos) << good.out;
  EXPECT_FALSE(exists("r/waves.fst"));
}

TEST_F(CliWave, AVmThatCannotGoOnIsAFailure) {
  const Ended ended = run({"--set", "vms.0.memory_bytes=2 MiB", "--set",
                           "vms.0.processes.0.workload.footprint_bytes=16 MiB", "--set",
                           "vms.0.processes.0.workload.num_accesses=20000", "--wave", "fst",
                           "--wave-around-failure", "3000"});
  EXPECT_EQ(ended.status, 2) << ended.out;
  EXPECT_NE(ended.out.find("waves: r/waves.fst"), std::string::npos) << ended.out << ended.err;
  const WaveContent content = waves();
  EXPECT_GT(content.first_cycle(), 0U);
  EXPECT_LE(content.last_cycle() - content.first_cycle(), 6001U);
}

TEST_F(CliWave, BadOptionsAreRefusedWithTheReason) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--wave", "lxt"}, "--wave lxt: no such format; formats: fst, vcd"},
      {{"--wave-from", "3"}, "--wave-from 3: nothing is recorded without --wave fst"},
      {{"--wave", "fst", "--wave-from", "walk:0"}, "--wave-from walk:0: expected a cycle"},
      {{"--wave", "fst", "--wave-to", "soon"}, "--wave-to soon: expected a cycle"},
      {{"--wave", "fst", "--wave-from", "9", "--wave-to", "8"},
       "--wave-to 8 lies before --wave-from 9"},
      {{"--wave", "fst", "--wave-around-failure", "0"}, "expected a number of cycles, at least 1"},
      {{"--wave", "fst", "--wave-around-failure", "9", "--wave-to", "8"}, "leave out --wave-to"},
  };
  for (const auto& [options, message] : cases) {
    const Ended ended = run(options);
    EXPECT_EQ(ended.status, 2) << message;
    EXPECT_NE(ended.err.find(message), std::string::npos) << ended.err;
  }
  const Ended both =
      run_nestwalk({"run", "run.yaml", "--compare", "native,nested", "--wave", "fst"}, folder_);
  EXPECT_EQ(both.status, 2);
  EXPECT_NE(both.err.find("waves are of one mode"), std::string::npos) << both.err;
}

TEST_F(CliWave, AnInterruptLeavesReadableWaves) {
  const NestwalkProcess process({"run", "run.yaml", "--mode", "nested", "--out", "r", "--set",
                                 "vms.0.processes.0.workload.num_accesses=1000000000", "--wave",
                                 "fst", "--wave-to", "walk:1000"},
                                folder_);
  for (int i = 0; i < 500 && !exists("r/waves.fst"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, kInterrupted);
  EXPECT_GT(waves().numbers("tlm.core0.walker.slot0.walk").back(), 0U);
}

TEST_F(CliWave, TheViewerIsOpenedOrExplained) {
  ASSERT_EQ(run({"--wave", "fst", "--wave-to", "walk:5"}).status, 0);
  const Ended how = run_nestwalk({"wave", "r", "--print"}, folder_);
  EXPECT_EQ(how.status, 0) << how.err;
  EXPECT_EQ(how.out, "gtkwave r/waves.fst r/waves.gtkw\n");
  const Ended missing = run_nestwalk({"wave", "nowhere"}, folder_);
  EXPECT_EQ(missing.status, 3);
  EXPECT_NE(missing.err.find("there is no nowhere"), std::string::npos) << missing.err;
  const Ended none = run_nestwalk({"wave", "."}, folder_);
  EXPECT_EQ(none.status, 3);
  EXPECT_NE(none.err.find("--wave fst` records them"), std::string::npos) << none.err;
}

}  // namespace
}  // namespace nestwalk
