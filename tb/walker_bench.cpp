#include "tb/walker_bench.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"

namespace nestwalk {

WalkerBench::WalkerBench(std::unique_ptr<PinWalker> walker, const BenchParams& params)
    : params_(params),
      random_(params.seed),
      checked_(std::move(walker)),
      slots_(checked_.pins().slots()) {}

void WalkerBench::set_params(const BenchParams& params) {
  params_ = params;
  random_ = SplitMix(params.seed);
}

void WalkerBench::reset() {
  checked_.reset();
  forget_all();
}

void WalkerBench::power_up(std::uint64_t seed) {
  checked_.power_up(seed);
  forget_all();
}

void WalkerBench::forget_all() {
  waiting_.clear();
  invalidations_.clear();
  reads_.clear();
  updates_.clear();
  is_offered_ = false;
  awaits_acknowledge_ = false;
  num_busy_ = 0;
  has_barked_ = false;
  last_reset_cycle_ = cycle_;
}

bool WalkerBench::is_idle() const {
  return waiting_.empty() && invalidations_.empty() && num_busy_ == 0 && !awaits_acknowledge_ &&
         reads_.empty() && updates_.empty();
}

// An answer that is due, the earliest asked first.
bool WalkerBench::take_due(std::vector<Pending>& pending, Pending& taken) const {
  const auto is_due = [&](const Pending& p) { return p.due_cycle <= cycle_; };
  auto due = std::find_if(pending.begin(), pending.end(), is_due);
  if (due == pending.end() || (params_.is_in_order && due != pending.begin())) {
    return false;
  }
  taken = *due;
  pending.erase(due);
  return true;
}

void WalkerBench::drive() {
  if (!is_offered_ && !waiting_.empty() && chance(params_.offer_percent)) {
    is_offered_ = true;
    checked_.offer(&waiting_.front());
  }
  if (!invalidations_.empty() && !awaits_acknowledge_) {
    checked_.offer(&invalidations_.front());
  }
  PinWalker::Ready ready;
  ready.read = chance(params_.ready_percent);
  ready.update = chance(params_.ready_percent);
  ready.response = chance(params_.ready_percent);
  ready.acknowledge = chance(params_.ready_percent);
  checked_.set_ready(ready);
  checked_.answer_read(take_due(reads_, data_) ? &data_.answer : nullptr);
  checked_.answer_update(take_due(updates_, done_) ? &done_.answer : nullptr);
}

void WalkerBench::step() {
  drive();
  take_requests(checked_.step(cycle_));
  ++cycle_;
  const std::uint64_t last = std::max(checked_.last_active_cycle(), last_reset_cycle_);
  if (cycle_ - last > params_.max_idle_cycles && !is_idle()) {
    has_barked_ = true;
  }
}

// What the walker asks of the memory is decided when it is taken and answered later.
void WalkerBench::take_requests(const PinWalker::Cycle& cycle) {
  if (cycle.has_read) {
    Pending pending{cycle_ + draw_latency(), {cycle.read, {}}};
    const std::optional<std::uint64_t> value = memory_->read(cycle.read);
    pending.answer.answer.kind = value ? AnswerKind::kValue : AnswerKind::kError;
    pending.answer.answer.value = value.value_or(0);
    Report& report = slots_.at(cycle.read.slot);
    ++report.num_reads;
    report.latency_cycles += pending.due_cycle - cycle_;
    reads_.push_back(pending);
  }
  if (cycle.has_update) {
    Pending pending{cycle_ + draw_latency(), {cycle.update, {}}};
    pending.answer.answer.kind = memory_->update(cycle.update);
    Report& report = slots_.at(cycle.update.slot);
    ++report.num_updates;
    report.latency_cycles += pending.due_cycle - cycle_;
    updates_.push_back(pending);
  }
  if (cycle.has_accept) {
    Report& report = slots_.at(cycle.accept_slot);
    report = {};
    report.request = waiting_.front();
    report.accept_cycle = cycle_;
    waiting_.pop_front();
    checked_.offer(static_cast<const WalkerRequest*>(nullptr));
    is_offered_ = false;
    ++num_busy_;
  }
  if (cycle.has_response) {
    Report& report = slots_.at(cycle.response_slot);
    report.response = cycle.response;
    report.response_cycle = cycle_;
    reports_.push_back(report);
    --num_busy_;
  }
  if (cycle.has_invalidation) {
    invalidations_.pop_front();
    checked_.offer(static_cast<const Invalidation*>(nullptr));
    awaits_acknowledge_ = true;
  }
  if (cycle.has_acknowledge) {
    awaits_acknowledge_ = false;
    ++num_acknowledged_;
  }
}

void WalkerBench::run() {
  while (!is_idle() && !has_barked_) {
    step();
  }
}

std::vector<std::string> WalkerBench::problems() const {
  std::vector<std::string> all = checked_.problems();
  if (has_barked_) {
    all.push_back("nothing happened for " + std::to_string(params_.max_idle_cycles) +
                  " cycles although walks are under way");
  }
  return all;
}

}  // namespace nestwalk
