#include "model/tlm/walker.h"

#include <algorithm>

#include "model/tlm/fault_drop.h"

namespace nestwalk {

namespace {
constexpr std::uint64_t kPwcSeed = 21;
constexpr std::uint64_t kNtlbSeed = 22;
}  // namespace

class Walker::TimedMemory {
 public:
  explicit TimedMemory(Walker& walker) : walker_(walker) {}
  [[nodiscard]] std::uint64_t num_references() const { return num_references_; }

  MemoryAnswer read(const Step& step) {
    Walker& w = walker_;
    w.now_ += w.clock_.cycles(w.params_.step_cycles);
    if (w.pwc_.has_words(step.stage)) {
      w.now_ += w.clock_.cycles(w.params_.pwc.latency_cycles);
      if (const auto word = w.pwc_.read(step.hpa, step.stage)) {
        ++w.stats_.word_hits;
        return {true, *word};
      }
    }
    ++num_references_;
    ++count_at(w.stats_.positions, step.position);
    w.record(EventKind::kRead, step, step.hpa.value(), 0);
    if (!w.transport(step, false)) {
      return {false, 0};
    }
    w.record(EventKind::kReadData, step, step.hpa.value(), w.data_);
    keep_word(step, w.data_);
    return {true, w.data_};
  }

  UpdateAnswer update(const Step& step) {
    Walker& w = walker_;
    w.data_ = step.desired;
    w.record(EventKind::kUpdate, step, step.hpa.value(), step.desired);
    if (!w.transport(step, true)) {
      return UpdateAnswer::kError;
    }
    if (!w.extension_.is_stored) {
      w.pwc_.drop_word(step.hpa);
      w.record(EventKind::kRestart, step, step.hpa.value(), 0);
      return UpdateAnswer::kLost;
    }
    ++w.stats_.updates;
    w.pwc_.update_word(step.hpa, step.desired);
    return UpdateAnswer::kStored;
  }

 private:
  // Only well-formed table pointers may be cached (SDM vol. 3, "Caching translation information").
  void keep_word(const Step& step, std::uint64_t word) {
    Walker& w = walker_;
    if (!w.pwc_.has_words(step.stage)) {
      return;
    }
    const bool is_guest = step.stage == Stage::kGuest;
    const StageRules& rules = is_guest ? w.guest_rules_ : w.host_rules_;
    const unsigned level = is_guest ? step.position.g : step.position.h;
    if (classify(rules, level, word) == EntryKind::kTable) {
      w.pwc_.fill_word(step.hpa, word, step.stage);
    }
  }

  Walker& walker_;
  std::uint64_t num_references_ = 0;
};

class Walker::TimedCache {
 public:
  explicit TimedCache(Walker& walker) : walker_(walker) {}

  std::optional<Resume> lookup(const Step& step) {
    Walker& w = walker_;
    w.record(EventKind::kLookup, step, step.address, 0);
    if (step.stage == Stage::kGuest) {
      w.now_ += w.clock_.cycles(w.params_.pwc.latency_cycles);
      return w.pwc_.lookup(query(step));
    }
    // Nested TLB and host walk cache are asked together: the slower one decides the time.
    const bool asks_ntlb = w.ntlb_.serves(step.position);
    const bool asks_pwc = w.pwc_.has_prefixes(Stage::kHost);
    w.now_ += w.clock_.cycles(std::max(asks_ntlb ? w.params_.ntlb.latency_cycles : 0,
                                       asks_pwc ? w.params_.pwc.latency_cycles : 0));
    if (asks_ntlb) {
      if (const auto page = w.ntlb_.lookup(Gpa(step.address), w.context_.tags)) {
        return page;
      }
    }
    return asks_pwc ? w.pwc_.lookup(query(step)) : std::nullopt;
  }

  void fill(const Step& step) {
    Walker& w = walker_;
    w.record(EventKind::kFill, step, step.address, step.resume.base);
    if (step.stage == Stage::kHost && step.resume.next_level == 0) {
      if (w.ntlb_.serves(step.position)) {
        w.ntlb_.fill(Gpa(step.address), step.resume, w.context_.tags);
      }
      return;
    }
    if (w.pwc_.has_prefixes(step.stage)) {
      w.pwc_.fill(query(step), step.level, step.resume);
    }
  }

 private:
  [[nodiscard]] PwcQuery query(const Step& step) const {
    const WalkContext& context = walker_.context_;
    if (step.stage == Stage::kHost) {
      return {Stage::kHost, MappingKind::kGuestPhysical, step.address, context.tags,
              &format_of(context.host_format)};
    }
    return {Stage::kGuest, context.has_host ? MappingKind::kCombined : MappingKind::kLinear,
            step.address, context.tags, &format_of(context.guest_format)};
  }

