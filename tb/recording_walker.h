// A walker that writes down what its driver puts on the pins, and hands everything on.
//
//   auto recorder = std::make_unique<RecordingWalker>(open_walker_set("four_slots"));
//   RecordingWalker& record = *recorder;
//   WalkerBench bench(std::move(recorder), {});
//   ... record.take();   // the stimulus since the last power_up()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tb/pin_stimulus.h"
#include "tb/pin_walker.h"

namespace nestwalk {

class RecordingWalker final : public PinWalker {
 public:
  explicit RecordingWalker(std::unique_ptr<PinWalker> walker) : walker_(std::move(walker)) {}

  [[nodiscard]] PinStimulus take() { return std::exchange(stimulus_, {}); }

  [[nodiscard]] unsigned slots() const override { return walker_->slots(); }
  [[nodiscard]] unsigned max_restarts() const override { return walker_->max_restarts(); }
  [[nodiscard]] WalkerStructures structures() const override { return walker_->structures(); }
  void reset() override { walker_->reset(); }
  void power_up(std::uint64_t seed) override {
    stimulus_ = {};
    cycle_ = {};
    walker_->power_up(seed);
  }

  void offer(const WalkerRequest* request) override {
    if (request != nullptr) {
      stimulus_.requests.push_back(*request);
    }
    put(request != nullptr ? PinStimulus::kRequest : PinStimulus::kNoRequest,
        PinStimulus::kRequest | PinStimulus::kNoRequest);
    walker_->offer(request);
  }
  void offer(const Invalidation* invalidation) override {
    const bool is_again = invalidation != nullptr && is_invalidation_offered_;
    is_invalidation_offered_ = invalidation != nullptr;
    if (!is_again) {
      if (invalidation != nullptr) {
        stimulus_.invalidations.push_back(*invalidation);
      }
      put(invalidation != nullptr ? PinStimulus::kInvalidation : PinStimulus::kNoInvalidation,
          PinStimulus::kInvalidation | PinStimulus::kNoInvalidation);
    }
    walker_->offer(invalidation);
  }
  void set_ready(const Ready& ready) override {
    cycle_.ready =
        static_cast<std::uint8_t>((ready.read ? 1U : 0U) | (ready.update ? 2U : 0U) |
                                  (ready.response ? 4U : 0U) | (ready.acknowledge ? 8U : 0U));
    walker_->set_ready(ready);
  }
  void answer_read(std::uint8_t slot, const Answer& answer) override {
    put(PinStimulus::kReadData | (answer.kind == AnswerKind::kError ? PinStimulus::kReadError : 0),
        0);
    cycle_.data = answer.value;
    cycle_.data_slot = slot;
    walker_->answer_read(slot, answer);
  }
  void answer_update(std::uint8_t slot, AnswerKind answer) override {
    put(PinStimulus::kUpdateDone, 0);
    cycle_.done_slot = slot;
    cycle_.done_outcome = answer == AnswerKind::kStored ? 0 : answer == AnswerKind::kLost ? 1 : 2;
    walker_->answer_update(slot, answer);
  }
  void answer_nothing() override { walker_->answer_nothing(); }
  const Cycle& settle() override { return walker_->settle(); }
  void tick() override {
    stimulus_.cycles.push_back(cycle_);
    cycle_ = {};
    walker_->tick();
  }
  std::uint64_t replay(const PinStimulus& stimulus) override { return walker_->replay(stimulus); }
  [[nodiscard]] const std::vector<std::string>& failures() const override {
    return walker_->failures();
  }
  void forget_failures() override { walker_->forget_failures(); }

 private:
  void put(unsigned flags, unsigned instead_of) {
    cycle_.flags = static_cast<std::uint8_t>((cycle_.flags & ~instead_of) | flags);
  }

  std::unique_ptr<PinWalker> walker_;
  PinStimulus stimulus_;
  PinStimulus::Cycle cycle_;
  bool is_invalidation_offered_ = false;
};

}  // namespace nestwalk
