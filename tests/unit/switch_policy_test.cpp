// What each policy makes of samples. The rows of the first test are the samples of table 1 of Wang
// et al. (VEE 2011), with what its rules and thresholds say of them.
#include "model/hypervisor/switch_policy.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "model/hypervisor/policy_cost_model.h"
#include "model/hypervisor/policy_dsp.h"
#include "model/hypervisor/policy_ipc_feedback.h"
#include "model/hypervisor/policy_oracle.h"

namespace nestwalk {
namespace {

constexpr std::optional<Paging> kStay;
constexpr std::optional<Paging> kSp = Paging::kShadow;
constexpr std::optional<Paging> kHap = Paging::kNested;

struct Row {
  double faults_e7;  // per 1000 instructions, times 10^7
  double tlb;
  std::optional<Paging> expected;
  unsigned rule;
};

DspVerdict decide(const Row& row) {
  const double faults = row.faults_e7 / 1e7;
  return decide_dsp({}, {row.tlb, faults, row.tlb, faults});
}

TEST(DspRules, SixteenSamplesOfThePaper) {
  constexpr std::array kRows = {
      Row{40, 0.5, kSp, 6},     Row{125, 0.5, kHap, 5},     Row{0, 0.4, kSp, 6},
      Row{0, 0.05, kStay, 3},   Row{150001, 0.99, kHap, 2}, Row{10000, 2.4, kHap, 2},
      Row{4700, 0.3, kHap, 5},  Row{1600, 16, kSp, 1},      Row{90000, 2.7, kHap, 2},
      Row{0, 0.02, kStay, 3},   Row{100, 0.02, kHap, 5},    Row{0, 0.3, kSp, 6},
      Row{10000, 0.3, kHap, 2}, Row{10001, 11, kHap, 5},    Row{3000, 11, kSp, 1},
      Row{49, 4, kSp, 6}};
  for (const Row& row : kRows) {
    const DspVerdict verdict = decide(row);
    EXPECT_EQ(verdict.rule, row.rule) << row.faults_e7 << " faults, " << row.tlb << " misses";
    EXPECT_EQ(verdict.paging, row.expected) << row.faults_e7 << " faults, " << row.tlb;
  }
}

TEST(DspRules, Boundaries) {
  // At the upper threshold of TLB misses, and not above it: the ratio decides.
  EXPECT_EQ(decide({1600, 10, kStay, 0}).rule, 7U);
  EXPECT_EQ(decide({1600, 10.1, kSp, 0}).rule, 1U);
  // At 0.8 of the upper threshold of page faults, and not below it.
  EXPECT_EQ(decide({4000, 11, kHap, 0}).rule, 5U);
  EXPECT_EQ(decide({3999, 11, kSp, 0}).rule, 1U);
  // Likewise with the roles exchanged.
  EXPECT_EQ(decide({5001, 8, kHap, 0}).rule, 5U);
  EXPECT_EQ(decide({5001, 7.9, kHap, 0}).rule, 2U);
  // No TLB misses, but page faults; and none before.
  EXPECT_EQ(decide({500, 0, kHap, 0}).rule, 4U);
  EXPECT_EQ(decide_dsp({}, {0.5, 1e-6, 0, 1e-6}).rule, 4U);
  EXPECT_EQ(decide_dsp({}, {0.5, 1e-6, 0, 1e-6}).paging, kHap);
  // The ratios of now and before on different sides, and between the thresholds.
  EXPECT_EQ(decide_dsp({}, {1, 3e-5, 1, 1e-5}).rule, 8U);
  EXPECT_EQ(decide_dsp({}, {1, 1e-5, 1, 3e-5}).rule, 8U);
  EXPECT_EQ(decide_dsp({}, {1, 1.7e-5, 1, 1.7e-5}).rule, 7U);
  EXPECT_EQ(decide_dsp({}, {1, 1.7e-5, 1, 3e-5}).paging, kStay);
}

IntervalSample sample(Paging paging, std::uint64_t misses, std::uint64_t faults) {
  IntervalSample s;
  s.paging = paging;
  s.instructions = 1'000'000;
  s.tlb_misses = misses;
  s.walk_cycles = misses * (paging == Paging::kNested ? 22 : 10);
  s.guest_page_faults = faults;
  s.cycles.charge(Cause::kCore, 1'000'000);
  return s;
}

TEST(DspPolicy, HistoryAndPresentMustAgree) {
  DspPolicy policy(DspParams{});
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 1000, 0)).paging, Paging::kShadow);
  // The first interval with many page faults for each miss does not turn it, the second does.
  EXPECT_EQ(policy.advise(sample(Paging::kShadow, 9000, 1)).reason.substr(0, 6), "rule 8");
  const std::unique_ptr<SwitchPolicy> copy = policy.clone();
  EXPECT_EQ(policy.advise(sample(Paging::kShadow, 9000, 1)).paging, Paging::kNested);
  EXPECT_EQ(copy->advise(sample(Paging::kShadow, 9000, 1)).paging, Paging::kNested);
}

TEST(CostModel, SwitchesAtTheBreakEven) {
  CostModelParams params;
  params.horizon = 1;
  params.switch_cycles = 0;
  CostModelPolicy policy(params);
  // 12 cycles a miss against 28000 a fault.
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 2333, 1)).paging, Paging::kNested);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 2334, 1)).paging, Paging::kShadow);
}

