// Wave files are written, read back and found to hold what was put in, window by window.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/arch/check.h"
#include "model/observe/wave_file.h"
#include "model/observe/wave_view.h"
#include "model/observe/wave_window.h"
#include "tests/support/wave_reader.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::array<std::string_view, 3> kColours = {"red", "green", "blue"};

WaveFileParams params_at(const std::string& path, const WaveWindow& window = {}) {
  WaveFileParams params;
  params.path = path;
  params.format = path.ends_with(".vcd") ? WaveFormat::kVcd : WaveFormat::kFst;
  params.window = window;
  return params;
}

struct Sample {
  explicit Sample(const WaveFileParams& params) : file(params) {
    file.push_scope("top");
    count = file.add_count("count", 16);
    colour = file.add_enum("colour", "colour", kColours);
    text = file.add_text("where");
    mark = file.add_bits("mark", 1);
    file.pop_scope();
  }
  WaveFile file;
  WaveSignal count{};
  WaveSignal colour{};
  WaveSignal text{};
  WaveSignal mark{};
};

class ObserveWaveFile : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!WaveFile::is_available()) {
      GTEST_SKIP() << WaveFile::what_is_missing();
    }
  }
  [[nodiscard]] std::string path() const { return temp_.file(GetParam()); }
  TempFolder temp_;
};

TEST_P(ObserveWaveFile, HoldsWhatWasPutIn) {
  {
    Sample sample(params_at(path()));
    sample.file.set(3, sample.count, 5);
    sample.file.set(4, sample.colour, 2);
    sample.file.set(4, sample.text, "(4,4)");
    sample.file.pulse(6, sample.mark);
    sample.file.set(9, sample.count, 6);
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.numbers("top.count"), (std::vector<std::uint64_t>{0, 5, 6}));
  EXPECT_EQ(content.values("top.count")[2].cycle, 9U);
  EXPECT_EQ(content.numbers("top.colour"), (std::vector<std::uint64_t>{0, 2}));
  EXPECT_EQ(content.texts("top.where"), (std::vector<std::string>{"-", "(4,4)"}));
  EXPECT_EQ(content.values("top.mark"), (std::vector<WaveValue>{{0, "0"}, {6, "1"}, {7, "0"}}));
  EXPECT_EQ(content.last_cycle(), 10U);
}

TEST_P(ObserveWaveFile, TakesChangesThatComeOutOfOrderAndTheLastOfACycle) {
  {
    Sample sample(params_at(path()));
    sample.file.set(10, sample.count, 1);
    sample.file.set(5, sample.colour, 1);
    sample.file.set(12, sample.count, 2);
    sample.file.set(12, sample.count, 3);
    sample.file.set(100, sample.count, 4);
    sample.file.set(20, sample.colour, 2);  // far too late
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.numbers("top.count"), (std::vector<std::uint64_t>{0, 1, 3, 4}));
  EXPECT_EQ(content.values("top.colour")[1].cycle, 5U);
  EXPECT_EQ(content.values("top.colour")[2].cycle, 84U) << "as early as it still can";
}

TEST_P(ObserveWaveFile, AValueReplacesWhatWasAnnouncedForLater) {
  {
    Sample sample(params_at(path()));
    sample.file.set(3, sample.count, 1);
    sample.file.announce(8, sample.count, 9);
    sample.file.set(5, sample.count, 2);
    sample.file.announce(8, sample.count, 9);
    sample.file.set(20, sample.count, 3);
    sample.file.pulse(30, sample.mark);
    sample.file.pulse(31, sample.mark);
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.numbers("top.count"), (std::vector<std::uint64_t>{0, 1, 2, 9, 3}));
  EXPECT_EQ(content.values("top.mark"), (std::vector<WaveValue>{{0, "0"}, {30, "1"}, {32, "0"}}));
}

TEST_P(ObserveWaveFile, AWindowOfCyclesBeginsWithWhatStood) {
  WaveWindow window;
  window.from = parse_wave_point("50");
  window.to = parse_wave_point("70");
  {
    Sample sample(params_at(path(), window));
    for (std::uint64_t cycle = 0; cycle < 200; cycle += 4) {
      sample.file.set(cycle, sample.count, cycle + 1);
    }
    EXPECT_TRUE(sample.file.is_over());
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.first_cycle(), 50U);
  EXPECT_EQ(content.last_cycle(), 71U) << "the end of the last cycle";
  EXPECT_EQ(content.numbers("top.count"), (std::vector<std::uint64_t>{49, 53, 57, 61, 65, 69}));
}

TEST_P(ObserveWaveFile, AWindowOfWalksEndsWithTheLastOfThem) {
  WaveWindow window;
  window.from = parse_wave_point("walk:2");
  window.to = parse_wave_point("walk:3");
  {
    Sample sample(params_at(path(), window));
    sample.file.walk_begins(10, 1);
    sample.file.set(10, sample.count, 1);
    sample.file.walk_begins(20, 2);
    sample.file.set(20, sample.count, 2);
    sample.file.walk_begins(21, 3);
    sample.file.set(21, sample.count, 3);
    sample.file.walk_ends(30, 3);  // before an older one
    sample.file.set(30, sample.count, 4);
    sample.file.walk_begins(31, 4);
    sample.file.set(31, sample.count, 5);
    sample.file.walk_ends(40, 1);
    sample.file.walk_ends(41, 2);
    sample.file.set(41, sample.count, 6);
    sample.file.set(50, sample.count, 7);
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.first_cycle(), 20U);
  EXPECT_EQ(content.last_cycle(), 42U);
  EXPECT_EQ(content.numbers("top.count"), (std::vector<std::uint64_t>{2, 3, 4, 5, 6}));
}

