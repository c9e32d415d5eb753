// What watches the RTL walker in a platform sees it: a walker that stands still, one that asks for
// the wrong word, one whose protocol assertions fail. Each is a run that fails with a message.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "model/sim/walker_models.h"
#include "tb/rtl_walker.h"
#include "tb/walker_set.h"
#include "tests/support/run_bench.h"

namespace nestwalk {
namespace {

// The RTL with something wrong about it.
class TroubledPins : public PinWalker {
 public:
  explicit TroubledPins(std::unique_ptr<PinWalker> pins) : pins_(std::move(pins)) {}

  [[nodiscard]] unsigned slots() const override { return pins_->slots(); }
  [[nodiscard]] unsigned max_restarts() const override { return pins_->max_restarts(); }
  [[nodiscard]] WalkerStructures structures() const override { return pins_->structures(); }
  void reset() override { pins_->reset(); }
  void power_up(std::uint64_t seed) override { pins_->power_up(seed); }
  void offer(const WalkerRequest* request) override { pins_->offer(request); }
  void offer(const Invalidation* invalidation) override { pins_->offer(invalidation); }
  void set_ready(const Ready& ready) override { pins_->set_ready(ready); }
  void answer_read(std::uint8_t slot, const Answer& answer) override {
    pins_->answer_read(slot, answer);
  }
  void answer_update(std::uint8_t slot, AnswerKind answer) override {
    pins_->answer_update(slot, answer);
  }
  void answer_nothing() override { pins_->answer_nothing(); }
  const Cycle& settle() override {
    cycle_ = pins_->settle();
    change(cycle_);
    return cycle_;
  }
  void tick() override { pins_->tick(); }
  std::uint64_t replay(const PinStimulus& stimulus) override { return pins_->replay(stimulus); }
  [[nodiscard]] const std::vector<std::string>& failures() const override {
    return pins_->failures();
  }
  void forget_failures() override { pins_->forget_failures(); }

 protected:
  virtual void change(Cycle& /*cycle*/) {}

 private:
  std::unique_ptr<PinWalker> pins_;
  Cycle cycle_;
};

// After a while it does not see answers any more.
class StuckPins final : public TroubledPins {
 public:
  using TroubledPins::TroubledPins;
  void answer_read(std::uint8_t slot, const Answer& answer) override {
    if (++num_answers_ < 1000) {
      TroubledPins::answer_read(slot, answer);
    }
  }

 private:
  unsigned num_answers_ = 0;
};

// Reads a neighbour of what it should, once.
class AskewPins final : public TroubledPins {
 public:
  using TroubledPins::TroubledPins;

 protected:
  void change(Cycle& cycle) override {
    if (cycle.has_read && ++num_reads_ == 500) {
      cycle.read.hpa = Hpa(cycle.read.hpa.value() ^ 8);
    }
  }

 private:
  unsigned num_reads_ = 0;
};

class ProtestingPins final : public TroubledPins {
 public:
  using TroubledPins::TroubledPins;
  [[nodiscard]] const std::vector<std::string>& failures() const override { return failures_; }

 private:
  std::vector<std::string> failures_{"channel_checker.sv:17 in walker"};
};

class RtlPlatformWatch : public testing::TestWithParam<Timing> {
 protected:
  template <class Pins>
  static std::vector<std::string> problems_with(bool scoreboard) {
    register_rtl_walker([](const WalkerPlace& place) {
      return std::make_unique<RtlWalker>(place,
                                         std::make_unique<Pins>(open_walker_set("one_slot")));
    });
    RunParams params = small_run();
    WalkerParams& walker = params.machine.walker;
    walker.model = WalkerModel::kRtl;
    walker.rtl.scoreboard = scoreboard;
    walker.slots = 1;
    walker.pwc.organisation = PwcOrganisation::kNone;
    walker.ntlb.array = {0, 0};
    params.machine.timing = GetParam();
    const RunReport report = run_apart(params, VcpuFactory());
    EXPECT_NE(report.end, "crashed");
    EXPECT_NE(report.end, "exception") << report.message;
    return report.walker_problems;
  }
};

INSTANTIATE_TEST_SUITE_P(Timings, RtlPlatformWatch, testing::Values(Timing::kLt, Timing::kAt),
                         [](const auto& param) {
                           return std::string(kTimingNames[static_cast<unsigned>(param.param)]);
                         });

TEST_P(RtlPlatformWatch, FindsNothingWrongWithTheRtlItself) {
  EXPECT_EQ(problems_with<TroubledPins>(true), std::vector<std::string>{});
}

TEST_P(RtlPlatformWatch, TheWatchdogSeesAWalkerThatStandsStill) {
  const std::vector<std::string> problems = problems_with<StuckPins>(false);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("walker0: watchdog"), std::string::npos) << problems.front();
  EXPECT_NE(problems.front().find("watchdog_cycles"), std::string::npos) << problems.front();
}

TEST_P(RtlPlatformWatch, TheScoreboardSeesAWrongRead) {
  const std::vector<std::string> problems = problems_with<AskewPins>(true);
  ASSERT_FALSE(problems.empty());
  EXPECT_NE(problems.front().find("the engine says"), std::string::npos) << problems.front();
}

TEST_P(RtlPlatformWatch, AFailingAssertionFailsTheRun) {
  const std::vector<std::string> problems = problems_with<ProtestingPins>(false);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("protocol assertion channel_checker.sv:17"), std::string::npos)
      << problems.front();
}

}  // namespace
}  // namespace nestwalk
