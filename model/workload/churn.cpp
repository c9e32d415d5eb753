// Kind churn: a process that maps and unmaps all the time, as an allocator of large blocks does.
// Until `num_regions` live, each step maps one more; then each step unmaps a random one and maps a
// region of another size at its place. A new region is written once per page; then random words of
// all live regions are used.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"
#include "model/workload/word_operation.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = RegionPlan::kPageBytes;

class Churn {
 public:
  static constexpr std::size_t kMaxBurst = WordOperation::kMaxRecords;

  Churn(const GeneratorParams& params, RegionPlan& plan)
      : params_(params.churn), random_(params.seed), operation_(params) {
    slots_.resize(params_.num_regions);
    for (Slot& slot : slots_) {
      slot.start = plan.reserve(params_.max_region_bytes);
    }
  }

  void burst(BurstWriter& writer) {
    switch (step_) {
      case Step::kChoose:
        choose(writer);
        return;
      case Step::kMap:
        map(writer);
        return;
      case Step::kFirstTouch:
        writer.write(slots_[current_].start + progress_);
        progress_ += kPageBytes;
        if (progress_ == slots_[current_].length_bytes) {
          progress_ = 0;
          step_ = params_.accesses_per_region == 0 ? Step::kChoose : Step::kUse;
        }
        return;
      case Step::kUse: {
        const Slot& slot = slots_[random_.draw() % num_live_];
        operation_.apply(writer,
                         slot.start + random_.draw() % slot.length_bytes / kWordBytes * kWordBytes);
        if (++progress_ == params_.accesses_per_region) {
          step_ = Step::kChoose;
        }
        return;
      }
    }
  }

 private:
  enum class Step : std::uint8_t { kChoose, kMap, kFirstTouch, kUse };

  struct Slot {
    Gva start;
    std::uint64_t length_bytes = 0;
  };

  void choose(BurstWriter& writer) {
    if (num_live_ < slots_.size()) {
      current_ = num_live_++;
      map(writer);
      return;
    }
    current_ = random_.draw() % slots_.size();
    writer.unmap(slots_[current_].start, slots_[current_].length_bytes);
    step_ = Step::kMap;
  }

  void map(BurstWriter& writer) {
    const std::uint64_t min_pages = params_.min_region_bytes / kPageBytes;
    const std::uint64_t num_sizes = params_.max_region_bytes / kPageBytes - min_pages + 1;
    Slot& slot = slots_[current_];
    slot.length_bytes = (min_pages + random_.draw() % num_sizes) * kPageBytes;
    writer.map({.start = slot.start,
                .length_bytes = slot.length_bytes,
                .rights = {.read = true, .write = true},
                .name = "[churn]"});
    progress_ = 0;
    step_ = Step::kFirstTouch;
  }

  ChurnParams params_;
  SplitMix random_;
  WordOperation operation_;
  std::vector<Slot> slots_;
  std::size_t num_live_ = 0;  // the first ones
  std::size_t current_ = 0;
  Step step_ = Step::kChoose;
  std::uint64_t progress_ = 0;  // bytes written, or uses made
};

}  // namespace

std::unique_ptr<Generator> make_churn(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  Churn churn(params, plan);
  return std::make_unique<GeneratedStream<Churn>>(params, plan, std::move(churn));
}

}  // namespace nestwalk
