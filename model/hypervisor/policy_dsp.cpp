#include "model/hypervisor/policy_dsp.h"

#include <array>
#include <string_view>

namespace nestwalk {
namespace {

// By rule, from 1.
constexpr std::array<std::string_view, 9> kReasons = {
    "",
    "many TLB misses, page faults well below their upper threshold",
    "many page faults, TLB misses well below their upper threshold",
    "few of both",
    "no TLB misses now or before, so that there is no ratio",
    "many page faults for each TLB miss, now and before",
    "few page faults for each TLB miss, now and before",
    "page faults for each TLB miss between the thresholds, now and before",
    "now and before differ"};

}  // namespace

DspVerdict decide_dsp(const DspParams& p, const DspRates& r) {
  if (r.tlb > p.tlb_upper && r.faults < p.damping * p.fault_upper) {
    return {1, Paging::kShadow};
  }
  if (r.faults > p.fault_upper && r.tlb < p.damping * p.tlb_upper) {
    return {2, Paging::kNested};
  }
  if (r.tlb < p.tlb_lower && r.faults < p.fault_lower) {
    return {3, std::nullopt};
  }
  if (r.tlb == 0 || r.tlb_history == 0) {
    return {4, Paging::kNested};
  }
  const double now = r.faults / r.tlb;
  const double before = r.faults_history / r.tlb_history;
  if (before > p.ratio_upper && now > p.ratio_upper) {
    return {5, Paging::kNested};
  }
  if (before < p.ratio_lower && now < p.ratio_lower) {
    return {6, Paging::kShadow};
  }
  const auto is_between = [&p](double ratio) {
    return p.ratio_lower <= ratio && ratio <= p.ratio_upper;
  };
  return {is_between(before) && is_between(now) ? 7U : 8U, std::nullopt};
}

SwitchAdvice DspPolicy::advise(const IntervalSample& sample) {
  DspRates rates;
  rates.tlb = sample.per_kilo_instruction(sample.tlb_misses);
  rates.faults = sample.per_kilo_instruction(sample.guest_page_faults);
  if (history_.empty()) {  // the first interval is all that is known
    history_.push_back({rates.tlb, rates.faults});
  }
  for (const Rate& rate : history_) {
    rates.tlb_history += rate.tlb / static_cast<double>(history_.size());
    rates.faults_history += rate.faults / static_cast<double>(history_.size());
  }
  const DspVerdict verdict = decide_dsp(params_, rates);
  history_.push_back({rates.tlb, rates.faults});
  while (history_.size() > params_.history) {
    history_.pop_front();
  }
  SwitchAdvice advice;
  advice.paging = verdict.paging.value_or(sample.paging);
  advice.reason = "rule " + std::to_string(verdict.rule) + ": ";
  advice.reason += kReasons.at(verdict.rule);
  advice.rates = {{"tlb_misses_per_1000", rates.tlb},
                  {"faults_per_1000", rates.faults},
                  {"tlb_misses_per_1000_before", rates.tlb_history},
                  {"faults_per_1000_before", rates.faults_history}};
  return advice;
}

}  // namespace nestwalk