TEST(CostModel, ASwitchMustPayForItself) {
  CostModelParams params;
  params.horizon = 3;
  params.switch_cycles = 36'000;
  CostModelPolicy policy(params);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 1000, 0)).paging, Paging::kNested);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 1001, 0)).paging, Paging::kShadow);
}

TEST(CostModel, LearnsWhatExitsCost) {
  CostModelParams params;
  params.horizon = 1;
  params.switch_cycles = 0;
  params.weight = 1;
  CostModelPolicy policy(params);
  IntervalSample shadow = sample(Paging::kShadow, 10'000, 2);
  shadow.cycles.charge(Cause::kShadowFill, 112'000);  // 56000 a fault: twice what was assumed
  EXPECT_EQ(policy.advise(shadow).paging, Paging::kShadow);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 4600, 1)).paging, Paging::kNested);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 4700, 1)).paging, Paging::kShadow);
}

// The filling after a switch is the switch's, and no reason to go back.
TEST(CostModel, TheFirstIntervalAfterASwitchIsItsPrice) {
  CostModelParams params;
  params.switch_cycles = 0;
  CostModelPolicy policy(params);
  EXPECT_EQ(policy.advise(sample(Paging::kNested, 1000, 0)).paging, Paging::kShadow);
  IntervalSample first = sample(Paging::kShadow, 1000, 0);
  first.cycles.charge(Cause::kShadowFill, 5'000'000);
  const SwitchAdvice advice = policy.advise(first);
  EXPECT_EQ(advice.paging, Paging::kShadow);
  EXPECT_EQ(advice.rates.back().value, 5'000'000);
}

TEST(IpcFeedback, CountsAndAdapts) {
  IpcFeedbackPolicy policy(IpcFeedbackParams{});
  IntervalSample busy = sample(Paging::kNested, 1000, 0);
  busy.walk_cycles = 200'000;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(policy.advise(busy).paging, Paging::kNested);
  }
  EXPECT_EQ(policy.advise(busy).paging, Paging::kShadow);
  IntervalSample slow = sample(Paging::kShadow, 0, 0);
  slow.cycles.charge(Cause::kShadowFault, 1'000'000);
  for (int i = 0; i < 2; ++i) {  // too soon
    EXPECT_EQ(policy.advise(slow).paging, Paging::kShadow);
  }
  const SwitchAdvice advice = policy.advise(slow);  // half the IPC of before: 9 + 2 * 2
  EXPECT_EQ(advice.rates.at(1).name, "high_percent");
  EXPECT_DOUBLE_EQ(advice.rates.at(1).value, 13);
}

TEST(Oracle, FindsTheCheapestScheduleAndFollowsIt) {
  RecordedRuns runs;
  runs.nested_cycles = {10, 10, 50, 50, 10, 10};
  runs.shadow_cycles = {30, 30, 10, 10, 30, 9};
  runs.to_shadow_cycles = 5;
  const BestSchedule best = best_schedule(runs, Paging::kNested);
  EXPECT_EQ(best.letters, "nnssnn");
  EXPECT_EQ(best.cycles, 65U);
  OraclePolicy policy(best.letters);
  for (const char letter : best.letters.substr(1)) {
    EXPECT_EQ(policy.advise({}).paging, letter == 's' ? Paging::kShadow : Paging::kNested);
  }
  EXPECT_EQ(policy.advise({}).paging, Paging::kNested);
}

TEST(Oracle, DoesNotSwitchForLessThanASwitchCosts) {
  RecordedRuns runs;
  runs.nested_cycles = {10, 12, 10};
  runs.shadow_cycles = {10, 10, 10};
  runs.to_shadow_cycles = 3;
  EXPECT_EQ(best_schedule(runs, Paging::kNested).letters, "nnn");
}

TEST(SwitchPolicies, EachKindIsMadeAndCopied) {
  for (unsigned kind = 0; kind < kSwitchPolicyNames.size(); ++kind) {
    SwitchingParams params;
    params.policy = static_cast<SwitchPolicyKind>(kind);
    const std::unique_ptr<SwitchPolicy> policy = make_switch_policy(params);
    const std::unique_ptr<SwitchPolicy> copy = policy->clone();
    for (int i = 0; i < 8; ++i) {
      const SwitchAdvice advice = policy->advise(sample(Paging::kNested, 100, 1));
      EXPECT_EQ(advice.paging, copy->advise(sample(Paging::kNested, 100, 1)).paging);
      EXPECT_FALSE(advice.reason.empty());
    }
  }
}

TEST(SwitchPolicies, BadParametersAreRefusedWithTheReason) {
  SwitchingParams params;
  EXPECT_TRUE(find_problems(params).empty());
  params.dsp.ratio_lower = 3e-5;
  params.interval_instructions = 0;
  params.schedule = "nsx";
  const std::vector<ParameterProblem> problems = find_problems(params);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].key_path, "dsp.ratio_lower");
  EXPECT_EQ(problems[1].key_path, "interval_instructions");
  EXPECT_EQ(problems[2].key_path, "schedule");
}

TEST(SwitchPolicies, TheLogHasInputsAndReason) {
  const IntervalSample s = sample(Paging::kNested, 20'000, 0);
  DspPolicy policy(DspParams{});
  const Decision decision = decision_of(s, policy.advise(s));
  EXPECT_EQ(decision.decision, "nested to shadow");
  EXPECT_EQ(decision.reason.substr(0, 6), "rule 1");
  EXPECT_EQ(decision.inputs.at(1).name, "tlb_misses");
  EXPECT_EQ(decision.inputs.at(1).value, 20'000);
}

}  // namespace
}  // namespace nestwalk