  Walker& walker_;
};

Walker::Walker(sc_core::sc_module_name name, const WalkerParams& params, const ClockDomain& clock)
    : sc_module(name),
      params_(params),
      clock_(clock),
      pwc_(params.pwc, kPwcSeed),
      ntlb_(params.ntlb, kNtlbSeed) {
  walk_socket.register_b_transport(this, &Walker::b_transport);
  payload_.set_extension(&extension_);
}

Walker::~Walker() {
  payload_.clear_extension(&extension_);
}

void Walker::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  auto* request = payload.get_extension<WalkExtension>();
  if (request == nullptr || request->context == nullptr) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  context_ = *request->context;
  context_.has_guest_cache = context_.has_guest && pwc_.has_prefixes(Stage::kGuest);
  context_.has_host_cache =
      context_.has_host && (ntlb_.is_present() || pwc_.has_prefixes(Stage::kHost));
  context_.combined_guest_cache = params_.pwc.content == PwcContent::kCombined;
  if (context_.has_guest) {
    guest_rules_ = guest_rules(context_);
  }
  if (context_.has_host) {
    host_rules_ = host_rules(context_);
  }
  now_ = delay;
  Step boundary;
  record(EventKind::kAccept, boundary, request->access.address.value(), 0);

  TimedMemory memory(*this);
  const WalkOutcome outcome = walk(context_, request->access, memory, TimedCache(*this));

