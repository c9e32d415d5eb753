// Kind phases: generators that take turns, as a program with phases does. Each has regions of its
// own, behind those of the phases before it. A phase goes on where its last turn ended, its regions
// staying mapped; or, with `starts_anew`, its regions are unmapped at the end of a turn and the
// next turn begins from the start.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/workload/burst_writer.h"
#include "model/workload/generators.h"

namespace nestwalk {
namespace {

class Phase {
 public:
  Phase(const PhaseParams& params, std::uint64_t num_turns, Gva base)
      : accesses_per_turn_(params.num_accesses),
        starts_anew_(params.starts_anew),
        left_in_turn_(accesses_per_turn_) {
    GeneratorParams whole = params;
    whole.num_accesses *= starts_anew_ ? 1 : num_turns;
    std::unique_ptr<Generator> generator = make_generator(whole, base);
    regions_end_ = generator->regions_end();
    stream_ = std::move(generator);
  }
  Phase(const Phase& other)
      : accesses_per_turn_(other.accesses_per_turn_),
        starts_anew_(other.starts_anew_),
        left_in_turn_(other.left_in_turn_),
        regions_end_(other.regions_end_),
        stream_(other.stream_->clone()),
        live_(other.live_) {}
  Phase(Phase&&) = default;
  Phase& operator=(const Phase&) = delete;
  Phase& operator=(Phase&&) = default;
  ~Phase() = default;

  [[nodiscard]] Gva regions_end() const { return regions_end_; }

  // 0 at the end of the turn. `event` outlives the batch.
  std::size_t next_batch(std::span<TraceRecord> out, TraceEvent& event) {
    if (left_in_turn_ > 0) {
      const std::size_t count = stream_->next_batch(
          out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_in_turn_))));
      note(out.first(count));
      return count;
    }
    if (starts_anew_ && !live_.empty()) {
      const auto [start, length_bytes] = *live_.begin();
      live_.erase(live_.begin());
      event = unmap_event(start, length_bytes);
      out[0] = event_record(event);
      return 1;
    }
    return 0;
  }

  void begin_next_turn() {
    left_in_turn_ = accesses_per_turn_;
    if (starts_anew_) {
      stream_->rewind();
    }
  }

  void rewind() {
    left_in_turn_ = accesses_per_turn_;
    stream_->rewind();
    live_.clear();
  }

 private:
  void note(std::span<const TraceRecord> records) {
    for (const TraceRecord& record : records) {
      if (record.event == nullptr) {
        --left_in_turn_;
      } else if (record.event->kind == TraceEventKind::kMap) {
        live_[record.event->region.start] = record.event->region.length_bytes;
      } else {
        live_.erase(record.event->region.start);  // generators unmap what they mapped, whole
      }
    }
  }

  std::uint64_t accesses_per_turn_;
  bool starts_anew_;
  std::uint64_t left_in_turn_;
  Gva regions_end_;
  std::unique_ptr<Stream> stream_;
  std::map<Gva, std::uint64_t> live_;  // length by start
};

class PhaseStream final : public Stream {
 public:
  explicit PhaseStream(const WorkloadParams& params) : num_rounds_(params.repeat) {
    Gva base(params.base_address);
    for (const PhaseParams& phase : params.phases) {
      phases_.emplace_back(phase, params.repeat, base);
      num_accesses_ += phase.num_accesses * params.repeat;
      base = phases_.back().regions_end();
    }
  }

  std::size_t next_batch(std::span<TraceRecord> out) override {
    if (out.empty()) {
      return 0;
    }
    while (round_ < num_rounds_) {
      if (const std::size_t count = phases_[current_].next_batch(out, event_)) {
        return count;
      }
      phases_[current_].begin_next_turn();
      if (++current_ == phases_.size()) {
        current_ = 0;
        ++round_;
      }
    }
    return 0;
  }

  void rewind() override {
    for (Phase& phase : phases_) {
      phase.rewind();
    }
    round_ = 0;
    current_ = 0;
  }

  [[nodiscard]] std::unique_ptr<Stream> clone() const override {
    return std::make_unique<PhaseStream>(*this);
  }
  [[nodiscard]] std::optional<std::uint64_t> num_accesses() const override { return num_accesses_; }

 private:
  std::uint64_t num_rounds_;
  std::vector<Phase> phases_;
  std::uint64_t num_accesses_ = 0;
  std::uint64_t round_ = 0;
  std::size_t current_ = 0;
  TraceEvent event_;
};

}  // namespace

std::unique_ptr<Stream> make_phases(const WorkloadParams& params) {
  return std::make_unique<PhaseStream>(params);
}

}  // namespace nestwalk
