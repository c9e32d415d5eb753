#include "tb/walk_service_rtl.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "model/arch/check.h"
#include "model/cli/entry_memory.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

constexpr std::string_view kPlainSet = "one_slot";
constexpr unsigned kEnoughCycles = 1'000'000;  // for a walk that restarts as often as it may

class RtlWalkService final : public WalkService {
 public:
  explicit RtlWalkService(std::string_view set) : walker_(open_walker_set(set)) {}

  void load(const std::vector<MemoryWord>& memory) override { memory_.load(memory); }

  WalkAnswer walk(const WalkContext& context, const Access& access) override {
    memory_.restore();
    answer_ = {};
    if (context.has_shadow) {
      answer_.unsupported = "the RTL walker has no agile walks";
      return std::move(answer_);
    }
    WalkerRequest request;
    request.context = context;
    request.access = access;
    if (const auto fault = load_pdpte_registers(request.context, access, memory_)) {
      answer_.outcome.fault = *fault;
      return std::move(answer_);
    }
    empty_caches();
    const WalkerResponse response = respond_to(request);
    WalkOutcome& outcome = answer_.outcome;
    outcome.is_translation = response.is_translation;
    outcome.translation = response.translation;
    outcome.fault = response.fault;
    outcome.num_references = static_cast<std::uint32_t>(answer_.references.size());
    outcome.num_restarts = response.num_restarts;
    return std::move(answer_);
  }

 private:
  // One cycle; what the memory is asked in it is answered in the next.
  const PinWalker::Cycle& step() {
    walker_->answer_nothing();
    if (read_) {
      walker_->answer_read(read_->first, read_->second);
    }
    if (update_) {
      walker_->answer_update(update_->first, update_->second);
    }
    read_.reset();
    update_.reset();
    const PinWalker::Cycle& cycle = walker_->settle();
    if (cycle.has_read) {
      read(cycle.read);
    }
    if (cycle.has_update) {
      update(cycle.update);
    }
    if (cycle.has_cache && cycle.cache.is_hit) {
      answer_.unsupported = "a cache of this walker answered, so that it did not read every entry";
    }
    walker_->tick();
    fatal_unless(walker_->failures().empty(), "no protocol assertion of the RTL fails");
    return cycle;
  }

  void empty_caches() {
    Invalidation all;
    all.op = InvalidateOp::kTlbControlAll;
    all.rules = TagRules::kAmd;
    walker_->set_ready({});
    walker_->offer(&all);
    wait_for([this](const PinWalker::Cycle& cycle) {
      if (cycle.has_invalidation) {
        walker_->offer(static_cast<const Invalidation*>(nullptr));
      }
      return cycle.has_acknowledge;
    });
  }

  WalkerResponse respond_to(const WalkerRequest& request) {
    WalkerResponse response;
    walker_->offer(&request);
    wait_for([&](const PinWalker::Cycle& cycle) {
      if (cycle.has_accept) {
        walker_->offer(static_cast<const WalkerRequest*>(nullptr));
      }
      response = cycle.response;
      return cycle.has_response;
    });
    return response;
  }

  template <class Until>
  void wait_for(Until until) {
    for (unsigned i = 0; i < kEnoughCycles; ++i) {
      if (until(step())) {
        return;
      }
    }
    fatal("the RTL walker answers in bounded time");
  }

  static Step step_of(const PinWalker::TableRequest& request) {
    Step step;
    step.stage = request.stage;
    step.position = request.position;
    step.bytes = request.bytes;
    step.hpa = request.hpa;
    step.expected = request.expected;
    step.desired = request.desired;
    return step;
  }
  static EntryReference record(const PinWalker::TableRequest& request, std::uint64_t value) {
    return {request.stage, request.position, request.bytes, request.hpa, value};
  }

  void read(const PinWalker::TableRequest& request) {
    const std::uint64_t value = memory_.read(step_of(request)).value;
    answer_.references.push_back(record(request, value));
    read_ = {request.slot, {AnswerKind::kValue, value, {}}};
  }
  void update(const PinWalker::TableRequest& request) {
    const bool stored = memory_.update(step_of(request)) == UpdateAnswer::kStored;
    if (stored) {
      answer_.writes.push_back(record(request, request.desired));
    }
    update_ = {request.slot, stored ? AnswerKind::kStored : AnswerKind::kLost};
  }

  std::unique_ptr<PinWalker> walker_;
  EntryMemory memory_;
  WalkAnswer answer_;
  // To be answered in the next cycle, with their slots.
  std::optional<std::pair<std::uint8_t, Answer>> read_;
  std::optional<std::pair<std::uint8_t, AnswerKind>> update_;
};

}  // namespace

std::unique_ptr<WalkService> make_rtl_walk_service(std::string_view set) {
  return std::make_unique<RtlWalkService>(set);
}

WalkServices rtl_walk_services() {
  WalkServices services;
  services["rtl"] = [] { return make_rtl_walk_service(kPlainSet); };
  for (const WalkerSet& set : walker_sets()) {
    services[fmt::format("rtl:{}", set.name)] = [name = set.name] {
      return make_rtl_walk_service(name);
    };
  }
  return services;
}

}  // namespace nestwalk