  ++stats_.walks;
  stats_.restarts += outcome.num_restarts;
  stats_.references += memory.num_references();
  stats_.references_per_walk.add(memory.num_references());
  const std::uint64_t cycles = clock_.to_cycles(now_ - delay);
  stats_.cycles += cycles;
  stats_.cycles_per_walk.add(cycles);
  request->is_translation = outcome.is_translation;
  if (outcome.is_translation) {
    ++stats_.translations;
    request->translation = outcome.translation;
    record(EventKind::kRespond, boundary, request->access.address.value(),
           outcome.translation.hpa.value());
  } else {
    ++stats_.faults;
    request->fault = outcome.fault;
    invalidate(invalidation_by_fault(outcome.fault, context_.tags));
    boundary.position = outcome.fault.position;
    record(EventKind::kRespond, boundary, request->access.address.value(), outcome.fault.code);
  }
  delay = now_;
  payload.set_response_status(outcome.is_translation ? tlm::TLM_OK_RESPONSE
                                                     : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

bool Walker::transport(const Step& step, bool is_update) {
  extension_.stage = step.stage;
  extension_.position = step.position;
  extension_.is_update = is_update;
  extension_.expected = step.expected;
  extension_.is_stored = false;
  if (!is_update) {
    data_ = 0;
  }
  payload_.set_command(is_update ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(step.hpa.value());
  payload_.set_data_ptr(reinterpret_cast<unsigned char*>(&data_));
  payload_.set_data_length(step.bytes);
  payload_.set_streaming_width(step.bytes);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  memory_socket->b_transport(payload_, now_);
  return payload_.is_response_ok();
}

PdpteLoad Walker::load_pdptes(const WalkContext& context, sc_core::sc_time& delay) {
  context_ = context;
  now_ = delay;
  // The load is no walk: its reads are in no walk statistics and pass no walk cache.
  class Plain {
   public:
    explicit Plain(Walker& walker) : walker_(walker) {}
    MemoryAnswer read(const Step& step) {
      const bool ok = walker_.transport(step, false);
      return {ok, walker_.data_};
    }
    UpdateAnswer update(const Step& step) {
      walker_.data_ = step.desired;
      if (!walker_.transport(step, true)) {
        return UpdateAnswer::kError;
      }
      return walker_.extension_.is_stored ? UpdateAnswer::kStored : UpdateAnswer::kLost;
    }

   private:
    Walker& walker_;
  };
  const PdpteLoad load = nestwalk::load_pdptes(context, Plain(*this));
  delay = now_;
  return load;
}

void Walker::record(EventKind kind, const Step& step, std::uint64_t address, std::uint64_t value) {
  events_.emit([&] {
    Event event;
    event.cycle = clock_.to_cycles(sc_core::sc_time_stamp() + now_);
    event.kind = kind;
    event.stage = step.stage;
    event.position = step.position;
    event.bytes = step.bytes;
    event.address = address;
    event.value = value;
    return event;
  });
}

std::uint64_t Walker::invalidate(const Invalidation& invalidation) {
  record(EventKind::kInvalidate, Step{}, invalidation.address.value(), 0);
  return pwc_.invalidate(invalidation) + ntlb_.invalidate(invalidation);
}

void Walker::flush() {
  pwc_.flush();
  ntlb_.flush();
}

namespace {

void register_pwc_stage(StatGroup& group, const PwcStats& s) {
  group.counter("lookups", &s.total.lookups, "count", "Searches.");
  group.counter("hits", &s.total.hits, "count", "Searches that found an entry at some level.");
  group.counter("misses", &s.total.misses, "count", "Searches that found none.");
  for (unsigned level = 2; level <= kMaxLevels; ++level) {
    group.counter("hits_level_" + std::to_string(level), &s.level[level].hits, "count",
                  "Searches whose deepest hit was an entry of this level.");
  }
  group.counter("fills", &s.fills, "count", "Entries made.");
  group.counter("evictions", &s.evictions, "count", "Entries that gave way to another.");
  group.counter("invalidated", &s.invalidated, "count", "Entries dropped by an invalidation.");
}

}  // namespace

void Walker::register_stats(StatGroup& group) const {
  group.counter("walks", &stats_.walks, "count", "Walks.");
  group.counter("translations", &stats_.translations, "count",
                "Walks that ended in a translation.");
  group.counter("faults", &stats_.faults, "count", "Walks that ended in a fault.");
  group.counter("restarts", &stats_.restarts, "count",
                "Walks begun again: an A/D update was lost.");
  group.counter("references", &stats_.references, "count", "Table entries read from memory.");
  group.counter("word_hits", &stats_.word_hits, "count",
                "Table entries served by a physically tagged walk cache.");
  group.counter("updates", &stats_.updates, "count", "Accessed and dirty updates made.");
  group.counter("cycles", &stats_.cycles, "cycles", "Time of all walks.");
  group.derived(
      "references_per_walk_mean", [this] { return ratio(stats_.references, stats_.walks); },
      "references/walk", "Table entries read from memory for each walk.");
  group.derived(
      "cycles_per_walk_mean", [this] { return ratio(stats_.cycles, stats_.walks); }, "cycles/walk",
      "Time of one walk.");
  group.histogram("references_per_walk", &stats_.references_per_walk, "references",
                  "Table entries read from memory by one walk.");
  group.histogram("cycles_per_walk", &stats_.cycles_per_walk, "cycles", "Time of one walk.");
  group.positions("positions", &stats_.positions, "count",
                  "References by position: guest level g, host level h.");
  register_pwc_stage(group.group("pwc.guest"), pwc_.stats(Stage::kGuest));
  register_pwc_stage(group.group("pwc.host"), pwc_.stats(Stage::kHost));
  const NtlbStats& n = ntlb_.stats();
  StatGroup& ntlb = group.group("ntlb");
  ntlb.counter("lookups", &n.lookups, "count", "Lookups.");
  ntlb.counter("hits", &n.hits, "count", "Pages found.");
  ntlb.counter("misses", &n.misses, "count", "Pages not found.");
  ntlb.counter("fills", &n.fills, "count", "Entries made.");
  ntlb.counter("evictions", &n.evictions, "count", "Entries that gave way to another.");
  ntlb.counter("invalidated", &n.invalidated, "count", "Entries dropped by an invalidation.");
}

void Walker::expect_laws(CounterLaws& laws) const {
  const std::string name = this->name();
  laws.expect_equal(
      name + ": walks = translations + faults", [this] { return stats_.walks; },
      [this] { return stats_.translations + stats_.faults; });
  laws.expect_equal(
      name + ": references = sum over positions", [this] { return stats_.references; },
      [this] {
        std::uint64_t sum = 0;
        for (const auto& row : stats_.positions) {
          for (const std::uint64_t count : row) {
            sum += count;
          }
        }
        return sum;
      });
  laws.expect_equal(
      name + ": references = sum of references_per_walk", [this] { return stats_.references; },
      [this] { return stats_.references_per_walk.sum(); });
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    const PwcStats& s = pwc_.stats(stage);
    laws.expect_equal(
        name + ": walk-cache lookups = hits + misses", [&s] { return s.total.lookups; },
        [&s] { return s.total.hits + s.total.misses; });
  }
  const NtlbStats& n = ntlb_.stats();
  laws.expect_equal(
      name + ".ntlb: lookups = hits + misses", [&n] { return n.lookups; },
      [&n] { return n.hits + n.misses; });
}

}  // namespace nestwalk
