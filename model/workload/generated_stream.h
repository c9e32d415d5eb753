// The stream that an algorithm makes. An algorithm is a value with
//
//   struct Algorithm {
//     static constexpr std::size_t kMaxBurst = 4;   // records of the longest burst
//     void burst(BurstWriter& writer);              // its next step: one record or more
//   };
//   std::make_unique<GeneratedStream<Algorithm>>(params, std::move(plan), Algorithm(params));
//
// It has no end; the stream cuts it off after num_accesses. It is called through a template, once
// per burst, so that neither accesses nor bursts cost a virtual call.
//
// Not for traces, whose records exist already.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/params/workload.h"
#include "model/workload/burst_writer.h"
#include "model/workload/generator.h"
#include "model/workload/region_plan.h"

namespace nestwalk {

template <class Algorithm>
class GeneratedStream final : public Generator {
 public:
  GeneratedStream(const GeneratorParams& params, const RegionPlan& plan, Algorithm algorithm)
      : num_accesses_(params.num_accesses),
        instructions_per_access_(params.instructions_per_access),
        regions_end_(plan.next()),
        initial_(std::move(algorithm)),
        algorithm_(initial_),
        num_left_(num_accesses_) {
    for (const Region& region : plan.regions()) {
      TraceEvent& event = maps_.emplace_back();
      event.kind = TraceEventKind::kMap;
      event.region = region;
    }
  }

  std::size_t next_batch(std::span<TraceRecord> out) override {
    std::size_t count = 0;
    while (num_mapped_ < maps_.size() && count < out.size()) {
      out[count++] = event_record(maps_[num_mapped_++]);
    }
    while (count < out.size() && num_left_ > 0) {
      const std::span<TraceRecord> room = out.subspan(count);
      if (pending_begin_ == pending_end_ && room.size() >= Algorithm::kMaxBurst &&
          num_left_ >= Algorithm::kMaxBurst) {
        BurstWriter writer(room.data(), event_, instructions_per_access_);
        algorithm_.burst(writer);
        const auto num_records = static_cast<std::size_t>(writer.end() - room.data());
        count += num_records;
        num_left_ -= num_records;
        if (writer.has_event()) [[unlikely]] {
          ++num_left_;
          return count;  // the event must outlive this batch, and there is one place for it
        }
      } else if (take_pending(room[0])) {
        ++count;
        --num_left_;
      } else {
        return count + 1;
      }
    }
    return count;
  }

  void rewind() override {
    algorithm_ = initial_;
    num_left_ = num_accesses_;
    num_mapped_ = 0;
    pending_begin_ = pending_end_ = 0;
  }

  [[nodiscard]] std::unique_ptr<Stream> clone() const override {
    return std::make_unique<GeneratedStream>(*this);
  }
  [[nodiscard]] std::optional<std::uint64_t> num_accesses() const override { return num_accesses_; }
  [[nodiscard]] Gva regions_end() const override { return regions_end_; }

 private:
  // The next record of a burst for which the batch, or the rest of the stream, has too little room.
  // False: it is an event.
  bool take_pending(TraceRecord& out) {
    if (pending_begin_ == pending_end_) {
      BurstWriter writer(pending_.data(), event_, instructions_per_access_);
      algorithm_.burst(writer);
      pending_begin_ = 0;
      pending_end_ = static_cast<std::size_t>(writer.end() - pending_.data());
    }
    out = pending_[pending_begin_++];
    if (out.event == nullptr) {
      return true;
    }
    out.event = &event_;  // a clone has its own
    return false;
  }

  std::uint64_t num_accesses_;
  std::uint32_t instructions_per_access_;
  Gva regions_end_;
  std::vector<TraceEvent> maps_;
  Algorithm initial_;
  Algorithm algorithm_;
  TraceEvent event_;
  std::uint64_t num_left_;
  std::size_t num_mapped_ = 0;
  std::array<TraceRecord, Algorithm::kMaxBurst> pending_ = {};
  std::size_t pending_begin_ = 0;
  std::size_t pending_end_ = 0;
};

}  // namespace nestwalk
