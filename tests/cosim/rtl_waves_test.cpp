// Waves of the bench: the RTL's walk and the model's in one file, read back and compared.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tb/wave_bench.h"
#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"
#include "tests/support/mmu_bench.h"
#include "tests/support/platform_bench.h"
#include "tests/support/wave_reader.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x1234'5678};
constexpr Gpa kGpa{0x8000'0000};

class RtlWaves : public RtlWalkerTest {
 protected:
  RtlWaves() : tables_({FormatId::kX86FourLevel, FormatId::kEptFourLevel}), memory_(words_) {
    tables_.map_guest(kGva, kGpa, 1, HandTables::kX86Leaf | 0x60);
    tables_.map_host(kGpa, 1);
    request_.context = tables_.context;
    request_.access = {kGva, AccessType::kRead, Privilege::kUser};
    words_ = tables_.memory;
    walk(request_, memory_);  // sets the A bits
    forget_tables();
    bench_.set_params({.min_latency = 7, .max_latency = 7});
  }

  // NESTWALK_KEEP_WAVES=folder keeps what a case has written, to look at it.
  [[nodiscard]] std::string file(const std::string& name) const {
    const char* kept = std::getenv("NESTWALK_KEEP_WAVES");
    return kept != nullptr ? std::string(kept) + "/" + name : temp_.file(name);
  }
  [[nodiscard]] WaveFileParams params(const WaveWindow& window = {}) const {
    WaveFileParams params;
    params.path = file("case.fst");
    params.window = window;
    params.horizon_cycles = 100'000;  // one side after the other
    return params;
  }
  [[nodiscard]] BenchWaves::Shape shape(unsigned model_slots = 0) const {
    return {.rtl_slots = bench_.slots(), .model_slots = model_slots};
  }
  [[nodiscard]] WaveContent content() const { return read_waves(file("case.fst")); }

  // (4,4) to (0,1), as a cold walk of 4 over 4 levels passes them.
  static std::vector<std::string> all_positions() {
    std::vector<std::string> texts;
    for (int g = 4; g >= 0; --g) {
      for (int h = 4; h >= (g == 0 ? 1 : 0); --h) {
        texts.push_back("(" + std::to_string(g) + "," + std::to_string(h) + ")");
      }
    }
    return texts;
  }
  // What a slot shows from one walk's beginning to its end.
  static std::vector<std::string> positions(const WaveContent& content, const std::string& side) {
    std::vector<std::string> texts;
    for (const std::string& text : content.texts(side + ".walker.slot0.position")) {
      if (text != "-") {
        texts.push_back(text);
      }
    }
    return texts;
  }

  TempFolder temp_;
  HandTables tables_;
  WordMemory words_;
  WordTableMemory memory_;
  WalkerRequest request_;
};

TEST_F(RtlWaves, BothSidesShowTheTwentyFourPositionsInOrder) {
  {
    WaveWindow window;
    window.from = parse_wave_point("walk:1");
    BenchWaves waves(params(window), shape(1));
    waves.follow(bench_);
    const std::uint64_t begin = bench_.cycle();
    walk(request_, memory_);
    // The model on a memory of the same latency, at the same time.
    MachineParams machine = bare_machine();
    machine.dram.latency_cycles = 7;
    PlatformBench model(machine);
    tables_.memory = words_;
    model.load(tables_);
    model.platform.core().spend(begin);
    PageWalker& walker = model.platform.walker();
    walker.connect_events(waves.model());
    std::byte byte{};
    (void)model.access(request_.access, {&byte, 1});
    EXPECT_EQ(walker.stats().references, 24U);
    walker.connect_events(nullptr);
  }
  const WaveContent waves = content();
  ASSERT_EQ(all_positions().size(), 24U);
  EXPECT_EQ(positions(waves, "rtl"), all_positions());
  EXPECT_EQ(positions(waves, "tlm"), all_positions());
  for (const std::string side : {"rtl", "tlm"}) {
    EXPECT_EQ(waves.numbers(side + ".walker.slot0.reads").back(), 24U);
    EXPECT_EQ(waves.numbers(side + ".walker.slot0.fault").back(), 0U);
    EXPECT_EQ(waves.numbers(side + ".walker.slot0.mode").back(), 3U);
  }
  EXPECT_TRUE(std::filesystem::exists(file("case.gtkw")));
}

TEST_F(RtlWaves, AWalkOfManyCanBeChosen) {
  const std::uint64_t begin = bench_.cycle();
  {
    WaveWindow window;
    window.from = parse_wave_point("walk:3");
    window.to = parse_wave_point("walk:3");
    BenchWaves waves(params(window), shape());
    waves.follow(bench_);
    for (int i = 0; i < 5; ++i) {
      walk(request_, memory_);
    }
  }
  const WaveContent waves = content();
  EXPECT_EQ(waves.numbers("rtl.walker.slot0.walk"), std::vector<std::uint64_t>{3});
  EXPECT_EQ(positions(waves, "rtl"), all_positions());
  EXPECT_GT(waves.first_cycle(), begin + 2 * 24 * 8);
  EXPECT_LT(waves.last_cycle() - waves.first_cycle(), 2U + 24 * 8 + 2);
}

TEST_F(RtlWaves, AKilledWalkShowsTheInvalidationAndBeginsAnew) {
  {
    BenchWaves waves(params(), shape());
    waves.follow(bench_);
    bench_.connect(memory_);
    bench_.submit(request_);
    for (int i = 0; i < 60; ++i) {
      bench_.step();
    }
    Invalidation all;
    all.op = InvalidateOp::kInveptAll;
    bench_.invalidate(all);
    bench_.run();
  }
  const WaveContent waves = content();
  const auto& kill = waves.values("rtl.walker.slot0.kill");
  ASSERT_EQ(kill.size(), 3U);
  EXPECT_EQ(waves.values("rtl.walker.invalidate").size(), 3U);
  EXPECT_EQ(waves.numbers("rtl.walker.operation").back(),
            static_cast<std::uint64_t>(InvalidateOp::kInveptAll));
  EXPECT_GT(waves.numbers("rtl.walker.slot0.reads").back(), 24U);
  EXPECT_GT(positions(waves, "rtl").size(), 24U);
}

TEST_F(RtlWaves, AProblemOfTheScoreboardIsTheFailureThatTheWindowIsAround) {
  std::uint64_t failed_cycle = 0;
  {
    WaveWindow window;
    window.around_failure_cycles = 20;
    BenchWaves waves(params(window), shape());
    waves.follow(bench_);
    int num_reads = 0;
    bench_.tamper_with([&](Record& record) {
      if (record.event.kind == EventKind::kRead && ++num_reads == 30) {
        record.event.address ^= 8;
        failed_cycle = record.event.cycle;
      }
    });
    for (int i = 0; i < 4; ++i) {
      walk(request_, memory_);
    }
    EXPECT_FALSE(bench_.problems().empty());
    waves.close();
    EXPECT_TRUE(waves.is_written());
  }
  const WaveContent waves = content();
  EXPECT_EQ(waves.first_cycle(), failed_cycle - 20);
  EXPECT_EQ(waves.last_cycle(), failed_cycle + 21);
}

TEST_F(RtlWaves, WithoutAFailureNothingIsWritten) {
  WaveWindow window;
  window.around_failure_cycles = 20;
  BenchWaves waves(params(window), shape());
  waves.follow(bench_);
  walk(request_, memory_);
  waves.close();
  EXPECT_FALSE(waves.is_written());
  EXPECT_FALSE(std::filesystem::exists(file("case.fst")));
  EXPECT_FALSE(std::filesystem::exists(file("case.gtkw")));
}

}  // namespace
}  // namespace nestwalk