TEST_P(ObserveWaveFile, AWindowAroundTheFirstFailure) {
  WaveWindow window;
  window.around_failure_cycles = 10;
  {
    Sample sample(params_at(path(), window));
    for (std::uint64_t cycle = 1; cycle < 200; ++cycle) {
      sample.file.set(cycle, sample.count, cycle);
      if (cycle == 100 || cycle == 150) {
        sample.file.fail(cycle);
      }
    }
    sample.file.close();
    EXPECT_TRUE(sample.file.is_written());
  }
  const WaveContent content = read_waves(path());
  EXPECT_EQ(content.first_cycle(), 90U);
  EXPECT_EQ(content.last_cycle(), 111U);
  EXPECT_EQ(content.numbers("top.count").front(), 90U);
  EXPECT_EQ(content.numbers("top.count").back(), 110U);
}

TEST_P(ObserveWaveFile, WithoutAFailureOrItsWalkThereIsNoFile) {
  for (const bool is_failure : {true, false}) {
    WaveWindow window;
    if (is_failure) {
      window.around_failure_cycles = 10;
    } else {
      window.from = parse_wave_point("walk:7");
    }
    Sample sample(params_at(path(), window));
    sample.file.walk_begins(3, 6);
    sample.file.set(3, sample.count, 1);
    sample.file.close();
    EXPECT_FALSE(sample.file.is_written());
    EXPECT_FALSE(std::filesystem::exists(path()));
    EXPECT_FALSE(std::filesystem::exists(path() + ".fst"));
  }
}

using ObserveWaveFileDeathTest = ObserveWaveFile;

TEST_P(ObserveWaveFileDeathTest, ABrokenInvariantLeavesAReadableFile) {
  EXPECT_DEATH(
      {
        Sample sample(params_at(path()));
        sample.file.set(3, sample.count, 5);
        fatal("planted");
      },
      "broken invariant.*planted");
  EXPECT_EQ(read_waves(path()).numbers("top.count"), (std::vector<std::uint64_t>{0, 5}));
}

TEST_P(ObserveWaveFile, AnExceptionLeavesAReadableFile) {
  try {
    Sample sample(params_at(path()));
    sample.file.set(3, sample.count, 5);
    throw std::runtime_error("planted");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(read_waves(path()).numbers("top.count"), (std::vector<std::uint64_t>{0, 5}));
}

TEST_P(ObserveWaveFile, AFolderThatIsNotThereIsSaid) {
  const std::string nowhere = temp_.file(std::string("no/") + GetParam());
  try {
    const WaveFile file(params_at(nowhere));
    FAIL() << "it was made";
  } catch (const WaveError& error) {
    EXPECT_EQ(error.what(), "cannot write " + nowhere);
  }
}

TEST_P(ObserveWaveFile, EqualChangesGiveEqualBytes) {
  std::array<std::string, 2> bytes;
  for (std::string& each : bytes) {
    {
      Sample sample(params_at(path()));
      sample.file.set(3, sample.text, "(0,1)");
    }
    each = read_whole_file(path());
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST_P(ObserveWaveFile, TheSaveFileNamesEverySignal) {
  Sample sample(params_at(path()));
  sample.file.set(3, sample.count, 5);
  sample.file.close();
  write_wave_view(sample.file);
  const std::string view = read_whole_file(temp_.file("w.gtkw"));
  for (const char* line : {"\n+{count} top.count[15:0]\n", "\n+{colour} top.colour[1:0]\n",
                           "\ntop.where\n", "\ntop.mark\n", "\n-top\n"}) {
    EXPECT_NE(view.find(line), std::string::npos) << line << view;
  }
  const bool is_vcd = path().ends_with(".vcd");
  EXPECT_EQ(view.find("w-filters/colour.txt") != std::string::npos, is_vcd) << view;
  if (is_vcd) {
    EXPECT_EQ(read_whole_file(temp_.file("w-filters/colour.txt")), "0 red\n1 green\n2 blue\n");
  }
}

INSTANTIATE_TEST_SUITE_P(BothFormats, ObserveWaveFile, testing::Values("w.fst", "w.vcd"));
INSTANTIATE_TEST_SUITE_P(BothFormats, ObserveWaveFileDeathTest, testing::Values("w.fst", "w.vcd"));

TEST(ObserveWaveWindow, APointIsACycleOrAWalk) {
  EXPECT_EQ(parse_wave_point("120"), (WavePoint{false, 120}));
  EXPECT_EQ(parse_wave_point("walk:1"), (WavePoint{true, 1}));
  for (const char* bad :
       {"", "walk:", "walk:0", "-1", "12x", "walk 3", "1e5", "walk:-3", "99999999999999999999"}) {
    EXPECT_FALSE(parse_wave_point(bad)) << bad;
  }
}

}  // namespace
}  // namespace nestwalk
